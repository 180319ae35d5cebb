/** Timers of a plugin's threads: set by a thread, kept by the proxy's clock, and told to the thread when their time has come. */
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { PluginThread } from './plugin-thread.ts'

export class ThreadTimers {
  readonly #clock: Clock
  readonly #fired: (thread: PluginThread, number: number) => void
  readonly #timers = new Map<PluginThread, Map<number, ScheduledCall>>()

  constructor(clock: Clock, fired: (thread: PluginThread, number: number) => void) {
    this.#clock = clock
    this.#fired = fired
  }

  set(thread: PluginThread, number: number, delayMs: number): void {
    const timers = this.#timers.get(thread) ?? new Map<number, ScheduledCall>()
    this.#timers.set(thread, timers)
    const fire = (): void => {
      timers.delete(number)
      this.#fired(thread, number)
    }
    timers.set(number, this.#clock.schedule(delayMs, fire))
  }

  cancel(thread: PluginThread, number: number): void {
    const timers = this.#timers.get(thread)
    timers?.get(number)?.cancel()
    timers?.delete(number)
  }

  /** The thread is gone. */
  forget(thread: PluginThread): void {
    for (const timer of this.#timers.get(thread)?.values() ?? []) timer.cancel()
    this.#timers.delete(thread)
  }
}
