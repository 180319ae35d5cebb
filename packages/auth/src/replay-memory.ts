/**
 * What may be used once: proofs of possession (RFC 9449, section 11.1), nonces of signatures (RFC 9421, section 7.2.2). Two generations
 * of digests: what is too old to be used at all has left with the one before, without a timer and without a time for each.
 */
import { hash } from 'node:crypto'

export class ReplayMemory {
  readonly #maxEntries: number
  readonly #spanMs: number
  #young = new Set<string>()
  #old = new Set<string>()
  #since = Number.NEGATIVE_INFINITY

  /** `spanMs` is how long one can be used at all; of more than `maxEntries` in that time the oldest are forgotten. */
  constructor(maxEntries: number, spanMs: number) {
    this.#maxEntries = maxEntries
    this.#spanMs = spanMs
  }

  /** Whether it is the first time; remembers it. `now` is monotonic. */
  isFirst(key: string, name: string, now: number): boolean {
    if (now - this.#since >= this.#spanMs || this.#young.size >= this.#maxEntries) this.#turn(now)
    // Of one length, whatever a client has chosen.
    const digest = hash('sha256', `${key}\0${name}`, 'base64url')
    if (this.#young.has(digest) || this.#old.has(digest)) return false
    this.#young.add(digest)
    return true
  }

  #turn(now: number): void {
    // After a long silence the younger ones are out of date as well.
    this.#old = now - this.#since >= 2 * this.#spanMs ? new Set() : this.#young
    this.#young = new Set()
    this.#since = now
  }
}
