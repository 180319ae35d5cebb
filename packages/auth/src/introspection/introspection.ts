/**
 * Tokens of which only their issuer knows what they are worth: it is asked (OAuth 2.0 Token Introspection, RFC 7662). Fails closed:
 * where nobody answers, or not in time, the client gets 503.
 *
 *     introspection({ url: 'https://login.example.com/introspect', clientId: 'gateway', clientSecret, audience: 'orders' })
 */
import type { Identity } from '@sluice/core'
import { strictOption } from '@sluice/core/options'
import { BEARER_OPTIONS, BearerCheck, type BearerOptions, type LoadToken } from '../bearer/bearer-check.ts'
import { refusedToken } from '../bearer/bearer-refusals.ts'
import { claimsReader } from '../bearer/claims.ts'
import type { CachedVerdict } from '../cache/auth-cache.ts'
import { defineStrategy } from '../define-strategy.ts'
import type { Strategy } from '../strategy.ts'
import { CLIENT_OPTIONS, IntrospectionClient, type IntrospectionClientOptions } from './introspection-client.ts'
import {
  type IntrospectedClaims,
  type IntrospectionRules,
  introspectedFault,
  resolveRules,
} from './introspection-rules.ts'

/** Options of {@link introspection}. */
export interface IntrospectionOptions extends IntrospectionClientOptions, IntrospectionRules, BearerOptions {}

/** Whoever an active token speaks of. */
export interface IntrospectedIdentity extends Identity {
  readonly scheme: 'introspection'
  /** The whole answer (RFC 7662, section 2.2). Frozen: it is shared by all exchanges of the token. */
  readonly claims: IntrospectedClaims
  readonly raw: undefined
}

const NAMES = [...CLIENT_OPTIONS, ...BEARER_OPTIONS, 'issuer', 'audience', 'clockToleranceMs']

/**
 * Makes the strategy. A token that is not active gets 401 with `WWW-Authenticate: Bearer error="invalid_token"`. Answers are cached under
 * the token's digest, never beyond its `exp`: so long can it take until a token that was revoked is noticed. Of several who bring
 * the same token at once one asks.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function introspection(options: IntrospectionOptions): Strategy<IntrospectedIdentity> {
  const client = new IntrospectionClient(strictOption(options, NAMES, 'introspection'), 'introspection')
  const rules = resolveRules(options, 'introspection')
  const read = claimsReader(options, 'introspection')

  const load: LoadToken<IntrospectedIdentity> = async (token, clock): Promise<CachedVerdict<IntrospectedIdentity>> => {
    const claims = await client.ask(token, clock)
    if (claims === undefined) return { verdict: check.refusals.refusal('introspection-failed') }
    const fault = introspectedFault(claims, rules, clock.wallTime())
    if (fault !== undefined) return refusedToken(check.refusals, fault)
    const known = read(claims)
    if (known === undefined) return { verdict: check.refusals.refusal('missing-claim') }
    const identity: IntrospectedIdentity = Object.freeze({ scheme: 'introspection', ...known, claims, raw: undefined })
    return {
      verdict: Object.freeze({ kind: 'accepted', identity }),
      expiresAt: claims.exp === undefined ? undefined : claims.exp * 1_000 + rules.clockToleranceMs,
    }
  }
  const check = new BearerCheck('introspection', options, load, 'introspection')

  return defineStrategy<IntrospectedIdentity>({
    scheme: 'introspection',
    authenticate: (exchange) => check.authenticate(exchange),
    challenge: () => check.refusals.challenge,
    strip: (exchange) => check.strip(exchange),
    cache: check.cache,
    details: () => client.snapshot(),
  })
}
