/** Which fields replies get, and what becomes of those that an origin has sent: never loosened, never removed. */
import { ConfigError } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import { addDraft11, policyItem } from './draft-11.ts'
import { type LimitFace, type LimitState, tightest } from './limit-state.ts'
import { addDraft06, addDraft07, addXRateLimit } from './single-limit.ts'

/**
 * - `draft-11`: `RateLimit-Policy: "burst";q=100;w=60` and `RateLimit: "burst";r=50;t=30`, for all limits.
 * - `draft-07`: `RateLimit: limit=100, remaining=50, reset=30`, for the limit that is met first.
 * - `draft-06`: the same as `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`.
 * - `x-ratelimit`: the same as `X-RateLimit-*`, with `Reset` in seconds since 1970.
 */
export type FieldFamily = 'draft-11' | 'draft-07' | 'draft-06' | 'x-ratelimit'

/** One family or several; `none` for no fields. */
export type FieldsOption = FieldFamily | 'none' | readonly FieldFamily[]

const FAMILIES: readonly FieldFamily[] = ['draft-11', 'draft-07', 'draft-06', 'x-ratelimit']
/** Those that share the name of a field. */
const EXCLUSIVE: readonly (readonly FieldFamily[])[] = [
  ['draft-11', 'draft-07'],
  ['draft-11', 'draft-06'],
  ['draft-07', 'draft-06'],
]

export class ReplyFields {
  readonly #families: readonly FieldFamily[]
  /** `RateLimit-Policy` where all limits apply. */
  readonly #policies: string
  readonly #count: number

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(option: FieldsOption = 'draft-11', faces: readonly LimitFace[], at: string) {
    const families = option === 'none' ? [] : typeof option === 'string' ? [option] : option
    if (!Array.isArray(families) || !families.every((family) => FAMILIES.includes(family)))
      throw new ConfigError(
        at,
        `must be "none", or one or several of ${FAMILIES.map((each) => `"${each}"`).join(', ')}`,
      )
    for (const pair of EXCLUSIVE)
      if (pair.every((family) => families.includes(family)))
        throw new ConfigError(at, `can not have both "${pair[0]}" and "${pair[1]}": they share a field`)
    this.#families = families
    this.#count = faces.length
    this.#policies = faces.map((face) => policyItem(face)).join(', ')
  }

  /** Whether there is anything to write. */
  get isEmpty(): boolean {
    return this.#families.length === 0
  }

  /** `by` is the proxy's name. */
  write(headers: HeaderList, states: readonly LimitState[], by: string, wallTimeMs: number): void {
    if (states.length === 0) return
    for (const family of this.#families) {
      if (family === 'draft-11') addDraft11(headers, states, this.#policiesOf(states), by)
      else if (family === 'draft-07') addDraft07(headers, tightest(states))
      else if (family === 'draft-06') addDraft06(headers, tightest(states))
      else addXRateLimit(headers, tightest(states), wallTimeMs)
    }
  }

  #policiesOf(states: readonly LimitState[]): string {
    return states.length === this.#count ? this.#policies : states.map(({ face }) => policyItem(face)).join(', ')
  }
}
