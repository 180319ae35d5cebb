/**
 * A chain that is waited for, but not for ever: behind its exchange's deadline one that hangs is left behind. What answers first counts.
 *
 * An object, where a function put into a property of the exchange would do: V8 takes a function literal that is assigned to a property
 * for one that stays, and allocates it among its old objects, where each would keep its whole exchange until the next full collection.
 */
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'

export class AwaitedChain {
  readonly #exchange: Exchange
  readonly #respond: (reply: Reply) => void
  readonly #replyFor: (error: unknown) => Reply

  constructor(exchange: Exchange, respond: (reply: Reply) => void, replyFor: (error: unknown) => Reply) {
    this.#exchange = exchange
    this.#respond = respond
    this.#replyFor = replyFor
    exchange.awaited = this
  }

  /** The chain's answer, of use where nothing has answered in its place. */
  settle(reply: Reply): void {
    if (this.#exchange.awaited === undefined) return reply.body.cancel()
    this.#exchange.awaited = undefined
    this.#respond(reply)
  }

  /** It has failed, or is given up. */
  fail(error: unknown): void {
    this.settle(this.#replyFor(error))
  }
}
