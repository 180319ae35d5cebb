/**
 * Who is asking: the contract between whoever authenticates (`@sluice/auth`, or a middleware of one's own) and whoever
 * needs to know (rate limits, plugins, logs). It stands here because feature packages never import each other.
 */
import { defineSlot, type Slot } from './slot.ts'

/** A client that has proven who it is. Strategies narrow `scheme`, `claims` and `raw`. */
export interface Identity {
  /** Names the client: a user, a key's owner, a certificate's subject. Unique within its scheme. */
  readonly subject: string
  /** How it was proven: `basic`, `jwt`, `api-key`, ... */
  readonly scheme: string
  /** What else is known of it: a token's claims, a key's metadata. */
  readonly claims: Readonly<Record<string, unknown>>
  /** What it may do, as granted to this credential (RFC 6749, section 3.3). */
  readonly scopes: readonly string[]
  /** What it is, as known of the client. */
  readonly roles: readonly string[]
  /** What the strategy made it of; never a secret. */
  readonly raw: unknown
}

/** Set by authentication, needed by what stands behind it. */
export const identity: Slot<'auth.identity', Identity> = defineSlot<Identity>()('auth.identity')
