/**
 * The cookie of a sticky session: `NAME.EXPIRY.TAG`. NAME stands for a target without telling which (an HMAC of its key),
 * EXPIRY is the end of its time in seconds since the epoch, in base 36, and empty where there is none. TAG is the HMAC-SHA256
 * (RFC 2104) of both. Whoever lacks the secret can neither make a cookie nor learn an address from one.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { ConfigError } from '@sluice/core'
import { type OptionNames, tokenOption, wholeOption } from '@sluice/core/options'

/** How the cookie is made (RFC 6265, section 5.2, and its successor for `SameSite`). */
export interface SessionCookieOptions {
  /**
   * What cookies are signed with, at least 16 characters, best 32 random bytes. From a list, the first signs and all are
   * accepted: to change it, put the new one in front, and take the old one out when its cookies have had their time.
   */
  readonly secret: string | readonly string[]
  /** @default `sluice-` and eight hexadecimal digits of a hash of the upstream's name */
  readonly cookie?: string
  /**
   * How long a session holds, in seconds; the cookie is renewed when half of it has passed. Without it, as long as the
   * browser runs.
   */
  readonly maxAgeSeconds?: number
  /** @default '/' */
  readonly path?: string
  /** Without it, the cookie is sent to the very host that set it. */
  readonly domain?: string
  /** Browsers ignore a `Secure` cookie that comes over plain HTTP, except from localhost. @default true */
  readonly secure?: boolean
  /** @default true */
  readonly httpOnly?: boolean
  /** `none` needs `secure`. @default 'lax' */
  readonly sameSite?: 'strict' | 'lax' | 'none'
}

export const SESSION_COOKIE_NAMES: OptionNames<SessionCookieOptions> = {
  secret: true,
  cookie: true,
  maxAgeSeconds: true,
  path: true,
  domain: true,
  secure: true,
  httpOnly: true,
  sameSite: true,
}

/** What a cookie says that was made here. */
export interface VerifiedCookie {
  readonly name: string
  /** By a current secret, with more than half of its time left. */
  readonly isFresh: boolean
}

const MIN_SECRET_LENGTH = 16
/** 96 bits: enough that no two targets meet. */
const NAME_LENGTH = 16
/** A SHA-256 in base64url. */
const TAG_LENGTH = 43

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const

/** Makes and checks the cookies of one upstream. */
export class SessionCookie {
  readonly cookie: string
  readonly #upstream: string
  readonly #secrets: readonly string[]
  readonly #maxAgeSeconds: number | undefined
  readonly #attributes: string

  /** @throws {ConfigError} where an option is wrong */
  constructor(options: SessionCookieOptions, upstream: string, defaultName: string) {
    this.cookie = options.cookie ?? defaultName
    this.#upstream = upstream
    this.#secrets = secretsOf(options.secret)
    this.#maxAgeSeconds =
      options.maxAgeSeconds === undefined
        ? undefined
        : wholeOption(options.maxAgeSeconds, 0, 'stickySessions.maxAgeSeconds', 1)
    this.#attributes = attributesOf(options, this.cookie)
  }

  /** What stands for a target, by each of the secrets: the one that is used now comes first. */
  namesOf(key: string): readonly string[] {
    return this.#secrets.map((secret) => hmac(secret, `target\n${this.#upstream}\n${key}`).slice(0, NAME_LENGTH))
  }

  /** `Set-Cookie` for a target of this name. `now` is milliseconds since the epoch. */
  setCookie(name: string, now: number): string {
    const expiry = this.#maxAgeSeconds === undefined ? '' : (Math.floor(now / 1000) + this.#maxAgeSeconds).toString(36)
    return `${this.cookie}=${name}.${expiry}.${this.#tag(this.#secrets[0]!, name, expiry)}${this.#attributes}`
  }

  /** What the value says; `undefined` where it was not made here, was changed, or has expired. */
  verify(value: string, now: number): VerifiedCookie | undefined {
    const expiryEnd = value.length - TAG_LENGTH - 1
    if (expiryEnd <= NAME_LENGTH || value[NAME_LENGTH] !== '.' || value[expiryEnd] !== '.') return undefined
    const name = value.slice(0, NAME_LENGTH)
    const expiry = value.slice(NAME_LENGTH + 1, expiryEnd)
    const tag = Buffer.from(value.slice(expiryEnd + 1), 'latin1')
    const signer = this.#secrets.findIndex((secret) =>
      timingSafeEqual(tag, Buffer.from(this.#tag(secret, name, expiry), 'latin1')),
    )
    if (signer < 0) return undefined
    // Signed without a time when there was none: from now on there is one.
    if (expiry === '') return { name, isFresh: signer === 0 && this.#maxAgeSeconds === undefined }
    const secondsLeft = Number.parseInt(expiry, 36) - now / 1000
    if (secondsLeft <= 0) return undefined
    const isYoung = this.#maxAgeSeconds !== undefined && secondsLeft > this.#maxAgeSeconds / 2
    return { name, isFresh: signer === 0 && isYoung }
  }

  #tag(secret: string, name: string, expiry: string): string {
    return hmac(secret, `session\n${this.#upstream}\n${this.cookie}\n${name}.${expiry}`)
  }
}

function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}

function secretsOf(secret: string | readonly string[]): readonly string[] {
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(secrets) || secrets.length === 0)
    throw new ConfigError('stickySessions.secret', 'must be a secret or a list of them')
  if (!secrets.every((each) => typeof each === 'string' && each.length >= MIN_SECRET_LENGTH))
    throw new ConfigError('stickySessions.secret', `must have at least ${MIN_SECRET_LENGTH} characters`)
  return [...secrets]
}

function attributesOf(options: SessionCookieOptions, cookie: string): string {
  const { path = '/', domain, secure = true, httpOnly = true, sameSite = 'lax', maxAgeSeconds } = options
  tokenOption(cookie, 'stickySessions.cookie')
  if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path))
    throw new ConfigError('stickySessions.path', 'must begin with "/" and have no ";"')
  if (domain !== undefined && !/^\.?[\da-z-]+(\.[\da-z-]+)*$/i.test(domain))
    throw new ConfigError('stickySessions.domain', 'must be the name of a host')
  if (!Object.hasOwn(SAME_SITE, sameSite))
    throw new ConfigError('stickySessions.sameSite', 'must be "strict", "lax" or "none"')
  if (sameSite === 'none' && !secure) throw new ConfigError('stickySessions.sameSite', '"none" needs secure: true')
  if (cookie.startsWith('__Secure-') && !secure)
    throw new ConfigError('stickySessions.cookie', '"__Secure-" needs secure: true')
  if (cookie.startsWith('__Host-') && !(secure && path === '/' && domain === undefined))
    throw new ConfigError('stickySessions.cookie', '"__Host-" needs secure: true, the path "/" and no domain')
  return [
    `; Path=${path}`,
    domain === undefined ? '' : `; Domain=${domain}`,
    maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`,
    secure ? '; Secure' : '',
    httpOnly ? '; HttpOnly' : '',
    `; SameSite=${SAME_SITE[sameSite]}`,
  ].join('')
}
