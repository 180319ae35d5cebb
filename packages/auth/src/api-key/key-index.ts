/**
 * API keys by their digests. They are looked up by a digest under a secret of this process, so that neither how many there are nor how much of
 * a guess is right shows in the time; and what was found is compared once more in constant time. Where nothing is found, something else is
 * compared with.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { ConfigError, type Identity } from '@sluice/core'
import { objectOption, strictOption, textOption } from '@sluice/core/options'
import { type Grants, grantsOf } from '../grants.ts'

/** Whose key was shown. */
export interface ApiKeyIdentity extends Identity {
  readonly scheme: 'api-key'
  readonly raw: { readonly id: string | undefined }
}

/** The owner of a key. Several keys may have one subject: so one is replaced by another while both are good. */
export interface ApiKeyOwner extends Grants {
  readonly subject: string
  /** Names the key among others of its subject, in logs; never a part of it. */
  readonly id?: string
  /** Good from then on: ISO 8601, or milliseconds since 1970. @default always */
  readonly notBefore?: string | number
  /** Good until then, in the same form. @default for ever */
  readonly expiresAt?: string | number
}

/** A key that is known. */
export interface ApiKeyEntry extends ApiKeyOwner {
  /** SHA-256 of the key, in hexadecimal: see {@link apiKeyDigest}. */
  readonly sha256: string
}

/** An owner, ready for use. */
export interface KeyHolder {
  readonly identity: ApiKeyIdentity
  readonly notBefore: number
  readonly expiresAt: number
}

interface IndexedKey extends KeyHolder {
  readonly digest: Buffer
}

/** A misspelt `expiresAt` would be a key for ever. */
const NAMES = ['sha256', 'subject', 'id', 'notBefore', 'expiresAt', 'scopes', 'roles', 'claims']

/** What is kept of a key: SHA-256 of its UTF-8, in hexadecimal. Keys have to be long and random (128 bits at least). */
export function apiKeyDigest(key: string): string {
  return hash('sha256', key, 'hex')
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function holderOf(owner: ApiKeyOwner, at: string): KeyHolder {
  const { subject, id, notBefore, expiresAt } = objectOption(owner, at)
  const raw = Object.freeze({ id: id === undefined ? undefined : textOption(id, `${at}.id`) })
  const grants = grantsOf(owner, at)
  return {
    identity: Object.freeze({ subject: textOption(subject, `${at}.subject`), scheme: 'api-key', ...grants, raw }),
    notBefore: timeOption(notBefore, Number.NEGATIVE_INFINITY, `${at}.notBefore`),
    expiresAt: timeOption(expiresAt, Number.POSITIVE_INFINITY, `${at}.expiresAt`),
  }
}

export class KeyIndex {
  readonly #secret: string = randomBytes(16).toString('hex')
  readonly #keys = new Map<string, IndexedKey>()
  /** What is compared with where nothing is found. */
  readonly #nobody: Buffer = randomBytes(32)

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(entries: readonly ApiKeyEntry[], at: string) {
    if (!Array.isArray(entries)) throw new ConfigError(at, 'must be a list')
    entries.forEach((entry: ApiKeyEntry, index) => {
      const where = `${at}[${index}]`
      const holder = holderOf(strictOption(entry, NAMES, where), where)
      if (typeof entry.sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(entry.sha256))
        throw new ConfigError(`${where}.sha256`, 'must be 64 hexadecimal digits')
      const sha256 = entry.sha256.toLowerCase()
      const place = this.#placeOf(sha256)
      if (this.#keys.has(place)) throw new ConfigError(`${where}.sha256`, 'is there twice')
      this.#keys.set(place, { ...holder, digest: Buffer.from(sha256, 'hex') })
    })
  }

  get size(): number {
    return this.#keys.size
  }

  /** By a digest in lower-case hexadecimal. */
  find(sha256: string): KeyHolder | undefined {
    const found = this.#keys.get(this.#placeOf(sha256))
    const isSame = timingSafeEqual(found?.digest ?? this.#nobody, Buffer.from(sha256, 'hex'))
    return isSame ? found : undefined
  }

  #placeOf(sha256: string): string {
    return hash('sha256', this.#secret + sha256, 'base64url')
  }
}

function timeOption(value: string | number | undefined, fallback: number, at: string): number {
  if (value === undefined) return fallback
  const time = typeof value === 'string' ? Date.parse(value) : value
  if (Number.isFinite(time)) return time
  throw new ConfigError(at, 'must be a time in ISO 8601, or milliseconds since 1970')
}
