/**
 * Tokens that say themselves who their bearer is: JSON Web Tokens (RFC 7519), signed by whoever has issued them. By jose, and by
 * the advice of RFC 8725: the operator says which algorithms are allowed, keys fit one algorithm's family, and nothing in a token decides
 * where its key is found.
 *
 *     jwt({ algorithms: ['RS256'], issuer: 'https://login.example.com', discover: true, audience: 'orders' })
 */
import type { Identity } from '@sluice/core'
import { strictOption } from '@sluice/core/options'
import type { JWTHeaderParameters, JWTPayload } from 'jose'
import { BEARER_OPTIONS, BearerCheck, type BearerOptions, type LoadToken } from '../bearer/bearer-check.ts'
import { refusedToken } from '../bearer/bearer-refusals.ts'
import { claimsReader, deepFreeze } from '../bearer/claims.ts'
import type { CachedVerdict } from '../cache/auth-cache.ts'
import { defineStrategy } from '../define-strategy.ts'
import { resolveAlgorithms } from '../keys/algorithms.ts'
import type { Strategy } from '../strategy.ts'
import { JWT_KEYS_OPTIONS, type JwtKeysOptions, keySourceOf } from './jwt-keys.ts'
import { TOKEN_RULES, type TokenRules, TokenVerifier } from './token-verifier.ts'

/** Options of {@link jwt}. */
export interface JwtOptions extends TokenRules, BearerOptions, Omit<JwtKeysOptions, 'issuer'> {}

/** Whoever a token speaks of. */
export interface JwtIdentity extends Identity {
  readonly scheme: 'jwt'
  /** The token's claims. Frozen: they are shared by all exchanges of the token. */
  readonly claims: JWTPayload
  /** The token's header, as it was signed. */
  readonly raw: { readonly header: JWTHeaderParameters }
}

const NAMES = [...TOKEN_RULES, ...BEARER_OPTIONS, ...JWT_KEYS_OPTIONS]

/**
 * Makes the strategy. A token that is not good gets 401 with `WWW-Authenticate: Bearer error="invalid_token"`, or 503 where there is no key
 * because the key server is away. What was found out about a token is cached under its digest: with a token that was seen
 * before, nothing is verified and nothing is waited for, but `exp`, the certificate and the proof are looked at each time.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function jwt(options: JwtOptions): Strategy<JwtIdentity> {
  strictOption(options, NAMES, 'jwt')
  const keys = keySourceOf(options, resolveAlgorithms(options.algorithms, 'jwt.algorithms'), 'jwt')
  const verifier = new TokenVerifier(options, keys, 'jwt')
  const read = claimsReader(options, 'jwt')

  const load: LoadToken<JwtIdentity> = async (token, clock): Promise<CachedVerdict<JwtIdentity>> => {
    const verified = await verifier.verify(token, clock)
    if (typeof verified === 'string') return refusedToken(check.refusals, verified)
    const claims = deepFreeze(verified.claims)
    const known = read(claims)
    if (known === undefined) return { verdict: check.refusals.refusal('missing-claim') }
    const raw = deepFreeze({ header: verified.header })
    const identity: JwtIdentity = Object.freeze({ scheme: 'jwt', ...known, claims, raw })
    return {
      verdict: Object.freeze({ kind: 'accepted', identity }),
      expiresAt: verifier.goodUntil(claims),
    }
  }
  const check = new BearerCheck('jwt', options, load, 'jwt')

  return defineStrategy<JwtIdentity>({
    scheme: 'jwt',
    authenticate: (exchange) => check.authenticate(exchange),
    challenge: () => check.refusals.challenge,
    strip: (exchange) => check.strip(exchange),
    cache: check.cache,
    details: () => ({ keys: keys.snapshot() }),
  })
}
