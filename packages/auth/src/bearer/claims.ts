/** What an identity is made of, read from claims (RFC 7519, section 4): in a token, or in an answer of RFC 7662. */
import { ConfigError } from '@sluice/core'
import { textsOption } from '@sluice/core/options'

/**
 * A claim: its name, with dots the way to it (`realm_access.roles`), or a list of names, where they have dots in themselves
 * (`['https://example.com/roles']`).
 */
export type ClaimPath = string | readonly string[]

/** Which claims say what. */
export interface ClaimsOptions {
  /** Names the client: a string that must be there. @default 'sub' */
  readonly subjectClaim?: ClaimPath
  /** A list, or a string with spaces between. @default 'scope', or where that is missing 'scp' */
  readonly scopesClaim?: ClaimPath
  /** A list, or a string that is one role. @default none: the identity has no roles */
  readonly rolesClaim?: ClaimPath
}

export const CLAIMS_OPTIONS: readonly string[] = ['subjectClaim', 'scopesClaim', 'rolesClaim']

type Claims = Readonly<Record<string, unknown>>

/** What is read from claims. */
export interface ReadClaims {
  readonly subject: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

const NONE: readonly string[] = Object.freeze([])

/** Gives a reader, for which `undefined` is a set of claims without a subject. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function claimsReader(options: ClaimsOptions, at: string): (claims: Claims) => ReadClaims | undefined {
  const subjectPath = pathOption(options.subjectClaim ?? 'sub', `${at}.subjectClaim`)
  const scopePaths =
    options.scopesClaim === undefined ? [['scope'], ['scp']] : [pathOption(options.scopesClaim, `${at}.scopesClaim`)]
  const rolesPath = options.rolesClaim === undefined ? undefined : pathOption(options.rolesClaim, `${at}.rolesClaim`)
  return (claims) => {
    const subject = valueAt(claims, subjectPath)
    if (typeof subject !== 'string' || subject === '') return undefined
    const scopes = scopePaths.map((path) => valueAt(claims, path)).find((value) => value !== undefined)
    const roles = rolesPath === undefined ? undefined : valueAt(claims, rolesPath)
    return {
      subject,
      scopes: wordsOf(scopes),
      roles: typeof roles === 'string' ? Object.freeze([roles]) : wordsOf(roles),
    }
  }
}

/** Claims are shared by all exchanges of a token: nobody may write into them. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const each of Object.values(value)) deepFreeze(each)
  return value
}

function pathOption(path: unknown, at: string): readonly string[] {
  if (typeof path === 'string') {
    const names = path.split('.')
    if (names.includes('')) throw new ConfigError(at, 'must be the name of a claim, or names with dots between')
    return names
  }
  return textsOption(path, at)
}

function valueAt(claims: Claims, path: readonly string[]): unknown {
  let value: unknown = claims
  for (const name of path) {
    // Own ones only: a path such as `constructor.name` leads nowhere.
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}

function wordsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return Object.freeze(value.split(' ').filter((word) => word !== ''))
  return Array.isArray(value) ? Object.freeze(value.filter((word) => typeof word === 'string')) : NONE
}
