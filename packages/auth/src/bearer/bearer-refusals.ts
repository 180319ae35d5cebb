/** How clients with a token are refused and challenged (RFC 6750, section 3; RFC 9449, sections 7.1 and 9). */
import type { CachedVerdict } from '../cache/auth-cache.ts'
import { challengeOf, realmOption } from '../challenge.ts'
import type { Refusal } from '../strategy.ts'
import { descriptionOf, isOutage, type TokenFault } from './token-faults.ts'

/** Refusals come in floods, and there are a few kinds of them: each is made once. */
export class BearerRefusals {
  /** For a request without a token. */
  readonly challenge: readonly string[]
  readonly #realm: Readonly<Record<string, string>>
  readonly #dpop: DpopChallenge | undefined
  readonly #made = new Map<string, Refusal>()

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(realm: string | undefined, dpop: DpopChallenge | undefined, at: string) {
    this.#realm = realm === undefined ? {} : { realm: realmOption(realm, '', `${at}.realm`) }
    this.#dpop = dpop
    this.challenge = this.#challenges({})
  }

  refusal(fault: TokenFault): Refusal {
    const known = this.#made.get(fault)
    if (known !== undefined) return known
    const refusal: Refusal = isOutage(fault)
      ? { kind: 'refused', status: 503, reason: fault }
      : {
          kind: 'refused',
          status: 401,
          reason: fault,
          isForeign: fault === 'issuer' || fault === 'opaque',
          challenge: this.#challenges({ error: errorOf(fault), error_description: descriptionOf(fault) }),
        }
    this.#made.set(fault, Object.freeze(refusal))
    return refusal
  }

  /** RFC 9449, section 9: the client is to come again with this nonce. */
  nonceWanted(nonce: string): Refusal {
    return { ...this.refusal('proof-nonce'), fields: { 'DPoP-Nonce': nonce } }
  }

  #challenges(error: Readonly<Record<string, string>>): readonly string[] {
    const bearer = challengeOf('Bearer', { ...this.#realm, ...error })
    if (this.#dpop === undefined) return Object.freeze([bearer])
    const dpop = challengeOf('DPoP', { ...this.#realm, algs: this.#dpop.algorithms.join(' '), ...error })
    return Object.freeze(this.#dpop.required ? [dpop] : [bearer, dpop])
  }
}

/** What there is to be cached of a refusal. That a token is not valid yet may be over at any moment. */
export function refusedToken(refusals: BearerRefusals, fault: TokenFault): CachedVerdict<never> {
  return { verdict: refusals.refusal(fault), expiresAt: fault === 'not-yet-valid' ? 0 : undefined }
}

/** What a challenge says of DPoP. */
export interface DpopChallenge {
  readonly required: boolean
  readonly algorithms: readonly string[]
}

function errorOf(fault: TokenFault): string {
  if (fault === 'proof-nonce') return 'use_dpop_nonce'
  return fault.startsWith('proof-') ? 'invalid_dpop_proof' : 'invalid_token'
}
