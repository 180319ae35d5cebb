/** The calls of one hook on one instance: begun by a host function, ended in `on_http_reply`. */
import type { OutboundProblem, OutboundReply } from './outbound.ts'

/** A call. */
interface Call {
  readonly controller: AbortController
  reply: OutboundReply | undefined
  problem: OutboundProblem | undefined
}

/** Told of each call that has ended. */
export type CallListener = (call: number, status: number) => void

export class HttpCalls {
  readonly #calls = new Map<number, Call>()
  #last = 0
  #pending = 0
  /** Of the pause that waits for them. */
  listener: CallListener | undefined = undefined
  /** Whether nobody waits: they go on when the hook has ended. */
  isDetached = false

  /** How many are under way. */
  get pending(): number {
    return this.#pending
  }

  /** How many were begun by this hook. */
  get size(): number {
    return this.#calls.size
  }

  /** The number of a new call. */
  add(controller: AbortController): number {
    // Numbers are not used again: a late answer to an old call must not look like that to a new one.
    const number = (this.#last = this.#last === 0x7fff_ffff ? 1 : this.#last + 1)
    this.#calls.set(number, { controller, reply: undefined, problem: undefined })
    this.#pending++
    return number
  }

  reply(number: number): OutboundReply | undefined {
    return this.#calls.get(number)?.reply
  }

  problem(number: number): OutboundProblem | undefined {
    return this.#calls.get(number)?.problem
  }

  /** A call has ended. One that nobody knows any more is of no interest. */
  ended(number: number, reply: OutboundReply | undefined, problem: OutboundProblem | undefined): void {
    const call = this.#calls.get(number)
    if (call === undefined) return
    call.reply = reply
    call.problem = problem
    this.#pending--
    this.listener?.(number, reply?.status ?? 0)
  }

  /** Ends those under way as failed, and tells the listener of each. */
  cancelPending(problem: OutboundProblem): void {
    for (const [number, call] of this.#calls) {
      if (call.reply !== undefined || call.problem !== undefined) continue
      call.controller.abort()
      this.ended(number, undefined, problem)
    }
  }

  /** Forgets all. Those under way are cancelled, but for detached ones. */
  finish(): void {
    this.listener = undefined
    if (this.#calls.size === 0) return
    if (!this.isDetached)
      for (const { controller, reply, problem } of this.#calls.values())
        if (reply === undefined && problem === undefined) controller.abort()
    this.#calls.clear()
    this.#pending = 0
  }
}
