/** Waiting on behalf of an exchange: no longer than it is wanted. */
import type { Exchange } from '@sluice/core'

/** Resolves after `delayMs`, or as soon as the exchange is given up: look at `exchange.aborted` then. */
export function pause(exchange: Exchange, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (exchange.aborted !== undefined) return resolve()
    const { signal } = exchange
    const finish = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = exchange.clock.schedule(delayMs, finish)
    signal.addEventListener('abort', finish)
  })
}
