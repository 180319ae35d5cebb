/**
 * Verdicts that took long to come to, kept for a while. What is kept of credentials is a digest under a secret of this process:
 * neither the cache nor a dump of its memory tells a password or a token. Refusals have a place of their own, so that whoever
 * guesses a million passwords does not drive out those who were accepted.
 */
import { hash, randomBytes } from 'node:crypto'
import type { Identity } from '@sluice/core'
import QuickLRU from 'quick-lru'
import { cacheAsked } from '../events.ts'
import type { Verdict } from '../strategy.ts'
import { type AuthCacheOptions, resolveAuthCache } from './auth-cache-options.ts'
import { PendingVerdicts } from './pending-verdicts.ts'

/** A cache's state as plain data. */
export interface CacheSnapshot {
  readonly name: string
  /** How many accepted credentials are kept, and how many refused ones; some may be out of date. */
  readonly entries: number
  readonly refusedEntries: number
  readonly hits: number
  readonly misses: number
  /** How many have waited for what somebody else was finding out. */
  readonly joined: number
}

/** What a strategy has found out. */
export interface CachedVerdict<I extends Identity = Identity> {
  readonly verdict: Verdict<I>
  /** Until when the credential itself is good, or surely not, in milliseconds since 1970. @default any time */
  readonly expiresAt?: number | undefined
}

interface Entry {
  readonly verdict: Verdict
  readonly since: number
  readonly until: number
}

/** What a cache holds, however many strategies look at it. */
interface Holdings {
  readonly accepted: QuickLRU<string, Entry>
  readonly refused: QuickLRU<string, Entry>
  /** What is being found out; another one where something was forgotten since. */
  pending: PendingVerdicts
  hits: number
  misses: number
  joined: number
}

/** A cache of verdicts. One that is given to several strategies is shared in room alone: none sees another's verdicts. */
export class AuthCache {
  readonly #name: string
  readonly #ttlMs: number
  readonly #refusedTtlMs: number
  readonly #secret: string = randomBytes(32).toString('base64url')
  #holdings: Holdings

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG`; `at` is the place of the options */
  constructor(options: AuthCacheOptions = {}, at: string = 'authCache') {
    const { name, maxEntries, ttlMs, refusedTtlMs, maxRefused } = resolveAuthCache(options, at)
    this.#name = name
    this.#ttlMs = ttlMs
    this.#refusedTtlMs = refusedTtlMs
    this.#holdings = {
      accepted: new QuickLRU({ maxSize: maxEntries }),
      refused: new QuickLRU({ maxSize: maxRefused }),
      pending: new PendingVerdicts(),
      hits: 0,
      misses: 0,
      joined: 0,
    }
  }

  /** @internal The same room, with keys of its own: two strategies may come to different verdicts on one password. */
  forStrategy(): AuthCache {
    const view = new AuthCache({ name: this.#name, ttlMs: this.#ttlMs, refusedTtlMs: this.#refusedTtlMs })
    view.#holdings = this.#holdings
    return view
  }

  /** The key of a credential; `scheme` says what kind it is. */
  keyOf(scheme: string, credential: string): string {
    // A secret in front is enough here: nobody outside ever sees the digest, to make a longer one of it.
    return hash('sha256', `${this.#secret}\0${scheme}\0${credential}`, 'base64url')
  }

  /**
   * The verdict under `key`, or what `load` comes to. Of several who ask within five seconds one loads, so that `load` must not depend on what
   * a single exchange does, such as being aborted. Verdicts of `absent` and of 503 are not kept, and neither is a rejection, which
   * all who wait get. `now` is `clock.wallTime()`.
   */
  through<I extends Identity>(
    key: string,
    now: number,
    load: () => Promise<CachedVerdict<I>>,
  ): Verdict<I> | Promise<Verdict<I>> {
    const holdings = this.#holdings
    const entry = holdings.accepted.get(key) ?? holdings.refused.get(key)
    // A clock that was set back says nothing about how long ago it was.
    if (entry !== undefined && now >= entry.since && now < entry.until) {
      holdings.hits++
      this.#tell('hit')
      return entry.verdict as Verdict<I>
    }
    const { pending } = holdings
    const found = pending.find(key, now)
    if (found !== undefined) {
      holdings.joined++
      this.#tell('joined')
      return found as Promise<Verdict<I>>
    }
    holdings.misses++
    this.#tell('miss')
    const loading = this.#load(pending, key, now, load)
    pending.add(key, now, loading)
    return loading as Promise<Verdict<I>>
  }

  /**
   * Forgets whoever is known as `subject`, of one scheme or of all, so that the next request is looked at again. What is being found out
   * at this moment is given to those who wait for it, and not kept.
   */
  invalidate(subject: string, scheme?: string): void {
    const { accepted, refused } = this.#holdings
    for (const [key, { verdict }] of accepted) {
      if (verdict.kind !== 'accepted' || verdict.identity.subject !== subject) continue
      if (scheme === undefined || verdict.identity.scheme === scheme) accepted.delete(key)
    }
    // Whom a refusal was meant for is not known: a password that is right from now on must not wait for it.
    refused.clear()
    this.#holdings.pending = new PendingVerdicts()
  }

  /** Forgets everything. */
  clear(): void {
    this.#holdings.accepted.clear()
    this.#holdings.refused.clear()
    this.#holdings.pending = new PendingVerdicts()
  }

  snapshot(): CacheSnapshot {
    const { accepted, refused, hits, misses, joined } = this.#holdings
    return { name: this.#name, entries: accepted.size, refusedEntries: refused.size, hits, misses, joined }
  }

  async #load(
    pending: PendingVerdicts,
    key: string,
    now: number,
    load: () => Promise<CachedVerdict>,
  ): Promise<Verdict> {
    const { verdict, expiresAt } = await load()
    // Otherwise something was forgotten meanwhile, and this may have been found out before it.
    if (pending === this.#holdings.pending && pending.isCurrent(key, now))
      this.#keep(key, verdict, now, expiresAt ?? Number.POSITIVE_INFINITY)
    return verdict
  }

  /** Counted from when it was begun to be found out: how things stood later nobody has looked at. */
  #keep(key: string, verdict: Verdict, now: number, expiresAt: number): void {
    const { accepted, refused } = this.#holdings
    if (verdict.kind === 'accepted') {
      refused.delete(key)
      const until = Math.min(now + this.#ttlMs, expiresAt)
      if (until > now) accepted.set(key, { verdict, since: now, until })
      return
    }
    accepted.delete(key)
    const until = Math.min(now + this.#refusedTtlMs, expiresAt)
    if (verdict.kind === 'refused' && verdict.status !== 503 && until > now)
      refused.set(key, { verdict, since: now, until })
  }

  #tell(outcome: 'hit' | 'miss' | 'joined'): void {
    if (cacheAsked.hasSubscribers) cacheAsked.publish({ cache: this.#name, outcome })
  }
}

/**
 * Makes a cache, to be given to a strategy or shared among several.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function authCache(options: AuthCacheOptions = {}): AuthCache {
  return new AuthCache(options)
}
