/** What Basic can be told, as people write it. */
import type { Exchange } from '@sluice/core'
import type { CacheOption } from '../cache/cache-option.ts'
import type { Grants } from '../grants.ts'
import type { PasswordVerifiers } from './password.ts'
import type { BasicUser } from './users.ts'

/** Finds a user by name; `undefined` for nobody. A string is a `passwordHash`. */
export type UserLookup = (
  name: string,
  exchange: Exchange,
) => BasicUser | string | undefined | Promise<BasicUser | string | undefined>

/** Says what is known of a user whose password is right; `undefined` for whoever is to be refused. */
export type UserCheck = (
  name: string,
  password: string,
  exchange: Exchange,
) => Grants | undefined | Promise<Grants | undefined>

/** Options of {@link basic}: exactly one of `users`, `htpasswdFile` and `verify`. */
export interface BasicOptions {
  /** By their names: a `passwordHash`, or that and more. Or a function that finds them. */
  readonly users?: Readonly<Record<string, string | BasicUser>> | UserLookup
  /**
   * A file as `htpasswd -B` writes it, with hashes of bcrypt, and of Argon2id where `verifiers` has what verifies them. Others (MD5, SHA, DES) are
   * refused. A change counts for every request that comes `reloadIntervalMs` after it; one with a mistake in it counts for none, and
   * `sluice:auth:file-reload-failed` tells of it.
   */
  readonly htpasswdFile?: string
  /** How often the file is looked at, at most. 0 for never. @default 1_000 */
  readonly reloadIntervalMs?: number
  /** What the users of `htpasswdFile` may do and are, by their names. @default nothing */
  readonly grants?: Readonly<Record<string, Grants>>
  /** Checks the password itself, such as by asking a directory. That an unknown user takes as long is then its own affair. */
  readonly verify?: UserCheck
  /** What verifies hashes. @default `@node-rs/bcrypt`, where it is installed */
  readonly verifiers?: PasswordVerifiers
  /** What the password is asked for, of visible ASCII. @default 'restricted' */
  readonly realm?: string
  /** Whether the credentials stay here, instead of going on to the upstream. @default true */
  readonly strip?: boolean
  /**
   * Keeps verdicts, so that a password is not hashed for every request; by name and password alone: for whatever request `users` or `verify` are
   * asked, the answer has to be the same.
   * @default true with `htpasswdFile`, otherwise false
   */
  readonly cache?: CacheOption
  /**
   * How many passwords are checked at once; beyond that it is 503. Hashes of passwords are slow on purpose, and whoever guesses shall not take the
   * machine for it. @default 64
   */
  readonly maxConcurrentChecks?: number
}
