/** The exchanges that have begun and not ended: what a shutdown waits for, and then gives up. */
import type { Clock } from '@sluice/wire'
import { InternalError } from './errors.ts'
import type { Exchange } from './exchange.ts'

export class InFlight {
  readonly #exchanges = new Set<Exchange>()
  #onEmpty: (() => void) | undefined

  get size(): number {
    return this.#exchanges.size
  }

  add(exchange: Exchange): void {
    this.#exchanges.add(exchange)
  }

  delete(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
    if (this.#exchanges.size === 0) this.#onEmpty?.()
  }

  /** Resolves when there is none, or after `drainMs`, when those that are left have been aborted. */
  async drain(clock: Clock, drainMs: number): Promise<void> {
    if (this.#exchanges.size === 0) return
    let finish!: () => void
    const empty = new Promise<void>((resolve) => (finish = resolve))
    this.#onEmpty = finish
    // Aborting ends them; a middleware that never returns must not hold the shutdown, though.
    const timer = clock.schedule(drainMs, () => {
      for (const exchange of this.#exchanges) exchange.abort(new InternalError('ERR_SLUICE_CLOSING'))
      finish()
    })
    await empty
    timer.cancel()
  }
}
