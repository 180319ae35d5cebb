/**
 * The way to Redis, and whether it can be gone. A call that fails or takes too long takes the link down: then nobody asks, and so
 * nobody waits, until a probe in the background was answered in time.
 */
import { hash } from 'node:crypto'
import type { Clock, ScheduledCall } from '@sluice/wire'
import { cacheStoreFailed, type CacheStoreFailedEvent, cacheStoreRecovered } from '../../events.ts'
import type { RedisPlan } from './redis-options.ts'

/** What a call is for, as events tell it. */
export type Operation = CacheStoreFailedEvent['operation']

/** A Lua script: Redis runs it as a whole. */
export class Script {
  readonly text: string
  readonly sha: string

  constructor(text: string) {
    this.text = text
    this.sha = hash('sha1', text)
  }
}

const MAX_BACKOFF = 10
/** A probe that hangs for longer than so many timeouts is not waited for: its connection may be gone for good. */
const STALE_PROBES = 100

export class RedisLink {
  readonly plan: RedisPlan
  readonly #clock: Clock
  readonly #recovered: () => void
  #downSince: number | undefined = undefined
  #backoff = 1
  #probe: ScheduledCall | undefined = undefined
  /** When the probe that is under way was sent. */
  #probingSince: number | undefined = undefined
  #isClosed = false
  failures = 0

  /** `recovered` is called each time when Redis can be asked again. */
  constructor(plan: RedisPlan, clock: Clock, recovered: () => void) {
    this.plan = plan
    this.#clock = clock
    this.#recovered = recovered
  }

  get isUp(): boolean {
    return this.#downSince === undefined && !this.#isClosed
  }

  /** Whether it makes sense to ask. */
  canAsk(operation: Operation): boolean {
    if (!this.isUp) return false
    if (this.plan.client.status === 'ready') return true
    this.#fail(operation, new Error(`Redis is not connected: ${this.plan.client.status}`))
    return false
  }

  /** A result for each command. Rejects when one of them fails, or after `timeoutMs`. */
  async call(operation: Operation, commands: unknown[][], timeoutMs: number = this.plan.timeoutMs): Promise<unknown[]> {
    if (!this.canAsk(operation)) throw new Error('Redis can not be asked')
    try {
      return await this.#within(timeoutMs, this.#exec(commands))
    } catch (error) {
      if (!isUnknownScript(error) && !isOtherType(error)) this.#fail(operation, error as Error)
      throw error
    }
  }

  /** Runs a script, and brings its text where Redis does not know it. Strings come as bytes. */
  async run(
    operation: Operation,
    script: Script,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
    timeoutMs?: number,
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return (await this.call(operation, [['evalshaBuffer', script.sha, ...rest]], timeoutMs))[0]
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return (await this.call(operation, [['evalBuffer', script.text, ...rest]], timeoutMs))[0]
    }
  }

  close(): void {
    this.#isClosed = true
    this.#probe?.cancel()
  }

  async #exec(commands: unknown[][]): Promise<unknown[]> {
    const results = await this.plan.client.pipeline(commands).exec()
    if (results === null) throw new Error('Redis has given up a pipeline')
    return results.map(([error, result]) => {
      if (error !== null) throw error
      return result
    })
  }

  #within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.schedule(timeoutMs, () =>
        reject(new Error(`Redis has not answered within ${timeoutMs} ms`)),
      )
      promise.then(resolve, reject).finally(() => deadline.cancel())
    })
  }

  #fail(operation: Operation, error: Error): void {
    this.failures++
    if (!this.isUp) return
    this.#downSince = this.#clock.now()
    if (cacheStoreFailed.hasSubscribers) cacheStoreFailed.publish({ store: 'redis', operation, error })
    this.#backoff = 1
    this.#scheduleProbe()
  }

  #scheduleProbe(): void {
    this.#probe = this.#clock.schedule(this.plan.probeIntervalMs * this.#backoff, () => void this.#tryAgain())
    this.#backoff = Math.min(MAX_BACKOFF, this.#backoff * 2)
  }

  /** Writes, as a cache does: a Redis that is read-only or full would answer a mere PING. */
  async #tryAgain(): Promise<void> {
    if (this.#isClosed) return
    const { client, prefix, timeoutMs } = this.plan
    const now = this.#clock.now()
    const isUnderWay = this.#probingSince !== undefined && now - this.#probingSince < STALE_PROBES * timeoutMs
    // One that connects lazily waits for a command. While one probe hangs, others would only queue up behind it.
    if ((client.status === 'ready' || client.status === 'wait') && !isUnderWay) {
      this.#probingSince = now
      const probe = this.#exec([['set', `${prefix}probe`, '1', 'PX', 1_000]]).finally(() => {
        if (this.#probingSince === now) this.#probingSince = undefined
      })
      try {
        await this.#within(timeoutMs, probe)
        return this.#recover()
      } catch {
        // Told already, when the link went down.
      }
    }
    if (!this.#isClosed) this.#scheduleProbe()
  }

  #recover(): void {
    if (this.#downSince === undefined) return
    const downMs = this.#clock.now() - this.#downSince
    this.#downSince = undefined
    if (cacheStoreRecovered.hasSubscribers) cacheStoreRecovered.publish({ store: 'redis', downMs })
    this.#recovered()
  }
}

/** Something else stands where an entry should: that is no fault of Redis's. */
export function isOtherType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE')
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
