/** Looks whether a plugin's thread goes on, as long as it has something to do. */
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { ResolvedLimits } from '../manifest/limits.ts'
import type { PluginThread } from './plugin-thread.ts'

/** Where the proxy looks so much later than it meant to, it has stood still itself. The machine's clock, as it is known here, is late by up to 50. */
const STOOD_STILL_MS = 60

/** What is looked at of a thread. */
export type WatchedThread = Pick<
  PluginThread,
  'isBusy' | 'waiting' | 'mark' | 'running' | 'mayHaveEnded' | 'drain' | 'progressedAt'
>

export class ComputeWatch<T extends WatchedThread = PluginThread> {
  readonly #limits: Pick<ResolvedLimits, 'computeMs' | 'wallMs'>
  readonly #clock: Clock
  readonly #stuck: (thread: T, afterMs: number) => void
  #thread: T | undefined = undefined
  #timer: ScheduledCall | undefined = undefined
  /** How far it had read when somebody looked, whose guest ran, and when that was. */
  #mark = 0
  #running = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  /** When it was excused last, since the proxy's own thread had stood still. */
  #excusedAt = Number.NEGATIVE_INFINITY

  /** `stuck` is told of a thread that has computed for too long. */
  constructor(
    limits: Pick<ResolvedLimits, 'computeMs' | 'wallMs'>,
    clock: Clock,
    stuck: (thread: T, afterMs: number) => void,
  ) {
    this.#limits = limits
    this.#clock = clock
    this.#stuck = stuck
  }

  /** Watches over this thread from now on. */
  begin(thread: T): void {
    this.end()
    this.#thread = thread
    thread.progressedAt = this.#clock.now()
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = this.#thread = undefined
  }

  /** It was given something to do: before it was. */
  willSend(): void {
    if (this.#thread?.isBusy === false) this.#thread.progressedAt = this.#clock.now()
  }

  /** It has said something. */
  progressed(thread: T): void {
    thread.progressedAt = this.#clock.now()
  }

  /** To be called after it was given something to do, and after a call began to wait: that goes on without a word. */
  schedule(): void {
    const thread = this.#thread
    if (this.#timer !== undefined || thread === undefined || (!thread.isBusy && thread.waiting === 0)) return
    const { computeMs } = this.#limits
    const now = this.#clock.now()
    const leftMs = thread.progressedAt + computeMs - now
    const inMs = leftMs > 0 ? leftMs : computeMs
    this.#timer = this.#clock.schedule(inMs, () => this.#look(thread, now + inMs))
  }

  #look(thread: T, dueAt: number): void {
    this.#timer = undefined
    const now = this.#clock.now()
    thread.drain()
    if (thread !== this.#thread) return
    const hasMoved = thread.mark !== this.#mark || thread.running !== this.#running
    // There are frames that nothing is said to, such as the end of a call by HTTP, and calls that go on without a frame.
    if (!thread.isBusy || (hasMoved && thread.progressedAt <= this.#lookedAt)) thread.progressedAt = now
    // It may have waited for an answer all the time. That counts once.
    else if (now - dueAt > STOOD_STILL_MS && thread.progressedAt !== this.#excusedAt)
      thread.progressedAt = this.#excusedAt = now
    this.#mark = thread.mark
    this.#running = thread.running
    this.#lookedAt = now
    const { computeMs, wallMs } = this.#limits
    // Where no guest runs it makes instances, or gets no time.
    const mostMs = thread.running === 0 ? wallMs : computeMs
    if (!thread.isBusy || now - thread.progressedAt < mostMs || thread.mayHaveEnded) this.schedule()
    else this.#stuck(thread, mostMs)
  }
}
