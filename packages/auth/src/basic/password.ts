/**
 * Passwords as they are kept: a hash that is slow on purpose (bcrypt, Argon2id), or a plain digest where the password itself is long
 * and random. Comparing never takes a time that depends on how much of it is right.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import { createRequire } from 'node:module'
import { ConfigError } from '@sluice/core'

/** Says whether a password fits a hash, such as `verify` of `@node-rs/argon2` with its arguments in this order. */
export type PasswordVerifier = (password: string, hash: string) => boolean | Promise<boolean>

/** What verifies which hashes. */
export interface PasswordVerifiers {
  /** Hashes that begin with `$2a$`, `$2b$` or `$2y$`. @default `verify` of `@node-rs/bcrypt`, where it is installed */
  readonly bcrypt?: PasswordVerifier
  /** Hashes that begin with `$argon2id$` (RFC 9106). @default none: such a hash is a ConfigError */
  readonly argon2id?: PasswordVerifier
}

/** A password that can be compared with. */
export interface StoredPassword {
  /** Whether it is this one. */
  matches(password: string): boolean | Promise<boolean>
}

const BCRYPT = /^\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/
const ARGON2ID = /^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/
const SHA256 = /^sha256:[0-9a-f]{64}$/i
/** What htpasswd files may also have, and is better not trusted any more. */
const WEAK: readonly (readonly [RegExp, string])[] = [
  [/^\{SHA\}/, 'SHA-1'],
  [/^\$apr1\$/, 'MD5 of Apache'],
  [/^\$1\$/, 'MD5'],
  [/^\$[56]\$/, 'SHA-crypt'],
  [/^\$2x?\$/, 'a broken kind of bcrypt'],
  [/^\$argon2[id]?\$/, 'another Argon2 than Argon2id'],
  [/^[./0-9A-Za-z]{13}$/, 'DES'],
]

/**
 * Reads a hash: of bcrypt, of Argon2id, or `sha256:` with 64 hexadecimal digits, which is for random secrets alone: passwords that people
 * choose are found out from it.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`; it names the kind, never the hash
 */
export function passwordHash(encoded: unknown, verifiers: PasswordVerifiers, at: string): StoredPassword {
  if (typeof encoded !== 'string') throw new ConfigError(at, 'must be a hash')
  if (BCRYPT.test(encoded)) return new HashedPassword(encoded, verifiers.bcrypt ?? installedBcrypt(at))
  if (ARGON2ID.test(encoded)) {
    if (verifiers.argon2id !== undefined) return new HashedPassword(encoded, verifiers.argon2id)
    throw new ConfigError(at, 'is of Argon2id, and nothing was given to verify it: see "verifiers"')
  }
  if (SHA256.test(encoded)) return new DigestedPassword(Buffer.from(encoded.slice('sha256:'.length), 'hex'))
  const weak = WEAK.find(([pattern]) => pattern.test(encoded))
  throw new ConfigError(
    at,
    weak === undefined
      ? 'is no hash that is known here: bcrypt, Argon2id and "sha256:" are'
      : `is of ${weak[1]}, which is not accepted: make a new one with bcrypt (htpasswd -B) or Argon2id`,
  )
}

/** A password as it is; only its digest is kept. */
export function plainPassword(password: unknown, at: string): StoredPassword {
  if (typeof password !== 'string' || password === '') throw new ConfigError(at, 'must be a string that is not empty')
  return new DigestedPassword(digestOf(password.normalize('NFC')))
}

class HashedPassword implements StoredPassword {
  readonly #hash: string
  readonly #verify: PasswordVerifier

  constructor(encoded: string, verify: PasswordVerifier) {
    this.#hash = encoded
    this.#verify = verify
  }

  matches(password: string): boolean | Promise<boolean> {
    return this.#verify(password, this.#hash)
  }
}

class DigestedPassword implements StoredPassword {
  readonly #digest: Buffer

  constructor(digest: Buffer) {
    this.#digest = digest
  }

  matches(password: string): boolean {
    return timingSafeEqual(this.#digest, digestOf(password))
  }
}

function digestOf(password: string): Buffer {
  return hash('sha256', password, 'buffer')
}

let bcrypt: PasswordVerifier | undefined

/** Loaded when the first hash of its kind is met. It works in the threads of libuv, so that nobody else waits. */
function installedBcrypt(at: string): PasswordVerifier {
  try {
    bcrypt ??= (createRequire(import.meta.url)('@node-rs/bcrypt') as { readonly verify: PasswordVerifier }).verify
    return bcrypt
  } catch (cause) {
    throw new ConfigError(at, 'is of bcrypt, which needs the package @node-rs/bcrypt or "verifiers"', { cause })
  }
}
