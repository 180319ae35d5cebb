/**
 * Keeps a number of idle connections at hand, so that a request need not wait for a handshake. What is missing is opened in
 * the background; where that fails, or the target closes at once what it has just accepted, it is tried again after a pause
 * that doubles, with one connection until the target has shown that it is well.
 */
import type { Clock, ScheduledCall } from '../clock.ts'
import type { ClientConnection } from './client-connection.ts'
import type { Waiter } from './pool-contract.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A connection that was closed, unused, before this age counts as one that could not be had. */
const YOUNG_MS = 1_000

/** What a reserve asks of its pool. */
export interface ReserveOwner {
  readonly clock: Clock
  readonly random: () => number
  /** How many connections should and could be opened now, beside those that are `underWay`. */
  missing(underWay: number): number
  open(waiter: Waiter): void
  /** One that nobody waits for. */
  opened(connection: ClientConnection): void
}

export class IdleReserve {
  readonly #pool: ReserveOwner
  readonly #opening = new Set<Waiter>()
  #failures = 0
  #retry: ScheduledCall | undefined
  #isStopped = false

  constructor(pool: ReserveOwner) {
    this.#pool = pool
  }

  /** Opens what is missing, unless it has to pause. */
  fill(): void {
    if (this.#isStopped || this.#retry !== undefined) return
    const missing = this.#pool.missing(this.#opening.size)
    const most = this.#failures === 0 ? missing : Math.min(missing, 1 - this.#opening.size)
    for (let i = 0; i < most; i++) this.#open()
  }

  /** Takes back one connection that is being opened, for a request that needs the room; `undefined` where there is none. */
  giveUpOne(): Waiter | undefined {
    for (const waiter of this.#opening) {
      this.#opening.delete(waiter)
      return waiter
    }
    return undefined
  }

  /** The target has answered a request. */
  served(): void {
    this.#failures = 0
  }

  /** A connection was closed; what is missing then is opened again. */
  lost(connection: ClientConnection): void {
    if (connection.requests === 0 && this.#pool.clock.now() - connection.openedAt < YOUNG_MS) return this.#failed()
    this.#failures = 0
    this.fill()
  }

  stop(): void {
    this.#isStopped = true
    this.#retry?.cancel()
    this.#retry = undefined
  }

  #open(): void {
    const waiter: Waiter = {
      isRepeatable: true,
      needsFresh: true,
      acquired: (connection) => {
        this.#opening.delete(waiter)
        this.#pool.opened(connection)
        this.fill()
      },
      refused: () => {
        this.#opening.delete(waiter)
        this.#failed()
      },
    }
    this.#opening.add(waiter)
    this.#pool.open(waiter)
  }

  #failed(): void {
    // Several that fail together are one failure.
    if (this.#isStopped || this.#retry !== undefined) return
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++)
    // By chance up to half as long, so that proxies that lost a target together do not return together.
    this.#retry = this.#pool.clock.schedule(longest * (1 - this.#pool.random() / 2), () => {
      this.#retry = undefined
      this.fill()
    })
  }
}
