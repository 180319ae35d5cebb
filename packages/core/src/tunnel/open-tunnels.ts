/** The tunnels of one proxy that are open: what a shutdown has to tell, and then to end. */
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { Tunnel } from './tunnel.ts'

export class OpenTunnels {
  readonly #tunnels = new Set<Tunnel>()
  /** By the clock, once the proxy closes. */
  #endsAt: number | undefined = undefined

  get list(): readonly Tunnel[] {
    return [...this.#tunnels]
  }

  add(tunnel: Tunnel, clock: Clock): void {
    this.#tunnels.add(tunnel)
    // It was asked for before the proxy began to close: its exchange was under way.
    if (this.#endsAt !== undefined) tunnel.drain(Math.max(0, this.#endsAt - clock.now()))
  }

  delete(tunnel: Tunnel): void {
    this.#tunnels.delete(tunnel)
  }

  /** Tells all of them, and ends those in order that are left after `drainMs`. */
  drain(clock: Clock, drainMs: number): ScheduledCall {
    this.#endsAt = clock.now() + drainMs
    for (const tunnel of this.list) tunnel.drain(drainMs)
    return clock.schedule(drainMs, () => {
      for (const tunnel of this.list) tunnel.close('drain')
    })
  }
}
