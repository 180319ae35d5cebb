/** Challenges for `WWW-Authenticate` (RFC 9110, section 11.6.1), made once when a strategy is built. */
import { ConfigError } from '@sluice/core'

/**
 * The option `realm`: of visible ASCII and spaces, which is what a quoted string may hold everywhere.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function realmOption(realm: string | undefined, fallback: string, at: string): string {
  const value = realm ?? fallback
  if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)) return value
  throw new ConfigError(at, 'must be a string of visible ASCII')
}

/** `Scheme name="value", ...`, every value as a quoted string (RFC 9110, section 5.6.4). */
export function challengeOf(scheme: string, parameters: Readonly<Record<string, string>>): string {
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`)
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`
}
