/**
 * Tells the upstream who is asking in a token that this gateway has signed: so an upstream need not trust its network, and knows one issuer whatever
 * clients have come with.
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Handler,
  identity,
  type Identity,
  type Middleware,
  type Reply,
} from '@sluice/core'
import { positiveOption, strictOption, textOption } from '@sluice/core/options'
import type { JWTPayload } from 'jose'
import type { MaybeIdentified } from '../compose/optional.ts'
import { type SigningKeyOptions, SigningKey } from '../keys/signing-key.ts'
import { ownFieldOption, removeOwnFields } from '../own-fields.ts'

/** Options of {@link passJwt}. */
export interface PassJwtOptions extends SigningKeyOptions {
  /** `iss`: this gateway. */
  readonly issuer: string
  /** `aud`: the upstream. */
  readonly audience: string
  /**
   * How long a token is good, which may be longer than what the client has come with. One is used for half of that, and then signed anew; at
   * least 2_000. @default 60_000
   */
  readonly ttlMs?: number
  /** The field that it stands in; in `Authorization` behind `Bearer`. @default 'Authorization' */
  readonly header?: string
  /** Which of the identity's claims go into it, by their names. @default none */
  readonly claims?: readonly string[]
}

interface Signed {
  readonly value: string
  readonly since: number
}

const AT = 'passJwt'
const NAMES = ['algorithm', 'key', 'kid', 'issuer', 'audience', 'ttlMs', 'header', 'claims']
/** What the token has in any case (RFC 7519, section 4.1; RFC 8693, section 4.2). */
const OWN = ['iss', 'aud', 'sub', 'iat', 'exp', 'nbf', 'scope', 'roles', 'amr']

/**
 * Makes the middleware; it stands behind a strategy, or behind `optional`, where nobody may be known and the field is then missing. What the client
 * has sent in this field never gets upstream. The token has `iss`, `aud`, `iat`, `exp`, `sub`, `scope` and `roles` where there are any, and `amr` with the
 * identity's scheme (RFC 8176). Its `typ` is `JWT`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function passJwt(options: PassJwtOptions): Middleware<MaybeIdentified> {
  const signer = new IdentitySigner(strictOption(options, NAMES, AT))
  const { header: name = 'Authorization' } = options
  const key = ownFieldOption(name, `${AT}.header`)
  const keys = new Set([key])
  const prefix = key === 'authorization' ? 'Bearer ' : ''

  const put = (exchange: Exchange, token: string): void => void exchange.request.headers.append(name, prefix + token)
  const wait = async (exchange: Exchange, next: Handler, pending: Promise<string>): Promise<Reply> => {
    put(exchange, await pending)
    return await next(exchange)
  }
  return defineMiddleware<MaybeIdentified>('passJwt', (exchange, next) => {
    removeOwnFields(exchange, keys)
    const who = exchange.peek(identity)
    if (who === undefined) return next(exchange)
    const token = signer.token(who, exchange.clock.wallTime())
    if (token instanceof Promise) return wait(exchange, next, token)
    put(exchange, token)
    return next(exchange)
  })
}

/** Signs, and keeps what it has signed as long as the identity is the same object: strategies with a cache give it again. */
class IdentitySigner {
  readonly #key: SigningKey
  readonly #issuer: string
  readonly #audience: string
  readonly #ttlMs: number
  readonly #claims: readonly string[]
  readonly #signed = new WeakMap<Identity, Signed>()
  readonly #pending = new WeakMap<Identity, Promise<string>>()

  constructor(options: PassJwtOptions) {
    this.#key = new SigningKey(options, AT)
    this.#issuer = textOption(options.issuer, `${AT}.issuer`)
    this.#audience = textOption(options.audience, `${AT}.audience`)
    this.#ttlMs = positiveOption(options.ttlMs, 60_000, `${AT}.ttlMs`)
    if (this.#ttlMs < 2_000) throw new ConfigError(`${AT}.ttlMs`, 'must be at least 2_000: tokens count in seconds')
    const { claims = [] } = options
    if (!Array.isArray(claims)) throw new ConfigError(`${AT}.claims`, 'must be a list of names')
    this.#claims = claims.map((each: unknown, index) => {
      const claim = textOption(each, `${AT}.claims[${index}]`)
      if (OWN.includes(claim))
        throw new ConfigError(`${AT}.claims[${index}]`, `must not be "${claim}", which is said here`)
      return claim
    })
  }

  token(who: Identity, now: number): string | Promise<string> {
    const signed = this.#signed.get(who)
    if (signed !== undefined && now >= signed.since && now - signed.since < this.#ttlMs / 2) return signed.value
    const pending = this.#pending.get(who)
    if (pending !== undefined) return pending
    const signing = this.#sign(who, now)
    this.#pending.set(who, signing)
    return signing
  }

  async #sign(who: Identity, now: number): Promise<string> {
    try {
      const value = await this.#key.sign(this.#payload(who, now))
      this.#signed.set(who, { value, since: now })
      return value
    } finally {
      this.#pending.delete(who)
    }
  }

  #payload(who: Identity, now: number): JWTPayload {
    const iat = Math.floor(now / 1_000)
    const payload: JWTPayload = {}
    for (const name of this.#claims)
      if (Object.hasOwn(who.claims, name) && who.claims[name] !== undefined) payload[name] = who.claims[name]
    payload.iss = this.#issuer
    payload.aud = this.#audience
    payload.sub = who.subject
    payload.iat = iat
    payload.exp = iat + Math.floor(this.#ttlMs / 1_000)
    payload['amr'] = [who.scheme]
    if (who.scopes.length > 0) payload['scope'] = who.scopes.join(' ')
    if (who.roles.length > 0) payload['roles'] = who.roles
    return payload
  }
}
