/** Traces of keys that are asked for, each the same in every run. `size` is how many entries the caches hold. */
import { seededRandom } from '@sluice/testing'

export const traces = {
  zipf07: { title: 'Zipf 0.7', make: (size, count) => zipf(size * 20, 0.7, count) },
  zipf1: { title: 'Zipf 1.0', make: (size, count) => zipf(size * 20, 1, count) },
  large: { title: 'Zipf 1.0, ×100', make: (size, count) => zipf(size * 100, 1, count) },
  scans: { title: 'with scans', make: withScans },
  shifting: { title: 'shifting', make: shifting },
  loop: {
    title: 'loop of 1.25',
    make: (size, count) => Array.from({ length: count }, (_, i) => i % Math.round(size * 1.25)),
  },
}

/** Keys whose popularity falls with the power of their rank. */
function zipf(keys, exponent, count, seed = 1) {
  const random = seededRandom(seed)
  const sums = new Float64Array(keys)
  let sum = 0
  for (let rank = 0; rank < keys; rank++) sums[rank] = sum += 1 / (rank + 1) ** exponent
  return Array.from({ length: count }, () => rankOf(sums, random() * sum))
}

function rankOf(sums, value) {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

/** Now and then somebody asks for twice as many things as a cache holds, once each: a crawler, a backup. A third of all. */
function withScans(size, count) {
  const popular = zipf(size * 20, 1, count, 2)
  const trace = []
  let next = size * 100
  for (let i = 0; trace.length < count; i++) {
    trace.push(popular[i])
    if (i % (size * 4) === 0) for (let j = 0; j < size * 2; j++) trace.push(next++)
  }
  return trace.slice(0, count)
}

/** Every so often other things are popular. */
function shifting(size, count) {
  return zipf(size * 20, 1, count, 3).map((rank, i) => rank + Math.floor(i / (size * 20)) * size)
}
