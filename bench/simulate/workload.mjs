/**
 * What comes in: Poisson arrivals, log-normal times of service, clients of which some come much more often than others.
 * Each has dice of its own, so that every balancer meets the same requests at the same times.
 */
import { seededRandom } from '@sluice/testing'

/** Exponential gaps between arrivals, in milliseconds. */
export function arrivals(perMs, seed) {
  const random = seededRandom(seed)
  return () => -Math.log(1 - random()) / perMs
}

/** Factors whose logarithm is normal (Box and Muller, 1958), with the median 1. */
export function logNormal(sigma, seed) {
  const random = seededRandom(seed)
  let spare
  return () => {
    if (spare !== undefined) {
      const factor = spare
      spare = undefined
      return factor
    }
    const radius = sigma * Math.sqrt(-2 * Math.log(1 - random()))
    const angle = 2 * Math.PI * random()
    spare = Math.exp(radius * Math.sin(angle))
    return Math.exp(radius * Math.cos(angle))
  }
}

/**
 * Client numbers from 0 to `count` - 1, the k-th as often as (k + 1) ^ -exponent says: Zipf's law, by the inverse of its
 * continuous form.
 */
export function clients(count, exponent, seed) {
  const random = seededRandom(seed)
  const power = 1 - exponent
  const span = (count + 1) ** power - 1
  return () => Math.min(count, Math.floor((1 + random() * span) ** (1 / power))) - 1
}

/** An IPv4 address for each client. */
export function addressOf(client) {
  return `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`
}
