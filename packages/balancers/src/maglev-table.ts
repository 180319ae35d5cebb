/**
 * The look-up table of D. Eisenbud and others, "Maglev: a fast and reliable software network load balancer" (NSDI 2016),
 * section 3.4: every target has an order of preference over all entries, and one after the other they take the best that
 * is left, until none is. With weights, those whose turn it is come in the order of deadlines: the k-th entry of a target
 * is due at k / weight.
 */
import type { Target } from '@sluice/core'
import { IndexedHeap } from './indexed-heap.ts'
import { hashText } from './murmur3.ts'

/** Indexes of targets, `size` of them; `size` is a prime. O(size × log targets), and a few probes for each entry. */
export function maglevTable(targets: readonly Target[], size: number, seed: number): Int32Array {
  const table = new Int32Array(size).fill(-1)
  if (targets.length === 0) return table
  // The order of the list may differ from proxy to proxy, the table must not.
  const order = [...targets.keys()].toSorted((a, b) => (targets[a]!.key < targets[b]!.key ? -1 : 1))
  const places = order.map((index) => hashOf(targets[index]!, seed) % size)
  const skips = order.map((index) => (hashOf(targets[index]!, ~seed) % (size - 1)) + 1)
  const { weight } = targets[0]!
  // Where all weigh the same, the order of deadlines is that of the list, round and round.
  const isEven = targets.every((target) => target.weight === weight)
  const turns = new IndexedHeap()
  if (!isEven) {
    turns.load(
      Float64Array.from(order, (index) => 1 / targets[index]!.weight),
      Float64Array.from(order.keys()),
    )
  }
  const taken = new Int32Array(order.length)
  for (let filled = 0; filled < size; filled++) {
    const next = isEven ? filled % order.length : turns.top
    const skip = skips[next]!
    let place = places[next]!
    while (table[place]! >= 0) place = place + skip < size ? place + skip : place + skip - size
    table[place] = order[next]!
    places[next] = place
    if (isEven) continue
    const turn = taken[next]! + 1
    taken[next] = turn
    turns.keys[next] = (turn + 1) / targets[order[next]!]!.weight
    turns.moved(next)
  }
  return table
}

function hashOf({ key }: Target, seed: number): number {
  return hashText(key, 0, key.length, seed) >>> 1
}
