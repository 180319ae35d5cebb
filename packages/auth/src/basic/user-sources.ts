/** Where the users of Basic come from: the options, a file, or functions. */
import { ConfigError } from '@sluice/core'
import { durationOption, objectOption, strictOption, textOption } from '@sluice/core/options'
import type { AuthCache } from '../cache/auth-cache.ts'
import { type Grants, grantsOf } from '../grants.ts'
import { maybePromise } from '../maybe-promise.ts'
import { ReloadedFile } from '../reloaded-file.ts'
import type { BasicOptions, UserCheck, UserLookup } from './basic-options.ts'
import { parseHtpasswd } from './htpasswd.ts'
import type { Check, Checks } from './password-checks.ts'
import type { PasswordVerifiers } from './password.ts'
import {
  type BasicIdentity,
  type BasicUser,
  type FindUser,
  type FoundUser,
  nameOption,
  storedUser,
  type StoredUser,
  UserTable,
  withPassword,
} from './users.ts'

const AT = 'basic'
const GRANTS = ['scopes', 'roles', 'claims']
const USER = ['password', 'passwordHash', ...GRANTS]

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function checksOf(options: BasicOptions, cache: AuthCache | undefined): Checks {
  const { users, htpasswdFile, verify, grants } = options
  if ([users, htpasswdFile, verify].filter((each) => each !== undefined).length !== 1)
    throw new ConfigError(AT, 'needs one of "users", "htpasswdFile" and "verify"')
  if (grants !== undefined && htpasswdFile === undefined)
    throw new ConfigError(`${AT}.grants`, 'is for "htpasswdFile" alone')
  const verifiers = verifiersOf(options.verifiers)
  if (verify !== undefined) return { check: byVerifying(verify) }
  if (htpasswdFile !== undefined) {
    const file = fileOf(options, htpasswdFile, verifiers, cache)
    return { check: byPassword((name) => file.value.find(name)), refresh: (clock) => file.current(clock) }
  }
  if (typeof users === 'function') return { check: byPassword(fromLookup(users, verifiers)) }
  const table = tableOf(objectOption(users, `${AT}.users`), verifiers)
  return { check: byPassword((name) => table.find(name)) }
}

function verifiersOf(verifiers: PasswordVerifiers = {}): PasswordVerifiers {
  strictOption(verifiers, ['bcrypt', 'argon2id'], `${AT}.verifiers`)
  for (const kind of ['bcrypt', 'argon2id'] as const)
    if (verifiers[kind] !== undefined && typeof verifiers[kind] !== 'function')
      throw new ConfigError(`${AT}.verifiers.${kind}`, 'must be a function')
  return verifiers
}

function byVerifying(verify: UserCheck): Check {
  if (typeof verify !== 'function') throw new ConfigError(`${AT}.verify`, 'must be a function')
  const identityOf = (name: string, grants: Grants | undefined): BasicIdentity | undefined =>
    grants && { subject: name, scheme: 'basic', ...grantsOf(grants, `${AT}.verify`), raw: undefined }
  return ({ user, password }, exchange) => {
    const grants = maybePromise(verify(user, password, exchange))
    return grants instanceof Promise ? grants.then((each) => identityOf(user, each)) : identityOf(user, grants)
  }
}

/** Finds, then compares, whether anybody was found or not. */
function byPassword(find: FindUser): Check {
  return ({ user, password }, exchange) => {
    const found = find(user, exchange)
    return found instanceof Promise ? found.then((each) => compared(each, password)) : compared(found, password)
  }
}

function compared(found: FoundUser | undefined, password: string): ReturnType<Check> {
  if (found === undefined) return undefined
  const { user, isKnown } = found
  const matches = maybePromise(user.password.matches(password))
  // A verifier of one's own may say more than yes or no, and an object is no yes.
  const settle = (isRight: unknown) => (isRight === true && isKnown ? user.identity : undefined)
  return matches instanceof Promise ? matches.then(settle) : settle(matches)
}

function tableOf(users: Readonly<Record<string, string | BasicUser>>, verifiers: PasswordVerifiers): UserTable {
  const stored = new Map<string, StoredUser>()
  for (const [name, user] of Object.entries(users)) {
    const at = `${AT}.users[${JSON.stringify(name)}]`
    const normal = nameOption(name, at)
    if (typeof user !== 'string') strictOption(user, USER, at)
    if (stored.has(normal)) throw new ConfigError(at, 'is the same name as another one, in normal form')
    stored.set(normal, storedUser(normal, user, verifiers, at))
  }
  return new UserTable(stored)
}

function fileOf(
  options: BasicOptions,
  path: string,
  verifiers: PasswordVerifiers,
  cache: AuthCache | undefined,
): ReloadedFile<UserTable> {
  const at = `${AT}.htpasswdFile`
  const grants = new Map(
    Object.entries(options.grants ?? {}).map(([name, each]) => {
      const where = `${AT}.grants[${JSON.stringify(name)}]`
      grantsOf(strictOption(each, GRANTS, where), where)
      return [name.normalize('NFC'), each] as const
    }),
  )
  const parse = (text: string): UserTable => {
    const passwords = parseHtpasswd(text, verifiers, at)
    const users = [...passwords].map(([name, password]) => {
      const user = withPassword(name, password, grants.get(name) ?? {}, at)
      return [name, user] as const
    })
    return new UserTable(new Map(users))
  }
  const intervalMs = durationOption(options.reloadIntervalMs, 1_000, `${AT}.reloadIntervalMs`)
  const format = { parse, count: (table: UserTable) => table.size }
  return new ReloadedFile(textOption(path, at), format, intervalMs, at, () => cache?.clear())
}

/** Whoever was found last stands for those who are not: until then there is nothing to take as long as. */
function fromLookup(lookup: UserLookup, verifiers: PasswordVerifiers): FindUser {
  let last: StoredUser | undefined
  const found = (name: string, entry: BasicUser | string | undefined): FoundUser | undefined => {
    if (entry === undefined) return last && { user: last, isKnown: false }
    last = storedUser(name, entry, verifiers, `${AT}.users`)
    return { user: last, isKnown: true }
  }
  return (name, exchange) => {
    const entry = maybePromise(lookup(name, exchange))
    return entry instanceof Promise ? entry.then((each) => found(name, each)) : found(name, entry)
  }
}
