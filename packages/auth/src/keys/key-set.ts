/** A set of keys at hand, and which of them may have signed a given token. */
import type { KeyObject } from 'node:crypto'
import { fitsAlgorithm, type JwtAlgorithm } from './algorithms.ts'

/** A key with what is known of its use (RFC 7517, section 4). */
export interface NamedKey {
  readonly key: KeyObject
  /** The key's name in tokens. One without a name may have signed any token. */
  readonly kid: string | undefined
  /** The one algorithm that it is for; missing where any that it fits will do. */
  readonly algorithm: string | undefined
}

/** Where many keys have no name, a token must not make us try them all. */
const MAX_CANDIDATES = 8

const NONE: readonly KeyObject[] = Object.freeze([])

export class KeySet {
  readonly #keys: readonly NamedKey[]
  /** What was asked for before: there are few keys, and few ways to ask. Names that no key has are not remembered. */
  readonly #found = new Map<string, readonly KeyObject[]>()

  constructor(keys: readonly NamedKey[]) {
    this.#keys = keys
  }

  get size(): number {
    return this.#keys.length
  }

  /** The names of the keys, as far as they have one. */
  get names(): readonly string[] {
    return this.#keys.flatMap(({ kid }) => kid ?? [])
  }

  /**
   * The keys that a token with this header may have been signed by. One that names a key (`kid`) was not signed by a key of
   * another name; one that names none may have been signed by any of the algorithm's.
   */
  candidates(algorithm: JwtAlgorithm, kid: string | undefined): readonly KeyObject[] {
    const asked = kid === undefined ? algorithm : `${algorithm} ${kid}`
    const known = this.#found.get(asked)
    if (known !== undefined) return known
    const keys = this.#keys.filter((each) => mayHaveSigned(each, algorithm, kid))
    if (keys.length === 0) return NONE
    const found = keys.slice(0, MAX_CANDIDATES).map(({ key }) => key)
    if (kid === undefined || keys.some((each) => each.kid === kid)) this.#found.set(asked, found)
    return found
  }
}

function mayHaveSigned(each: NamedKey, algorithm: JwtAlgorithm, kid: string | undefined): boolean {
  if (kid !== undefined && each.kid !== undefined && kid !== each.kid) return false
  if (each.algorithm !== undefined && each.algorithm !== algorithm) return false
  return fitsAlgorithm(each.key, algorithm)
}
