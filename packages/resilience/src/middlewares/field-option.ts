/** The name of a header field as an option. */
import { ConfigError } from '@sluice/core'

/** The name in lower case. @throws {ConfigError} where it is none (RFC 9110, section 5.6.2) */
export function fieldOption(name: string, at: string): string {
  if (typeof name === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return name.toLowerCase()
  throw new ConfigError(at, 'must be the name of a header field')
}
