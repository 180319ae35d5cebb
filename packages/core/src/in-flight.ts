/** The exchanges that have begun and not ended: what a shutdown waits for, and then gives up. */
import type { Clock } from '@sluice/wire'
import { InternalError } from './errors.ts'
import type { Exchange } from './exchange.ts'

/**
 * An array whose exchanges know their place in it. Not a Set: a Set that is added to and deleted from all the time replaces
 * its table again and again, and V8 links each old table to the next, so that one which was promoted keeps every later
 * one, and every exchange in them, alive until the next full collection. That was a third of the cost of a request.
 */
export class InFlight {
  readonly #exchanges: Exchange[] = []
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#exchanges.length
  }

  add(exchange: Exchange): void {
    exchange.inFlightIndex = this.#exchanges.push(exchange) - 1
  }

  delete(exchange: Exchange): void {
    const index = exchange.inFlightIndex
    if (index < 0) return
    const last = this.#exchanges.pop()!
    if (last !== exchange) {
      this.#exchanges[index] = last
      last.inFlightIndex = index
    }
    exchange.inFlightIndex = -1
    if (this.#exchanges.length === 0) this.#onEmpty?.()
  }

  /** Resolves when there is none, or after `drainMs`, when those that are left have been aborted. */
  async drain(clock: Clock, drainMs: number): Promise<void> {
    if (this.#exchanges.length === 0) return
    let finish!: () => void
    const empty = new Promise<void>((resolve) => (finish = resolve))
    this.#onEmpty = finish
    // Aborting ends them; a middleware that never returns must not hold the shutdown, though.
    const timer = clock.schedule(drainMs, () => {
      for (const exchange of this.#exchanges.slice()) exchange.abort(new InternalError('ERR_SLUICE_CLOSING'))
      finish()
    })
    await empty
    timer.cancel()
  }
}
