/**
 * Randomness that repeats itself. The generator is sfc32 of Chris Doty-Humphrey's PractRand (pracrand.sourceforge.net):
 * 128 bits of state, of which 32 are a counter, so no seed gives a short cycle. Not for secrets.
 */
import type { Random } from '@sluice/core'

const WARM_UP_ROUNDS = 12

/**
 * Pseudo-random numbers in [0, 1) with 32 bits each: the same sequence for the same seed, on every machine.
 * @throws {RangeError} when `seed` is not an integer that a number holds exactly
 */
export function seededRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`not a seed: ${seed}`)
  let a = 0
  let b = seed | 0
  let c = Math.floor(seed / 0x1_0000_0000) | 0
  let counter = 1
  const next = (): number => {
    const result = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + result) | 0
    return (result >>> 0) / 0x1_0000_0000
  }
  for (let round = 0; round < WARM_UP_ROUNDS; round++) next()
  return next
}
