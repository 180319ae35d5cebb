/**
 * How many are under way for each key in all processes. A place in Redis is a lease: the process that holds it renews it while
 * its exchange goes on, and one that dies leaves nothing behind for longer than `leaseMs`.
 */
import { randomBytes } from 'node:crypto'
import type { Clock, ScheduledCall } from '@sluice/wire'
import { REFUSED } from '../memory/quota-table.ts'
import type { Place, QuotaAccount, QuotaRule, StoreSnapshot } from '../store/store.ts'
import { FREE_PLACE, RENEW_PLACES, TAKE_PLACE } from './quota-script.ts'
import { redisKey } from './redis-keys.ts'
import type { RedisLink } from './redis-link.ts'

/** How many times a lease is renewed while it lasts: one renewal may get lost. */
const RENEWALS = 3

const UNAVAILABLE: Place = Object.freeze({ ...REFUSED, isUnavailable: true })

export class RedisQuota implements QuotaAccount {
  readonly #rule: QuotaRule
  readonly #link: RedisLink
  /** What this process holds: names of places by key. */
  readonly #held = new Map<string, Set<string>>()
  /** Names are told apart between processes by what they begin with. */
  readonly #process: string = randomBytes(9).toString('base64url')
  #number = 0
  #clock: Clock | undefined = undefined
  #renewal: ScheduledCall | undefined = undefined

  constructor(rule: QuotaRule, link: RedisLink) {
    this.#rule = rule
    this.#link = link
    link.onRecovery(() => this.#renew())
  }

  take(key: string, clock: Clock): Place | Promise<Place> {
    this.#clock ??= clock
    if (!this.#link.canAsk(clock)) return this.#withoutRedis(key)
    // This process alone has as many as all may have.
    if ((this.#held.get(key)?.size ?? 0) >= this.#rule.max) return REFUSED
    return this.#ask(key, this.#hold(key))
  }

  snapshot(): StoreSnapshot {
    return { kind: 'redis', state: this.#link.state, keys: this.#held.size }
  }

  async #ask(key: string, name: string): Promise<Place> {
    const { max, leaseMs } = this.#rule
    try {
      const call = TAKE_PLACE.call([this.#keyOf(key)], [max, Math.ceil(leaseMs), name])
      const [admitted, remaining] = (await this.#link.call(call)) as [number, number]
      if (admitted === 1) return this.#place(key, name, remaining)
      this.#letGo(key, name)
      return REFUSED
    } catch {
      this.#letGo(key, name)
      return this.#withoutRedis(key)
    }
  }

  #withoutRedis(key: string): Place {
    const { onStoreError, localShare } = this.#link.plan
    if (onStoreError === 'deny') return UNAVAILABLE
    const max = onStoreError === 'allow' ? Number.POSITIVE_INFINITY : Math.ceil(this.#rule.max * localShare)
    const count = this.#held.get(key)?.size ?? 0
    return count < max ? this.#place(key, this.#hold(key), Math.max(0, this.#rule.max - count - 1)) : REFUSED
  }

  #place(key: string, name: string, remaining: number): Place {
    const free = (): void => {
      if (!this.#letGo(key, name) || !this.#link.canAsk(this.#clock!)) return
      this.#link.call(FREE_PLACE.call([this.#keyOf(key)], [name])).catch(() => {})
    }
    return { admitted: true, remaining, free }
  }

  #hold(key: string): string {
    const name = `${this.#process}${this.#number++}`
    const names = this.#held.get(key)
    if (names === undefined) this.#held.set(key, new Set([name]))
    else names.add(name)
    this.#renewal ??= this.#clock!.schedule(this.#rule.leaseMs / RENEWALS, () => this.#renew())
    return name
  }

  #letGo(key: string, name: string): boolean {
    const names = this.#held.get(key)
    if (names === undefined || !names.delete(name)) return false
    if (names.size === 0) this.#held.delete(key)
    return true
  }

  /** Tells Redis of all that is held: it may have started anew and know of none. */
  #renew(): void {
    this.#renewal?.cancel()
    this.#renewal = undefined
    if (this.#held.size === 0) return
    this.#renewal = this.#clock!.schedule(this.#rule.leaseMs / RENEWALS, () => this.#renew())
    if (!this.#link.canAsk(this.#clock!)) return
    for (const [key, names] of this.#held)
      this.#link.call(RENEW_PLACES.call([this.#keyOf(key)], [Math.ceil(this.#rule.leaseMs), ...names])).catch(() => {})
  }

  #keyOf(key: string): string {
    return redisKey(this.#link.plan.prefix, 'places', this.#rule.name, key)
  }
}
