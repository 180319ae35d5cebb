/** What the owner of a credential may do and is, as options say it; the same for users, keys and certificates. */
import { ConfigError } from '@sluice/core'

/** What stands on the identity besides its subject. */
export interface Grants {
  /** What it may do. @default [] */
  readonly scopes?: readonly string[]
  /** What it is. @default [] */
  readonly roles?: readonly string[]
  /** What else is known of it. @default {} */
  readonly claims?: Readonly<Record<string, unknown>>
}

/**
 * Frozen, so that what a request does with its identity stays its own affair.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function grantsOf(grants: Grants, at: string): Required<Grants> {
  const { claims = {} } = grants
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw new ConfigError(`${at}.claims`, 'must be an object')
  return {
    scopes: words(grants.scopes, `${at}.scopes`),
    roles: words(grants.roles, `${at}.roles`),
    claims: Object.freeze({ ...claims }),
  }
}

function words(list: readonly string[] | undefined, at: string): readonly string[] {
  if (list === undefined) return NONE
  if (Array.isArray(list) && list.every((each) => typeof each === 'string' && each !== ''))
    return Object.freeze([...list])
  throw new ConfigError(at, 'must be a list of strings')
}

const NONE: readonly string[] = Object.freeze([])
