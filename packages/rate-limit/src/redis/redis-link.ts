/**
 * The way to Redis, and whether it can be gone. All calls of one turn of the event loop leave in one write. A call that fails
 * or takes too long takes the link down: from then on nobody waits, until a probe in the background was answered in time.
 */
import type { Clock, ScheduledCall } from '@sluice/wire'
import { storeFailed, storeRecovered } from '../events.ts'
import type { RedisPlan } from './redis-options.ts'
import { isUnknownScript, type ScriptCall, withText } from './redis-script.ts'

interface Waiting {
  readonly call: ScriptCall
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** Calls that leave together, and share one deadline. */
interface Batch {
  readonly waiting: Waiting[]
  readonly deadline: ScheduledCall
  isOver: boolean
}

const MAX_BACKOFF = 10
/** A probe that hangs is not taken for one that is under way for longer than this: its connection may be gone for good. */
const STALE_PROBES = 100

export class RedisLink {
  readonly #plan: RedisPlan
  readonly #onRecovery: (() => void)[] = []
  #batch: Batch | undefined = undefined
  #clock: Clock | undefined = undefined
  #downSince: number | undefined = undefined
  #backoff = 1
  #probeSentAt: number | undefined = undefined
  #nextProbe: ScheduledCall | undefined = undefined

  constructor(plan: RedisPlan) {
    this.#plan = plan
  }

  get plan(): RedisPlan {
    return this.#plan
  }

  /** Whether it makes sense to ask: where Redis was well the last time, and there is a connection. */
  canAsk(clock: Clock): boolean {
    this.#clock ??= clock
    if (this.#downSince !== undefined) return false
    if (this.#plan.client.status === 'ready') return true
    this.#fail(new Error(`Redis is not connected: ${this.#plan.client.status}`))
    return false
  }

  get state(): 'up' | 'down' {
    return this.#downSince === undefined ? 'up' : 'down'
  }

  /** Calls back each time when Redis can be asked again. */
  onRecovery(callback: () => void): void {
    this.#onRecovery.push(callback)
  }

  /** To be called where {@link canAsk} has said so. Rejects within `storeTimeoutMs`. */
  call(call: ScriptCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const batch = (this.#batch ??= this.#open())
      batch.waiting.push({ call, resolve, reject })
    })
  }

  #open(): Batch {
    const { storeTimeoutMs } = this.#plan
    const deadline = this.#clock!.schedule(storeTimeoutMs, () =>
      this.#give(batch, new Error(`Redis has not answered within ${storeTimeoutMs} ms`)),
    )
    const batch: Batch = { waiting: [], deadline, isOver: false }
    // Behind the sockets that have something to read now: what they ask for comes along.
    setImmediate(() => {
      this.#batch = undefined
      void this.#send(batch)
    })
    return batch
  }

  async #send(batch: Batch): Promise<void> {
    // The event loop stood still: nobody waits for it any more.
    if (batch.isOver) return
    try {
      const results = await this.#exec(batch.waiting.map(({ call }) => [...call.command]))
      // What comes too late says nothing about how Redis is now.
      if (batch.isOver) return
      const unknown = batch.waiting.filter((each, i) => !this.#settle(each, results[i], true))
      if (unknown.length > 0) {
        const again = await this.#exec(unknown.map(({ call }) => withText(call)))
        if (batch.isOver) return
        unknown.forEach((each, i) => this.#settle(each, again[i], false))
      }
      batch.deadline.cancel()
      batch.isOver = true
    } catch (error) {
      this.#give(batch, error as Error)
    }
  }

  async #exec(commands: unknown[][]): Promise<readonly [error: Error | null, result: unknown][]> {
    const results = await this.#plan.client.pipeline(commands).exec()
    if (results === null) throw new Error('Redis has given up a pipeline')
    return results
  }

  /** Says whether that was an answer: it is none where `mayRepeat` and Redis did not know the script. */
  #settle(waiting: Waiting, result: [Error | null, unknown] | undefined, mayRepeat: boolean): boolean {
    const error = result === undefined ? new Error('Redis has left out an answer') : result[0]
    if (error === null) waiting.resolve(result![1])
    else if (mayRepeat && isUnknownScript(error)) return false
    else {
      waiting.reject(error)
      this.#fail(error)
    }
    return true
  }

  /** Those who have their answer do not mind. */
  #give(batch: Batch, error: Error): void {
    if (batch.isOver) return
    batch.isOver = true
    batch.deadline.cancel()
    this.#fail(error)
    for (const { reject } of batch.waiting) reject(error)
  }

  #fail(error: Error): void {
    if (this.#downSince !== undefined) return
    this.#downSince = this.#clock!.now()
    const { onStoreError } = this.#plan
    if (storeFailed.hasSubscribers) storeFailed.publish({ store: 'redis', error, onStoreError })
    this.#backoff = 1
    this.#scheduleProbe()
  }

  #scheduleProbe(): void {
    this.#nextProbe?.cancel()
    this.#nextProbe = this.#clock!.schedule(this.#plan.probeIntervalMs * this.#backoff, () => void this.#probe())
    this.#backoff = Math.min(MAX_BACKOFF, this.#backoff * 2)
  }

  /** Writes, as limits do: a Redis that is read-only or full would answer a mere PING. */
  async #probe(): Promise<void> {
    const { client, prefix, storeTimeoutMs } = this.#plan
    const now = this.#clock!.now()
    const isUnderWay = this.#probeSentAt !== undefined && now - this.#probeSentAt < STALE_PROBES * storeTimeoutMs
    // While one hangs, others would only queue up behind it; when it comes back it begins anew by itself.
    // One that connects lazily waits for a command.
    const canSend = client.status === 'ready' || client.status === 'wait'
    if (isUnderWay || !canSend) return this.#scheduleProbe()
    this.#probeSentAt = now
    this.#scheduleProbe()
    let isWell = false
    try {
      const [result] = await this.#exec([['set', `${prefix}probe`, '1', 'PX', 1_000]])
      isWell = result?.[0] === null
    } catch {
      // Told already, when the link went down.
    }
    if (this.#probeSentAt !== now) return
    this.#probeSentAt = undefined
    if (!isWell) return
    if (this.#clock!.now() - now <= storeTimeoutMs) return this.#recover()
    // It is back, though this answer was late: the next one will tell, and soon.
    this.#backoff = 1
    this.#scheduleProbe()
  }

  #recover(): void {
    if (this.#downSince === undefined) return
    const downMs = this.#clock!.now() - this.#downSince
    this.#downSince = undefined
    this.#nextProbe?.cancel()
    if (storeRecovered.hasSubscribers) storeRecovered.publish({ store: 'redis', downMs })
    for (const callback of this.#onRecovery) callback()
  }
}
