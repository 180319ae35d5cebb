/**
 * Looks whether a plugin's thread goes on, as long as it has something to do. A thread computes in the machine's time, whatever time the
 * proxy is told: so this is the one place that goes by the machine's clock.
 */
import { type ScheduledCall, systemClock } from '@sluice/wire'
import type { ResolvedLimits } from '../manifest/limits.ts'
import type { PluginThread } from './plugin-thread.ts'

export class ComputeWatch {
  readonly #limits: ResolvedLimits
  readonly #stuck: (thread: PluginThread, afterMs: number) => void
  #thread: PluginThread | undefined = undefined
  #timer: ScheduledCall | undefined = undefined
  /** How far it had read when somebody looked, and when that was. */
  #mark = 0
  #lookedAt = Number.NEGATIVE_INFINITY

  /** `stuck` is told of a thread that has computed for too long. */
  constructor(limits: ResolvedLimits, stuck: (thread: PluginThread, afterMs: number) => void) {
    this.#limits = limits
    this.#stuck = stuck
  }

  /** Watches over this thread from now on. */
  begin(thread: PluginThread): void {
    this.end()
    this.#thread = thread
    thread.progressedAt = systemClock.now()
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = this.#thread = undefined
  }

  /** It was given something to do: before it was. */
  willSend(): void {
    if (this.#thread?.isBusy === false) this.#thread.progressedAt = systemClock.now()
  }

  /** It has said something. */
  progressed(thread: PluginThread): void {
    thread.progressedAt = systemClock.now()
  }

  /** To be called after it was given something to do. */
  schedule(): void {
    const thread = this.#thread
    if (this.#timer !== undefined || thread?.isBusy !== true) return
    const leftMs = thread.progressedAt + this.#limits.computeMs - systemClock.now()
    this.#timer = systemClock.schedule(Math.max(1, leftMs), () => this.#look(thread))
  }

  #look(thread: PluginThread): void {
    this.#timer = undefined
    // It may be the proxy's own thread that stood still.
    thread.drain()
    if (thread !== this.#thread) return
    const now = systemClock.now()
    // There are frames that nothing is said to, such as the end of a call by HTTP.
    if (thread.mark !== this.#mark && thread.progressedAt < this.#lookedAt) thread.progressedAt = now
    this.#mark = thread.mark
    this.#lookedAt = now
    const { computeMs, wallMs } = this.#limits
    // Where no guest runs it makes instances, or gets no time.
    const mostMs = thread.running === 0 ? wallMs : computeMs
    if (thread.isBusy && now - thread.progressedAt >= mostMs) this.#stuck(thread, mostMs)
    this.schedule()
  }
}
