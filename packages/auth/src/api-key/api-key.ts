/**
 * API keys: long random secrets that name a client. What is kept here is their digest, so that a list of them is no secret.
 *
 *     apiKey({ keys: [{ sha256: apiKeyDigest(key), subject: 'shop', scopes: ['orders:read'] }] })
 */
import { ConfigError, type Exchange } from '@sluice/core'
import { flagOption, strictOption, wholeOption } from '@sluice/core/options'
import { apart } from '../apart.ts'
import type { CachedVerdict } from '../cache/auth-cache.ts'
import { type CacheOption, resolveCache } from '../cache/cache-option.ts'
import { challengeOf, realmOption } from '../challenge.ts'
import { credentialReader, type CredentialSource } from '../credential-source.ts'
import { defineStrategy } from '../define-strategy.ts'
import { ABSENT, type Refusal, type Strategy, type Verdict } from '../strategy.ts'
import {
  apiKeyDigest,
  type ApiKeyEntry,
  type ApiKeyIdentity,
  type ApiKeyOwner,
  holderOf,
  type KeyHolder,
  KeyIndex,
} from './key-index.ts'

/** Finds the owner of a key by the key's digest, in lower-case hexadecimal; `undefined` for nobody. */
export type ApiKeyLookup = (
  sha256: string,
  exchange: Exchange,
) => ApiKeyOwner | undefined | Promise<ApiKeyOwner | undefined>

/** Options of {@link apiKey}: either `keys` or `lookup`. */
export interface ApiKeyOptions {
  /** The keys that are known. They can be replaced while the gateway runs: {@link ApiKeyStrategy.setKeys}. */
  readonly keys?: readonly ApiKeyEntry[]
  /** Asked for every key, unless there is a `cache`. Where it throws or rejects, the request gets 503. */
  readonly lookup?: ApiKeyLookup
  /** Where the key stands. @default { header: 'X-API-Key' } */
  readonly from?: CredentialSource
  /** What the key is for, in the challenge; of visible ASCII. @default 'restricted' */
  readonly realm?: string
  /** Whether the key stays here, instead of going on to the upstream. @default true */
  readonly strip?: boolean
  /** Longer keys are malformed. @default 512 */
  readonly maxChars?: number
  /**
   * Keeps what `lookup` has found, by the key alone: for whatever request it was asked, the answer has to be the same. So long can it take until a
   * key that was withdrawn is noticed. @default false
   */
  readonly cache?: CacheOption
}

/** The strategy, whose keys can change. */
export interface ApiKeyStrategy extends Strategy<ApiKeyIdentity> {
  /**
   * Uses other keys from the next request on.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`, and then those of before stay; also where there is a `lookup`
   */
  setKeys(keys: readonly ApiKeyEntry[]): void
}

const AT = 'apiKey'
const NAMES = ['keys', 'lookup', 'from', 'realm', 'strip', 'maxChars', 'cache']
const VISIBLE = /^[\x21-\x7e]+$/
const MALFORMED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'malformed' })
const REPEATED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'repeated' })
const WRONG: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'wrong' })
const EARLY: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'not-yet-valid' })
const EXPIRED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'expired' })

/**
 * Makes the strategy. No scheme is registered for API keys: its challenge, `ApiKey`, names what they are for and where they belong.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function apiKey(options: ApiKeyOptions): ApiKeyStrategy {
  const { lookup, from = { header: 'X-API-Key' } } = strictOption(options, NAMES, AT)
  if ((options.keys === undefined) === (lookup === undefined))
    throw new ConfigError(AT, 'needs "keys" or "lookup", and not both')
  if (lookup !== undefined && typeof lookup !== 'function') throw new ConfigError(`${AT}.lookup`, 'must be a function')
  const cache = resolveCache(options.cache, false, 'api-key', `${AT}.cache`)
  if (cache !== undefined && lookup === undefined) throw new ConfigError(`${AT}.cache`, 'is for "lookup" alone')
  const reader = credentialReader(from, `${AT}.from`)
  const maxChars = wholeOption(options.maxChars, 512, `${AT}.maxChars`, 1)
  const realm = realmOption(options.realm, 'restricted', `${AT}.realm`)
  const challenge = challengeOf('ApiKey', 'header' in from ? { realm, header: from.header } : { realm })
  let index = new KeyIndex(options.keys ?? [], `${AT}.keys`)

  const judge = (key: string, exchange: Exchange): Verdict<ApiKeyIdentity> | Promise<Verdict<ApiKeyIdentity>> => {
    const sha256 = apiKeyDigest(key)
    if (lookup === undefined) return verdictOn(index.find(sha256), exchange.clock.wallTime())
    const load = async (by: Exchange): Promise<CachedVerdict<ApiKeyIdentity>> => {
      const owner = await lookup(sha256, by)
      const holder = owner === undefined ? undefined : holderOf(owner, `${AT}.lookup`)
      const verdict = verdictOn(holder, exchange.clock.wallTime())
      return {
        verdict,
        expiresAt: verdict === EARLY ? holder?.notBefore : verdict === EXPIRED ? undefined : holder?.expiresAt,
      }
    }
    if (cache === undefined) return load(exchange).then(({ verdict }) => verdict)
    return cache.through(cache.keyOf('api-key', key), exchange.clock.wallTime(), () => apart(exchange, load))
  }
  const strategy = defineStrategy<ApiKeyIdentity>({
    scheme: 'api-key',
    authenticate: (exchange) => {
      const credential = reader.read(exchange)
      if (credential.kind === 'absent') return ABSENT
      if (credential.kind === 'refused') return credential.reason === 'repeated' ? REPEATED : MALFORMED
      const { value } = credential
      return value.length > maxChars || !VISIBLE.test(value) ? MALFORMED : judge(value, exchange)
    },
    challenge: () => challenge,
    strip: flagOption(options.strip, true, `${AT}.strip`) ? (exchange) => reader.strip(exchange) : undefined,
    cache,
    details: () => (lookup === undefined ? { keys: index.size } : {}),
  })
  const setKeys = (keys: readonly ApiKeyEntry[]): void => {
    if (lookup !== undefined) throw new ConfigError(`${AT}.keys`, 'is not for where there is a "lookup"')
    index = new KeyIndex(keys, `${AT}.keys`)
  }
  return Object.assign(strategy, { setKeys })
}

function verdictOn(holder: KeyHolder | undefined, now: number): Verdict<ApiKeyIdentity> {
  if (holder === undefined) return WRONG
  if (now < holder.notBefore) return EARLY
  if (now >= holder.expiresAt) return EXPIRED
  return { kind: 'accepted', identity: holder.identity }
}
