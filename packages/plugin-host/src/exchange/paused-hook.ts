/** A hook that waits for its HTTP calls: resumed by each that ends, given up when its time is over or the client has left. */
import { PluginError } from '@sluice/core'
import type { Clock, ScheduledCall } from '@sluice/wire'
import { PAUSE } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import type { PluginInstance } from './plugin-instance.ts'

/** What becomes of it. */
export interface PausedHookEnd {
  /** It has returned this, which is not `PAUSE`. */
  concluded(result: number): void
  /** It has failed. */
  faulted(error: unknown): void
  /** The exchange was given up meanwhile. */
  abandoned(): void
}

/** Options of a pause. */
export interface PausedHookOptions {
  readonly instance: PluginInstance
  readonly clock: Clock
  readonly wallMs: number
  /** For each resumption. */
  readonly fuel: number
  /** Aborted with the exchange. */
  readonly signal: AbortSignal
}

export class PausedHook {
  readonly #instance: PluginInstance
  readonly #fuel: number
  readonly #signal: AbortSignal
  readonly #end: PausedHookEnd
  readonly #timer: ScheduledCall
  #isOver = false
  #usedFuel = 0

  /** @throws {PluginError} `ERR_SLUICE_PLUGIN_OUTPUT` where nothing would ever resume it */
  constructor({ instance, clock, wallMs, fuel, signal }: PausedHookOptions, end: PausedHookEnd) {
    assertResumable(instance)
    this.#instance = instance
    this.#fuel = fuel
    this.#signal = signal
    this.#end = end
    this.#usedFuel = instance.usedFuel
    const resume = (call: number, status: number): void => this.#resume(call, status)
    instance.call.http.listener = resume
    this.#timer = clock.schedule(wallMs, () => this.#fail(new PluginError('ERR_SLUICE_PLUGIN_TIMEOUT')))
    signal.addEventListener('abort', this.#abandon)
  }

  /** All that was used so far, by the hook and its resumptions. */
  get usedFuel(): number {
    return this.#usedFuel
  }

  #resume(call: number, status: number): void {
    if (this.#isOver) return
    const instance = this.#instance
    try {
      const result = instance.invoke('on_http_reply', this.#fuel, call, status)
      this.#usedFuel += instance.usedFuel
      if (result === PAUSE) return assertResumable(instance)
      this.#finish()
      this.#end.concluded(result)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The guest hears that its calls have ended, so that it can let go of what it holds; what it says to that is ignored. */
  readonly #abandon = (): void => {
    if (this.#isOver) return
    this.#finish()
    const { call, guest } = this.#instance
    const tell = (number: number, status: number): void => {
      this.#instance.invoke('on_http_reply', this.#fuel, number, status)
    }
    call.http.listener = tell
    try {
      call.http.cancelPending('cancelled')
    } catch (error) {
      return this.#end.faulted(error)
    } finally {
      guest.call.http.listener = undefined
    }
    this.#end.abandoned()
  }

  #fail(error: unknown): void {
    this.#finish()
    this.#end.faulted(error)
  }

  #finish(): void {
    this.#isOver = true
    this.#timer.cancel()
    this.#signal.removeEventListener('abort', this.#abandon)
    this.#instance.call.http.listener = undefined
  }
}

function assertResumable(instance: PluginInstance): void {
  if (!instance.has('on_http_reply')) throw outputFault('it has paused, and has no on_http_reply')
  if (instance.call.http.pending === 0) throw outputFault('it has paused without a call under way')
}
