/** Users of Basic, and whom an unknown one is compared with. */
import { hash, randomBytes } from 'node:crypto'
import { ConfigError, type Exchange, type Identity } from '@sluice/core'
import { objectOption } from '@sluice/core/options'
import { type Grants, grantsOf } from '../grants.ts'
import { passwordHash, type PasswordVerifiers, plainPassword, type StoredPassword } from './password.ts'

/** Who came with a name and a password. */
export interface BasicIdentity extends Identity {
  readonly scheme: 'basic'
  readonly raw: undefined
}

/** A user: a password in one of its forms, and what stands on the identity. */
export interface BasicUser extends Grants {
  /**
   * A hash of bcrypt (`$2b$...`), of Argon2id (`$argon2id$...`, with `verifiers`), or `sha256:` and 64 hexadecimal digits, for secrets that are
   * long and random.
   */
  readonly passwordHash?: string
  /** The password as it is, for tests and for secrets that come from elsewhere. Only its digest is kept. */
  readonly password?: string
}

/** A user that can be checked. */
export interface StoredUser {
  readonly identity: BasicIdentity
  readonly password: StoredPassword
}

/** Whom to compare with: the user, or where there is none of that name somebody else, so that it takes as long. */
export interface FoundUser {
  readonly user: StoredUser
  readonly isKnown: boolean
}

export type FindUser = (name: string, exchange: Exchange) => FoundUser | undefined | Promise<FoundUser | undefined>

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function storedUser(
  name: string,
  user: string | BasicUser,
  verifiers: PasswordVerifiers,
  at: string,
): StoredUser {
  if (typeof user === 'string') return withPassword(name, passwordHash(user, verifiers, at), {}, at)
  const { password, passwordHash: encoded } = objectOption(user, at)
  if ((password === undefined) === (encoded === undefined))
    throw new ConfigError(at, 'needs "passwordHash" or "password", and not both')
  const stored =
    encoded === undefined
      ? plainPassword(password, `${at}.password`)
      : passwordHash(encoded, verifiers, `${at}.passwordHash`)
  return withPassword(name, stored, user, at)
}

export function withPassword(name: string, password: StoredPassword, grants: Grants, at: string): StoredUser {
  const identity = Object.freeze({ subject: name, scheme: 'basic', ...grantsOf(grants, at), raw: undefined } as const)
  return { identity, password }
}

/** A name that Basic can carry (RFC 7617, section 2). */
export function nameOption(name: string, at: string): string {
  if (name === '' || name.includes(':') || /\p{Cc}/u.test(name))
    throw new ConfigError(at, 'has a name that is empty, or has a colon or a control character')
  return name.normalize('NFC')
}

/** Users that are all known. */
export class UserTable {
  readonly #byName: ReadonlyMap<string, StoredUser>
  readonly #list: readonly StoredUser[]
  readonly #secret: string = randomBytes(16).toString('base64url')

  constructor(byName: ReadonlyMap<string, StoredUser>) {
    this.#byName = byName
    this.#list = [...byName.values()]
  }

  get size(): number {
    return this.#list.length
  }

  /**
   * A name that nobody has stands for one of the users, always the same one: so its check costs what that of a user costs, also where their
   * hashes are of several kinds and costs.
   */
  find(name: string): FoundUser | undefined {
    const digest = hash('sha256', this.#secret + name, 'buffer')
    const other = this.#list[digest.readUInt32LE(0) % this.#list.length]
    const user = this.#byName.get(name)
    return user === undefined ? other && { user: other, isKnown: false } : { user, isKnown: true }
  }
}
