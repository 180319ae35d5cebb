/**
 * Single-flight across processes: who has the lease of a key fetches it, the others look again and again whether that one is done, and
 * no longer than they may wait. A lease ends by itself, unless its holder renews it: a process that dies holds nobody back for long.
 * Each has a number, larger than those before: an entry that comes with a smaller one than what stands there is too late.
 */
import { randomUUID } from 'node:crypto'
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { CacheLease } from '../store.ts'
import type { RedisKeys } from './redis-keys.ts'
import type { RedisLink, Script } from './redis-link.ts'
import { FREE_LEASE, RENEW_LEASE, TAKE_LEASE } from './redis-scripts.ts'

/** For Redis can't be asked: better fetched twice than not at all. */
const NO_LEASE: CacheLease = Object.freeze({ release() {} })
/** Renewals in each lease. */
const RENEWALS = 3
/** Who forgets to give a lease back loses it after so many renewals. */
const MAX_RENEWALS = 1_000
/** Ten thousand who wait for slow upstreams are not to keep Redis busy with asking. */
const PAUSE_GROWTH = 1.25
const MAX_PAUSE = 10
const MAX_KEPT = 1_000

interface Held {
  readonly name: string
  readonly token: string
  readonly fence: number
  renewal: ScheduledCall | undefined
  isOver: boolean
}

export class RedisLeases {
  readonly #link: RedisLink
  readonly #keys: RedisKeys
  readonly #clock: Clock
  readonly #held = new Map<string, Held>()
  /** Leases that could not be given back. */
  readonly #kept: Held[] = []
  /** What has to be in Redis before a lease is given back. */
  readonly #publishing: ReadonlySet<Promise<void>>

  constructor(link: RedisLink, keys: RedisKeys, clock: Clock, publishing: ReadonlySet<Promise<void>>) {
    this.#link = link
    this.#keys = keys
    this.#clock = clock
    this.#publishing = publishing
  }

  /** Redis can be asked again: others need not wait for the end of what could not be given back. */
  recovered(): void {
    for (const held of this.#kept.splice(0)) void this.#free(held)
  }

  /** The number of the lease that this process has of a key, or 0. */
  fenceOf(key: string): number {
    return this.#held.get(key)?.fence ?? 0
  }

  async take(key: string, waitMs: number): Promise<CacheLease | undefined> {
    const { leaseMs, leasePollMs } = this.#link.plan
    const [name, token] = [this.#keys.nameOf(key), randomUUID()]
    const deadline = this.#clock.now() + waitMs
    let holder: number | undefined
    let pause = leasePollMs
    for (;;) {
      if (!this.#link.canAsk('lease')) return NO_LEASE
      let fence: number
      try {
        fence = Number(await this.#run(TAKE_LEASE, [name, token, leaseMs, holder === undefined ? 0 : 1]))
      } catch {
        return NO_LEASE
      }
      if (fence > 0) return this.#hold(key, { name, token, fence, renewal: undefined, isOver: false })
      // Another has it than the one that was waited for: that one is done.
      holder ??= fence
      const left = deadline - this.#clock.now()
      if (fence !== holder || left < leasePollMs) return undefined
      await new Promise<void>((resolve) => this.#clock.schedule(Math.min(pause, left), resolve))
      pause = Math.min(pause * PAUSE_GROWTH, leasePollMs * MAX_PAUSE)
    }
  }

  close(): void {
    for (const held of this.#held.values()) this.#end(held)
    this.#held.clear()
  }

  #hold(key: string, held: Held): CacheLease {
    this.#held.set(key, held)
    this.#renewLater(held, MAX_RENEWALS)
    return { release: () => void this.#release(key, held) }
  }

  #renewLater(held: Held, left: number): void {
    held.renewal = this.#clock.schedule(this.#link.plan.leaseMs / RENEWALS, () => {
      if (held.isOver || left === 0) return
      this.#renewLater(held, left - 1)
      // Lost or not, the response is on its way; its fence tells who was later.
      this.#run(RENEW_LEASE, [held.name, held.fence, held.token, this.#link.plan.leaseMs]).catch(() => {})
    })
  }

  async #release(key: string, held: Held): Promise<void> {
    if (held.isOver) return
    this.#end(held)
    // Who waits shall find what was fetched.
    await Promise.allSettled(this.#publishing)
    if (this.#held.get(key) === held) this.#held.delete(key)
    await this.#free(held)
  }

  async #free(held: Held): Promise<void> {
    try {
      await this.#run(FREE_LEASE, [held.name, held.fence, held.token, this.#link.plan.leaseMs])
    } catch {
      if (this.#kept.length < MAX_KEPT) this.#kept.push(held)
    }
  }

  #end(held: Held): void {
    held.isOver = true
    held.renewal?.cancel()
  }

  async #run(script: Script, args: readonly (string | number)[]): Promise<unknown> {
    return await this.#link.run('lease', script, [this.#keys.prefix], args)
  }
}
