/**
 * What all strategies have in common. A strategy looks for credentials of its own kind and comes to a verdict; the middleware
 * around it (see `define-strategy.ts`) sets the identity or answers. Apart from each other so that `anyOf` and `allOf` can ask several
 * of them before anything is answered.
 */
import type { Exchange, Identity, Middleware, Reply } from '@sluice/core'
import type { CacheSnapshot } from './cache/auth-cache.ts'

/** What a strategy makes of a request. */
export type Verdict<I extends Identity = Identity> =
  /** There are no credentials of its kind. */
  { readonly kind: 'absent' } | { readonly kind: 'accepted'; readonly identity: I } | Refusal

/** Credentials of its kind that are not good. */
export interface Refusal {
  readonly kind: 'refused'
  /** 401; 403 where who it is is known and not enough; 503 where it could not be found out. */
  readonly status: 401 | 403 | 503
  /** For logs and events, in a few fixed words such as `expired`; never with a part of the credentials in it. */
  readonly reason: string
  /**
   * Whether they may be another strategy's, such as a token of another issuer: below `anyOf` those behind it are asked then, and where it is
   * nobody's, this is the refusal. @default false
   */
  readonly isForeign?: boolean
  /** What `WWW-Authenticate` says, where it is not the strategy's own challenge (RFC 6750, section 3); each in a line of its own. */
  readonly challenge?: string | readonly string[]
  /** With 503: when to come back, in milliseconds. @default 1_000 */
  readonly retryAfterMs?: number
  /** Further fields of the reply, such as `DPoP-Nonce` (RFC 9449, section 8). */
  readonly fields?: Readonly<Record<string, string>>
  /** The whole reply, in the place of all that, where somebody else has said how it looks. Makes one for each exchange. */
  readonly reply?: () => Reply
}

/** There are no credentials of its kind. */
export const ABSENT: { readonly kind: 'absent' } = Object.freeze({ kind: 'absent' })

/** The state that a strategy adds. */
export interface Identified<I extends Identity = Identity> {
  readonly 'auth.identity': I
}

/** A strategy: a middleware that can be asked for its verdict alone. */
export interface Strategy<I extends Identity = Identity> extends Middleware<unknown, Identified<I>> {
  /** The identity's `scheme`; of `anyOf` and `allOf` those of all of them. */
  readonly scheme: string
  /** Looks at the credentials; never throws, and never rejects, for what a client sends. */
  authenticate(exchange: Exchange): Verdict<I> | Promise<Verdict<I>>
  /** What a request without credentials is challenged with (RFC 9110, section 11.6.1), each in a line of its own; missing where the scheme has none. */
  challenge(exchange: Exchange): string | readonly string[] | undefined
  /**
   * Makes the request ready to go on: takes the credentials off, where the options say so. `identity` is the one that was accepted; missing where
   * it goes on without. A strategy that writes into the request does it here, and only where that identity is its own: below `anyOf` another
   * one may have decided.
   */
  strip(exchange: Exchange, identity?: Identity): void
  snapshot(): StrategySnapshot
}

/** A strategy's state as plain data. */
export interface StrategySnapshot {
  readonly name: string
  readonly scheme: string
  /** How many requests it has accepted so far, refused, and found without credentials of its kind. */
  readonly accepted: number
  readonly refused: number
  readonly absent: number
  /** Missing where nothing is cached. */
  readonly cache?: CacheSnapshot
  /** What else there is to know: keys, users, the state of an issuer. Plain data. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Of `anyOf` and `allOf`: the strategies within. */
  readonly strategies?: readonly StrategySnapshot[]
}

/** The identity that a strategy gives. */
export type IdentityOf<S extends Strategy> = S extends Strategy<infer I> ? I : never
