/** Two connections that have become one. */
import type { Duplex } from 'node:stream'
import { type Clock, systemClock } from '@sluice/wire'

/** How long one end may take to get its last bytes when the other has left in order. */
const LINGER_MS = 2_000

/**
 * Lets bytes flow both ways with backpressure. Both ends come down together: where one ends in order, the other gets what
 * was still on its way, within a bound; where one breaks, nothing more. `done` when both are gone.
 */
export function joinTunnel(client: Duplex, target: Duplex, done: () => void, clock: Clock = systemClock): void {
  let open = 2
  for (const [from, to] of [
    [client, target],
    [target, client],
  ] as const) {
    from.pipe(to)
    from.on('error', ignore)
    // `pipe` ends the other side then. A side that is only half open would keep both for as long as it likes.
    from.once('end', () => {
      const deadline = clock.schedule(LINGER_MS, () => to.destroy())
      to.once('finish', () => to.destroy())
      to.once('close', () => deadline.cancel())
    })
    from.once('close', () => {
      if (!from.readableEnded) to.destroy()
      if (--open === 0) done()
    })
    to.once('close', () => from.destroy())
  }
}

function ignore(): void {}
