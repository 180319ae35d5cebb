/** What a limit can be told, as people write it. */
import type { Exchange, Reply } from '@sluice/core'
import type { OptionNames } from '@sluice/core/options'
import type { KeyOption } from '../keys/key-option.ts'

/**
 * How a policy counts.
 *
 * - `token-bucket`: a bucket of `burst` units that fills at `limit` units for each `windowMs`. In any time t it admits at
 *   most burst + rate * t.
 * - `gcra`: the same rule seen as a meter (ITU-T I.371, the generic cell rate algorithm). It differs by its default: with a
 *   `burst` of 1 it spaces requests evenly.
 * - `sliding-window`: never more than `limit` units in any span of `windowMs`. Where a key has spent more than 50 times within it, a
 *   unit counts for up to a hundredth of the window longer; in memory and with a low `limit`, for up to 2^-27 of it. It needs more memory:
 *   up to a `limit` of 21, where `cost` is a fixed whole number and there is no `replyCost`, 18 bytes a key and 6 for each unit are
 *   set aside; up to 8, where that is not so, 24 and 12; beyond that 53 a key, and 16 for each unit of those keys that are there, at
 *   most 2,416.
 */
export type Algorithm = 'token-bucket' | 'gcra' | 'sliding-window'

/** How many units a request takes: a number, or a function of the exchange that gives a finite one of at least 0. */
export type CostOption<N = unknown> = number | ((exchange: Exchange<N>) => number)

/**
 * What the reply adds to that. A function gives units, or `undefined` for none; below 0 gives units back. `{ header }` reads a
 * field of the reply, such as `X-Tokens-Used`; where it is no number, nothing is added.
 */
export type ReplyCostOption<N = unknown> =
  | { readonly header: string }
  | ((exchange: Exchange<N>, reply: Reply) => number | undefined)

/** One limit. */
export interface PolicyOptions<N = unknown> {
  /**
   * What clients, events and other processes know it by: in `RateLimit` fields, in `violated-policies`, in Redis keys. Of visible
   * ASCII, and only once among the policies of a middleware. @default 'default', or with several '100-per-60s'
   */
  readonly name?: string
  /** @default 'token-bucket' */
  readonly algorithm?: Algorithm
  /** How many units for each `windowMs`; above 0. */
  readonly limit: number
  /** Milliseconds. @default 60_000 */
  readonly windowMs?: number
  /** How many units at once, after a pause. Not for `sliding-window`. @default `limit`, at least 1; with `gcra` 1 */
  readonly burst?: number
  /** Whose requests are counted together. @default 'client' */
  readonly key?: KeyOption<N>
  /** How many leading bits of an IPv4 address tell clients apart. @default 32 */
  readonly ipv4PrefixBits?: number
  /** The same of IPv6: a subscriber has at least a /64 to choose addresses from. @default 64 */
  readonly ipv6PrefixBits?: number
  /** How many units a request takes. One of 0 passes while the key is not in debt. @default 1 */
  readonly cost?: CostOption<N>
  /** What the reply costs beyond that. It is charged afterwards, and may leave the key in debt. @default nothing */
  readonly replyCost?: ReplyCostOption<N>
  /** Counts and tells, and refuses nobody. @default false */
  readonly shadow?: boolean
}

export const POLICY_NAMES: OptionNames<PolicyOptions> = {
  name: true,
  algorithm: true,
  limit: true,
  windowMs: true,
  burst: true,
  key: true,
  ipv4PrefixBits: true,
  ipv6PrefixBits: true,
  cost: true,
  replyCost: true,
  shadow: true,
}

/** Where several policies share a middleware: what holds for each that does not say otherwise. */
export type PolicyDefaults<N = unknown> = Omit<PolicyOptions<N>, 'name' | 'limit' | 'windowMs' | 'burst'>
