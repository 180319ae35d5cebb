/**
 * Keys that the issuer of tokens publishes: a JWK Set at a URL (RFC 7517, section 5), or wherever its OpenID Connect discovery
 * document says. They are fetched once and kept:
 *
 *   fresh           used; towards their end they are fetched anew behind the requests' back
 *   unknown `kid`   fetched at once, since the issuer may have rotated; not more often than `keysCooldownMs`
 *   too old         fetched, and everybody waits for the one fetch
 *   not to be had   the old ones go on for `keysStaleMs`; it is tried again after a second, two, four, ..., `keysCooldownMs`
 */
import type { KeyObject } from 'node:crypto'
import { flagOption, functionOption, positiveOption, durationOption, wholeOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import { keysFetched, keysFetchFailed } from '../events.ts'
import { type FetchFunction, fetchReply, globalFetch, trustedUrl, urlProblem } from '../outbound/fetch-reply.ts'
import type { JwtAlgorithm } from './algorithms.ts'
import { readPublishedKey } from './key-material.ts'
import { KeySet } from './key-set.ts'
import { type KeySource, type KeySourceSnapshot, KeysUnavailable } from './key-source.ts'

/** How published keys are fetched and kept. */
export interface RemoteKeysOptions {
  /** How long keys are used before they are fetched anew. @default 600_000 */
  readonly keysMaxAgeMs?: number
  /** Least time between two fetches because of an unknown `kid`, and longest between two after failures. @default 30_000 */
  readonly keysCooldownMs?: number
  /** How long keys go on beyond `keysMaxAgeMs` while they can't be fetched. @default 86_400_000 */
  readonly keysStaleMs?: number
  /** Longest wait for a key server's whole reply. @default 5_000 */
  readonly keysTimeoutMs?: number
  /** Longest reply of a key server that is read. @default 262_144 */
  readonly maxKeysBytes?: number
  /** Whether key servers other than on this machine may be asked without TLS. @default false */
  readonly allowHttp?: boolean
  /** What they are fetched with, such as undici's `fetch` with a dispatcher. @default the global `fetch` */
  readonly fetch?: FetchFunction
}

export const REMOTE_KEYS_OPTIONS: readonly string[] = [
  'keysMaxAgeMs',
  'keysCooldownMs',
  'keysStaleMs',
  'keysTimeoutMs',
  'maxKeysBytes',
  'allowHttp',
  'fetch',
]

/** Where the keys are: the set itself, or the issuer whose discovery document names it. */
export type KeysLocation = { readonly jwksUrl: unknown } | { readonly issuer: unknown }

/** A set with more is nobody's. */
const MAX_KEYS = 200
/** From this part of their age on they are fetched anew while they are still good. */
const REFRESH_AHEAD = 0.8
const FIRST_RETRY_MS = 1_000

export class RemoteKeys implements KeySource {
  readonly #url: string
  /** Missing where the URL is the set's own. */
  readonly #issuer: string | undefined
  readonly #fetch: FetchFunction
  readonly #maxAgeMs: number
  readonly #cooldownMs: number
  readonly #staleMs: number
  readonly #timeoutMs: number
  readonly #maxBytes: number
  readonly #allowHttp: boolean
  #keys: KeySet | undefined = undefined
  #fetchedAt = 0
  #fetchedWallTime: number | undefined = undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #pending: Promise<void> | undefined = undefined

  /** `at` is the options' place. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(location: KeysLocation, options: RemoteKeysOptions, at: string) {
    this.#allowHttp = flagOption(options.allowHttp, false, `${at}.allowHttp`)
    if ('jwksUrl' in location) this.#url = trustedUrl(location.jwksUrl, this.#allowHttp, `${at}.jwksUrl`)
    else {
      this.#issuer = trustedUrl(location.issuer, this.#allowHttp, `${at}.issuer`)
      // OpenID Connect Discovery 1.0, section 4.1.
      this.#url = `${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    }
    this.#fetch = functionOption(options.fetch, `${at}.fetch`) ?? globalFetch
    this.#maxAgeMs = positiveOption(options.keysMaxAgeMs, 600_000, `${at}.keysMaxAgeMs`)
    this.#cooldownMs = positiveOption(options.keysCooldownMs, 30_000, `${at}.keysCooldownMs`)
    this.#staleMs = durationOption(options.keysStaleMs, 86_400_000, `${at}.keysStaleMs`)
    this.#timeoutMs = positiveOption(options.keysTimeoutMs, 5_000, `${at}.keysTimeoutMs`)
    this.#maxBytes = wholeOption(options.maxKeysBytes, 262_144, `${at}.maxKeysBytes`, 1)
  }

  find(
    algorithm: JwtAlgorithm,
    kid: string | undefined,
    clock: Clock,
  ): readonly KeyObject[] | Promise<readonly KeyObject[]> {
    const now = clock.now()
    const keys = this.#keys
    const age = now - this.#fetchedAt
    if (keys === undefined || age >= this.#maxAgeMs) return this.#findAnew(algorithm, kid, clock)
    const found = keys.candidates(algorithm, kid)
    if (found.length === 0) return this.#isCool(now) ? this.#findAnew(algorithm, kid, clock) : found
    if (age >= this.#maxAgeMs * REFRESH_AHEAD && this.#mayAsk(now)) void this.#refresh(clock)
    return found
  }

  snapshot(): KeySourceSnapshot {
    return {
      keys: this.#keys?.size ?? 0,
      kids: this.#keys?.names ?? [],
      fetchedAt: this.#fetchedWallTime,
      failures: this.#failures,
    }
  }

  async #findAnew(algorithm: JwtAlgorithm, kid: string | undefined, clock: Clock): Promise<readonly KeyObject[]> {
    if (this.#pending !== undefined || this.#mayAsk(clock.now())) await this.#refresh(clock)
    if (this.#keys === undefined || clock.now() - this.#fetchedAt >= this.#maxAgeMs + this.#staleMs)
      throw new KeysUnavailable('no keys could be fetched')
    return this.#keys.candidates(algorithm, kid)
  }

  /** Whether a key that nobody knows is a reason to ask. */
  #isCool(now: number): boolean {
    return this.#pending !== undefined || now - this.#askedAt >= this.#cooldownMs
  }

  /** Whether it is long enough after a failure. */
  #mayAsk(now: number): boolean {
    if (this.#failures === 0) return true
    return now - this.#askedAt >= Math.min(this.#cooldownMs, FIRST_RETRY_MS * 2 ** (this.#failures - 1))
  }

  /** One for everybody. Never rejects. */
  #refresh(clock: Clock): Promise<void> {
    return (this.#pending ??= this.#load(clock).finally(() => (this.#pending = undefined)))
  }

  async #load(clock: Clock): Promise<void> {
    this.#askedAt = clock.now()
    try {
      const keys = await this.#fetchKeys(clock)
      this.#keys = keys
      this.#fetchedAt = clock.now()
      this.#fetchedWallTime = clock.wallTime()
      this.#failures = 0
      if (keysFetched.hasSubscribers) keysFetched.publish({ url: this.#url, kids: keys.names })
    } catch (error) {
      this.#failures++
      if (keysFetchFailed.hasSubscribers)
        keysFetchFailed.publish({ url: this.#url, error: error as Error, hasKeys: this.#keys !== undefined })
    }
  }

  async #fetchKeys(clock: Clock): Promise<KeySet> {
    const url = this.#issuer === undefined ? this.#url : await this.#discover(this.#issuer, clock)
    const { keys } = await this.#fetchJson(url, clock)
    if (!Array.isArray(keys)) throw new Error('the reply is no JWK Set')
    if (keys.length > MAX_KEYS) throw new Error(`the set has more than ${MAX_KEYS} keys`)
    const usable = keys.flatMap((jwk: unknown) => readPublishedKey(jwk) ?? [])
    // What a deployment that goes wrong publishes must not take the keys away that there are.
    if (usable.length === 0) throw new Error('the set has no key that can be used')
    return new KeySet(usable)
  }

  /** OpenID Connect Discovery 1.0, section 4.3: another issuer's document is not this one's. */
  async #discover(issuer: string, clock: Clock): Promise<string> {
    const document = await this.#fetchJson(this.#url, clock)
    if (document['issuer'] !== issuer) throw new Error('the discovery document is of another issuer')
    const location = document['jwks_uri']
    const url = typeof location === 'string' ? URL.parse(location) : null
    const problem = url === null ? 'must be a URL' : urlProblem(url, this.#allowHttp)
    if (problem !== undefined) throw new Error(`jwks_uri ${problem}`)
    return location as string
  }

  async #fetchJson(url: string, clock: Clock): Promise<Record<string, unknown>> {
    const { status, text } = await fetchReply(this.#fetch, {
      url,
      headers: { accept: 'application/json, application/jwk-set+json' },
      timeoutMs: this.#timeoutMs,
      maxBytes: this.#maxBytes,
      clock,
    })
    if (status !== 200) throw new Error(`the reply is ${status}`)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) throw new Error('the reply is no JSON object')
    return value as Record<string, unknown>
  }
}
