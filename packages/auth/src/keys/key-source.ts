/** Where the keys come from that tokens are verified with: from the options, or from whoever issues the tokens. */
import type { KeyObject } from 'node:crypto'
import type { Clock } from '@sluice/wire'
import type { JwtAlgorithm } from './algorithms.ts'
import type { KeySet } from './key-set.ts'

export interface KeySource {
  /**
   * The keys that may have signed a token with this header, at once where they are at hand. None where the header names a
   * key that nobody knows.
   * @throws {KeysUnavailable} where it could not be found out
   */
  find(
    algorithm: JwtAlgorithm,
    kid: string | undefined,
    clock: Clock,
  ): readonly KeyObject[] | Promise<readonly KeyObject[]>
  snapshot(): KeySourceSnapshot
}

/** A source's state as plain data. */
export interface KeySourceSnapshot {
  /** How many keys are at hand. */
  readonly keys: number
  readonly kids: readonly string[]
  /** When they were last fetched, in milliseconds since the Unix epoch; missing where they were written down, or never fetched. */
  readonly fetchedAt?: number | undefined
  /** How many fetches have failed in a row. */
  readonly failures: number
}

/** There is no key at all, and nobody can be asked for one now. Not the client's fault: 503. */
export class KeysUnavailable extends Error {}

/** Keys that are written down. */
export class FixedKeys implements KeySource {
  readonly #keys: KeySet

  constructor(keys: KeySet) {
    this.#keys = keys
  }

  find(algorithm: JwtAlgorithm, kid: string | undefined): readonly KeyObject[] {
    return this.#keys.candidates(algorithm, kid)
  }

  snapshot(): KeySourceSnapshot {
    return { keys: this.#keys.size, kids: this.#keys.names, failures: 0 }
  }
}
