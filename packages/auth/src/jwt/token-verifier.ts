/**
 * Whether a token is what it claims to be: signature, header and claims, by jose (RFC 7515, RFC 7519). Whatever is wrong
 * with a token becomes a word; it throws for nothing that a client can send.
 */
import type { KeyObject } from 'node:crypto'
import { ConfigError } from '@sluice/core'
import { durationOption, positiveOption, textOption, textsOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import { decodeJwt, errors, type JWTHeaderParameters, type JWTPayload, jwtVerify, type JWTVerifyOptions } from 'jose'
import type { TokenFault } from '../bearer/token-faults.ts'
import { type JwtAlgorithm, resolveAlgorithms } from '../keys/algorithms.ts'
import { type KeySource, KeysUnavailable } from '../keys/key-source.ts'

/** What a token has to be like. */
export interface TokenRules {
  /**
   * The algorithms that tokens may be signed with: `RS256`, `ES256`, `EdDSA`, ... Either ones with a pair of keys or ones with a
   * secret. There is no default: what the issuer signs with is for the operator to know (RFC 8725, section 3.1).
   */
  readonly algorithms: readonly JwtAlgorithm[]
  /**
   * Who may have issued it (`iss`): one of these, to the letter. Any of the keys is good for any of them: where they do not trust each other, make
   * a strategy for each, and put an `anyOf` around them. @default anybody who has the key
   */
  readonly issuer?: string | readonly string[]
  /** For whom it has to be (`aud`): one of these. Without it, a token that was meant for others is good here as well. @default anybody */
  readonly audience?: string | readonly string[]
  /** By how much clocks may differ where `exp`, `nbf` and `iat` are looked at. Whole seconds count. @default 0 */
  readonly clockToleranceMs?: number
  /** Claims that must be there, besides those that other options ask for. A token without `exp` is good for ever. @default ['exp'] */
  readonly requiredClaims?: readonly string[]
  /** What the header's `typ` has to be, such as `at+jwt` (RFC 9068), so that no other kind of token passes. @default any */
  readonly typ?: string
  /** How long ago it may have been issued (`iat`, which must be there then). @default any time */
  readonly maxAgeMs?: number
}

export const TOKEN_RULES: readonly string[] = [
  'algorithms',
  'issuer',
  'audience',
  'clockToleranceMs',
  'requiredClaims',
  'typ',
  'maxAgeMs',
]

/** RFC 7515, section 7.1. */
const COMPACT = /^[\w-]+\.[\w-]*\.[\w-]*$/

/** A token that was found good. */
export interface VerifiedToken {
  readonly claims: JWTPayload
  readonly header: JWTHeaderParameters
}

export class TokenVerifier {
  readonly algorithms: readonly JwtAlgorithm[]
  readonly clockToleranceMs: number
  readonly #keys: KeySource
  readonly #issuers: readonly string[] | undefined
  readonly #maxAgeMs: number
  readonly #options: Omit<JWTVerifyOptions, 'currentDate'>

  /** `at` is the options' place. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(rules: TokenRules, keys: KeySource, at: string) {
    this.#keys = keys
    this.algorithms = resolveAlgorithms(rules.algorithms, `${at}.algorithms`)
    const clockToleranceMs = durationOption(rules.clockToleranceMs, 0, `${at}.clockToleranceMs`)
    this.clockToleranceMs = Math.floor(clockToleranceMs / 1_000) * 1_000
    this.#issuers = rules.issuer === undefined ? undefined : textsOption(rules.issuer, `${at}.issuer`)
    this.#maxAgeMs =
      rules.maxAgeMs === undefined
        ? Number.POSITIVE_INFINITY
        : positiveOption(rules.maxAgeMs, undefined, `${at}.maxAgeMs`)
    this.#options = {
      algorithms: [...this.algorithms],
      clockTolerance: this.clockToleranceMs / 1_000,
      requiredClaims: requiredOption(rules.requiredClaims, `${at}.requiredClaims`),
      ...(this.#issuers === undefined ? {} : { issuer: [...this.#issuers] }),
      ...(rules.audience === undefined ? {} : { audience: [...textsOption(rules.audience, `${at}.audience`)] }),
      ...(rules.typ === undefined ? {} : { typ: textOption(rules.typ, `${at}.typ`) }),
      ...(rules.maxAgeMs === undefined ? {} : { maxTokenAge: this.#maxAgeMs / 1_000 }),
    }
  }

  /** Until when a token with these claims is good, in milliseconds since 1970. */
  goodUntil({ exp = Number.POSITIVE_INFINITY, iat = Number.POSITIVE_INFINITY }: JWTPayload): number {
    return Math.min(exp * 1_000, iat * 1_000 + this.#maxAgeMs) + this.clockToleranceMs
  }

  async verify(token: string, clock: Clock): Promise<VerifiedToken | TokenFault> {
    // jose passes over spaces and padding: one token would have any number of spellings, each with an entry of its own in a cache.
    if (!COMPACT.test(token)) return 'opaque'
    // Ahead of its keys, which are not that issuer's. Believed is none of it.
    if (this.#issuers !== undefined && !isOneOf(this.#issuers, token)) return 'issuer'
    // Whatever jose reads of the header before it asks for the key, the algorithm included, it has checked by then.
    let candidates: readonly KeyObject[] = []
    const first = async ({ alg, kid }: JWTHeaderParameters): Promise<KeyObject> => {
      if (kid !== undefined && typeof kid !== 'string') throw new errors.JWSInvalid()
      candidates = await this.#keys.find(alg as JwtAlgorithm, kid, clock)
      if (candidates.length === 0) throw new errors.JWKSNoMatchingKey()
      return candidates[0]!
    }
    const options = { ...this.#options, currentDate: new Date(clock.wallTime()) }
    try {
      const { payload, protectedHeader } = await jwtVerify(token, first, options)
      return { claims: payload, header: protectedHeader }
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed) || candidates.length < 2) return faultOf(error)
    }
    return await verifyWithAny(token, candidates.slice(1), options)
  }
}

/** Whether it says so itself. One that says nothing, or can't be read, is for others to judge. */
function isOneOf(issuers: readonly string[], token: string): boolean {
  try {
    const { iss } = decodeJwt(token)
    return iss === undefined || issuers.includes(iss)
  } catch {
    return true
  }
}

/** The header names no key, and several fit. */
async function verifyWithAny(
  token: string,
  candidates: readonly KeyObject[],
  options: JWTVerifyOptions,
): Promise<VerifiedToken | TokenFault> {
  for (const key of candidates) {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, key, options)
      return { claims: payload, header: protectedHeader }
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) return faultOf(error)
    }
  }
  return 'signature'
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof KeysUnavailable) return 'keys-unavailable'
  if (error instanceof errors.JWTExpired) return error.claim === 'iat' ? 'too-old' : 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) return claimFault(error)
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm'
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown-key'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JOSENotSupported) return 'unsupported'
  return 'malformed'
}

function claimFault({ claim, reason }: InstanceType<typeof errors.JWTClaimValidationFailed>): TokenFault {
  if (reason === 'missing') return 'missing-claim'
  if (reason === 'invalid') return 'malformed'
  if (claim === 'iss') return 'issuer'
  if (claim === 'aud') return 'audience'
  if (claim === 'typ') return 'type'
  return 'not-yet-valid'
}

function requiredOption(claims: unknown, at: string): string[] {
  if (claims === undefined) return ['exp']
  if (!Array.isArray(claims)) throw new ConfigError(at, 'must be a list of claims')
  return claims.map((claim: unknown, index) => textOption(claim, `${at}[${index}]`))
}
