/**
 * Instances of one version: taken for a call and put back after it. One that is free is taken at once; else one is made,
 * or waited for. Some are made in advance, since making one takes longer than a request should wait.
 */
import { PluginError } from '@sluice/core'
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { ResolvedInstances } from '../manifest/limits.ts'

/** Exchanges that wait for an instance at a time; more are refused at once. */
const MAX_WAITING = 1_024

interface Waiter<T> {
  readonly resolve: (instance: T) => void
  readonly reject: (error: Error) => void
  timer: ScheduledCall
}

/** Options of a pool. */
export interface PoolOptions<T> {
  readonly limits: ResolvedInstances
  readonly clock: Clock
  /** How long an exchange waits at most. */
  readonly maxWaitMs: number
  readonly create: () => Promise<T>
  readonly dispose: (instance: T) => void
  /** An instance could not be made, though others of the same code could. */
  readonly failed: (error: unknown) => void
}

export class InstancePool<T> {
  readonly #options: PoolOptions<T>
  readonly #free: T[] = []
  readonly #waiting: Waiter<T>[] = []
  #taken = 0
  #making = 0
  #isClosed = false

  constructor(options: PoolOptions<T>) {
    this.#options = options
  }

  /** All there are. */
  get size(): number {
    return this.#free.length + this.#taken + this.#making
  }

  get isMaking(): boolean {
    return this.#making > 0
  }

  get free(): number {
    return this.#free.length
  }

  /** Makes the first one and the spares. Rejects where the first can't be made. */
  async open(): Promise<void> {
    this.#free.push(await this.#options.create())
    this.#refill()
  }

  /** One that is free. The one that was used last: what it needs is in the processor's caches. */
  take(): T | undefined {
    const instance = this.#free.pop()
    if (instance === undefined) return undefined
    this.#taken++
    if (this.#free.length < this.#options.limits.spares) this.#refill()
    return instance
  }

  /**
   * One, as soon as there is one.
   * @throws {PluginError} `ERR_SLUICE_PLUGIN_BUSY`
   */
  async wait(): Promise<T> {
    const instance = this.take()
    if (instance !== undefined) return instance
    if (this.#waiting.length >= MAX_WAITING) throw busy()
    return await new Promise<T>((resolve, reject) => {
      const waiter: Waiter<T> = { resolve, reject, timer: NOT_SCHEDULED }
      waiter.timer = this.#options.clock.schedule(this.#options.maxWaitMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(busy())
      })
      this.#waiting.push(waiter)
      this.#refill()
    })
  }

  /** Gives one back that can be used again. */
  put(instance: T): void {
    this.#taken--
    this.#offer(instance)
  }

  /** Gives one back that can't. Another is made in its place. */
  discard(instance: T): void {
    this.#taken--
    this.#options.dispose(instance)
    this.#refill()
  }

  /** Frees what is free, and what is given back from now on. Whoever still needs one gets one that is made for it. */
  close(): void {
    this.#isClosed = true
    for (const instance of this.#free.splice(0)) this.#options.dispose(instance)
  }

  /** One that is new lies below those that were used: a plugin of one call at a time keeps its instance. */
  #offer(instance: T, isNew = false): void {
    const waiter = this.#waiting.shift()
    if (waiter === undefined) {
      if (this.#isClosed) this.#options.dispose(instance)
      else if (isNew) this.#free.unshift(instance)
      else this.#free.push(instance)
      return
    }
    waiter.timer.cancel()
    this.#taken++
    waiter.resolve(instance)
  }

  /** Makes as many as are waited for, and then spares. */
  #refill(): void {
    const { max, spares } = this.#options.limits
    const idle = this.#isClosed ? 0 : this.#taken === 0 ? 1 + spares : spares
    while (this.size < max && this.#making + this.#free.length < this.#waiting.length + idle) {
      this.#making++
      void this.#make()
    }
  }

  async #make(): Promise<void> {
    try {
      const instance = await this.#options.create()
      this.#making--
      this.#offer(instance, true)
    } catch (error) {
      this.#making--
      this.#options.failed(error)
      // Whoever waits would wait in vain where none is left.
      if (this.size === 0)
        for (const { reject, timer } of this.#waiting.splice(0)) {
          timer.cancel()
          reject(error as Error)
        }
    }
  }
}

const NOT_SCHEDULED: ScheduledCall = Object.freeze({ cancel() {} })

function busy(): PluginError {
  return new PluginError('ERR_SLUICE_PLUGIN_BUSY')
}
