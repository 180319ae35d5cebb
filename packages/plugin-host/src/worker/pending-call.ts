/** A call that waits for a plugin's thread, or is under way on it. */
import type { HookSubject } from '../exchange/hook-call.ts'
import type { HookOwner, Outcome } from '../exchange/hook-runner.ts'
import { HttpCalls } from '../http/http-calls.ts'

export class PendingCall {
  readonly number: number
  readonly owner: HookOwner
  readonly subject: HookSubject
  readonly isLast: number
  /** By the proxy's clock. */
  readonly startedAt: number
  readonly resolve: (outcome: Outcome) => void
  /** It waits: others are run meanwhile. */
  isWaiting = false
  /** Its guest has begun: it can't be given to another thread. */
  hasBegun = false
  /** Thrown on the proxy's side by what its guest has asked for: a fault, as it is inline. */
  error: unknown = undefined
  #http: HttpCalls | undefined = undefined
  #onAbort: (() => void) | undefined = undefined

  constructor(
    number: number,
    owner: HookOwner,
    subject: HookSubject,
    isLast: number,
    startedAt: number,
    resolve: (outcome: Outcome) => void,
  ) {
    this.number = number
    this.owner = owner
    this.subject = subject
    this.isLast = isLast
    this.startedAt = startedAt
    this.resolve = resolve
  }

  /** What it has asked for. */
  get http(): HttpCalls {
    if (this.#http === undefined) {
      const { hook } = this.subject
      this.#http = new HttpCalls()
      this.#http.isDetached = hook === 'on_log' || hook === 'on_tick'
    }
    return this.#http
  }

  /** Calls back where the exchange is given up before the call has ended. */
  watch(onAbort: () => void): void {
    const { signal } = this.subject.exchange!
    if (signal.aborted) return onAbort()
    this.#onAbort = onAbort
    signal.addEventListener('abort', onAbort)
  }

  /** It has ended: what it still asks for is cancelled. */
  release(): void {
    this.#http?.finish()
    if (this.#onAbort !== undefined) this.subject.exchange!.signal.removeEventListener('abort', this.#onAbort)
  }
}

/** Runs something for a call: what is thrown on the proxy's side is the call's fault. */
export function guarded(call: PendingCall | undefined, run: () => void): void {
  try {
    run()
  } catch (error) {
    if (call !== undefined) call.error ??= error
  }
}
