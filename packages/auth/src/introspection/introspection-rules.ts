/** What an active token has to be like besides. The issuer has looked at its signature and its times; for whom it is, it can't know. */
import { durationOption, textsOption } from '@sluice/core/options'
import type { TokenFault } from '../bearer/token-faults.ts'

/** What of an answer is looked at. */
export interface IntrospectionRules {
  /** Who may have issued the token (`iss`): one of these. @default anybody whom the server vouches for */
  readonly issuer?: string | readonly string[]
  /** For whom it has to be (`aud`): one of these. @default anybody */
  readonly audience?: string | readonly string[]
  /** By how much clocks may differ where `exp` and `nbf` are looked at. @default 0 */
  readonly clockToleranceMs?: number
}

/** The members of an answer that are known (RFC 7662, section 2.2). */
export interface IntrospectedClaims {
  readonly active: true
  readonly sub?: string
  readonly scope?: string
  readonly client_id?: string
  readonly username?: string
  readonly iss?: string
  readonly aud?: string | readonly string[]
  readonly exp?: number
  readonly nbf?: number
  readonly iat?: number
  readonly [claim: string]: unknown
}

/** Resolved. */
export interface ResolvedRules {
  readonly issuers: readonly string[] | undefined
  readonly audiences: readonly string[] | undefined
  readonly clockToleranceMs: number
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveRules({ issuer, audience, clockToleranceMs }: IntrospectionRules, at: string): ResolvedRules {
  return {
    issuers: issuer === undefined ? undefined : textsOption(issuer, `${at}.issuer`),
    audiences: audience === undefined ? undefined : textsOption(audience, `${at}.audience`),
    clockToleranceMs: durationOption(clockToleranceMs, 0, `${at}.clockToleranceMs`),
  }
}

/** What is wrong with it, if anything. `now` is `clock.wallTime()`. */
export function introspectedFault(
  claims: Readonly<Record<string, unknown>>,
  { issuers, audiences, clockToleranceMs }: ResolvedRules,
  now: number,
): TokenFault | undefined {
  const { active, exp, nbf, iss, aud } = claims
  if (active !== true) return 'inactive'
  if (!isTime(exp) || !isTime(nbf)) return 'malformed'
  if (exp !== undefined && exp * 1_000 + clockToleranceMs <= now) return 'expired'
  if (nbf !== undefined && nbf * 1_000 - clockToleranceMs > now) return 'not-yet-valid'
  if (issuers !== undefined && !issuers.includes(iss as string)) return 'issuer'
  const audience: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return audiences === undefined || audience.some((each) => audiences.includes(each as string)) ? undefined : 'audience'
}

function isTime(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value))
}
