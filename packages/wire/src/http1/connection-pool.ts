/**
 * The connections to one target. The one used last is used next (LIFO), so that those that are not needed grow old and go.
 * A connection is never handed out that is known to be closed; what nobody can know, a target that closes just when the
 * request is on its way, is answered by a retry, and made rare by an idle timeout below the target's.
 */
import type { Clock, ScheduledCall } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { ClientConnection, type ClientConnectionOwner, type CloseReason } from './client-connection.ts'
import { type ConnectError, Connector, type ConnectorOptions } from './connector.ts'
import type { MessageLimits } from './limits.ts'

/**
 * Which requests may go over a connection that has served others: `always`; `never`; `safe`: those that could not be
 * repeated only where the connection was in use within the last second.
 */
export type ReusePolicy = 'safe' | 'always' | 'never'

/** Options of a pool; durations in milliseconds, 0 for no limit. */
export interface PoolOptions extends ConnectorOptions {
  readonly limits: MessageLimits
  readonly maxConnections: number
  /** Requests that wait while all connections are busy; more fail at once. */
  readonly maxPending: number
  /** Longest such wait. */
  readonly pendingTimeoutMs: number
  readonly idleTimeoutMs: number
  /** After this time, with up to a tenth more by chance, a connection is closed once it is idle. */
  readonly maxLifetimeMs: number
  readonly maxRequests: number
  /** Idle connections that the idle timeout leaves. */
  readonly minIdle: number
  readonly reuse: ReusePolicy
}

/** Why there is no connection. */
export type AcquireFailure = ConnectError | { readonly kind: 'queue-full' | 'queue-timeout' | 'closed' }

/** Wants a connection. */
export interface Waiter {
  /** Whether its request can be repeated, should the connection turn out to be stale. */
  readonly isRepeatable: boolean
  /** Whether only a new connection will do. */
  readonly needsFresh: boolean
  acquired(connection: ClientConnection, isReused: boolean): void
  refused(failure: AcquireFailure): void
}

/** Live figures. */
export interface PoolStats {
  readonly active: number
  readonly idle: number
  readonly connecting: number
  readonly pending: number
  readonly opened: number
  readonly closed: Readonly<Record<CloseReason, number>>
}

const SAFE_IDLE_MS = 1_000

interface Pending {
  readonly waiter: Waiter
  readonly timeout: ScheduledCall | undefined
}

export class ConnectionPool implements ClientConnectionOwner {
  readonly clock: Clock
  readonly limits: MessageLimits
  readonly #options: PoolOptions
  readonly #random: () => number
  readonly #connector: Connector
  readonly #idle: ClientConnection[] = []
  readonly #open = new Set<ClientConnection>()
  readonly #connecting = new Map<Waiter, () => void>()
  readonly #pending: Pending[] = []
  readonly #sweep: Deadline
  readonly #closedBy: Record<CloseReason, number> = {
    idle: 0,
    aged: 0,
    'used-up': 0,
    target: 0,
    error: 0,
    cancelled: 0,
    'not-reusable': 0,
    'pool-closed': 0,
  }
  #opened = 0
  #isClosed = false
  #onDrained: (() => void) | undefined

  constructor(options: PoolOptions, clock: Clock, random: () => number) {
    this.clock = clock
    this.limits = options.limits
    this.#options = options
    this.#random = random
    this.#connector = new Connector(options, clock)
    this.#sweep = new Deadline(clock, () => this.#closeExpired())
  }

  get stats(): PoolStats {
    return {
      active: this.#open.size - this.#idle.length,
      idle: this.#idle.length,
      connecting: this.#connecting.size,
      pending: this.#pending.length,
      opened: this.#opened,
      closed: { ...this.#closedBy },
    }
  }

  /** Gives the waiter a connection: at once, when one is made, when one is free; or tells it why not. */
  acquire(waiter: Waiter): void {
    if (this.#isClosed) return waiter.refused({ kind: 'closed' })
    const connection = waiter.needsFresh ? undefined : this.#takeIdle(waiter.isRepeatable)
    if (connection !== undefined) return waiter.acquired(connection, true)
    if (this.#hasRoom) return this.#connectFor(waiter)
    this.#enqueue(waiter)
    // One that is idle and will not do for this waiter makes room for one that will.
    if (this.#pending.at(-1)?.waiter === waiter) this.#idle.shift()?.close('not-reusable')
  }

  /** The waiter has no use for a connection any more. */
  withdraw(waiter: Waiter): void {
    this.#connecting.get(waiter)?.()
    this.#connecting.delete(waiter)
    const index = this.#pending.findIndex((each) => each.waiter === waiter)
    if (index >= 0) this.#pending.splice(index, 1)[0]!.timeout?.cancel()
    this.#serveNextPending()
  }

  /** Opens connections until `count` are idle. Resolves when they are, or can't be had. */
  async warmUp(count: number): Promise<void> {
    const room = this.#options.maxConnections - this.#open.size - this.#connecting.size
    const missing = this.#isClosed ? 0 : Math.min(count - this.#idle.length, room)
    const opened = Array.from({ length: Math.max(0, missing) }, async () => {
      await new Promise<void>((resolve) => {
        this.#connectFor({
          isRepeatable: true,
          needsFresh: true,
          acquired: (connection) => {
            this.released(connection)
            resolve()
          },
          refused: () => resolve(),
        })
      })
    })
    await Promise.all(opened)
  }

  /** Closes what is idle, refuses what waits, and resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#sweep.dispose()
    for (const { waiter, timeout } of this.#pending.splice(0)) {
      timeout?.cancel()
      waiter.refused({ kind: 'closed' })
    }
    for (const connection of this.#idle.splice(0)) connection.close('pool-closed')
    if (this.#open.size + this.#connecting.size === 0) return
    await new Promise<void>((resolve) => (this.#onDrained = resolve))
  }

  /** Closes everything now. */
  destroy(): void {
    void this.close()
    const connecting = [...this.#connecting]
    this.#connecting.clear()
    for (const [waiter, cancel] of connecting) {
      cancel()
      waiter.refused({ kind: 'closed' })
    }
    for (const connection of this.#open) connection.close('pool-closed')
    this.#checkDrained()
  }

  released(connection: ClientConnection): void {
    const { maxRequests, idleTimeoutMs, reuse } = this.#options
    if (this.#isClosed) return connection.close('pool-closed')
    if (reuse === 'never' || (maxRequests > 0 && connection.requests >= maxRequests)) return connection.close('used-up')
    if (this.#isAged(connection)) return connection.close('aged')
    const next = this.#pending.findIndex(({ waiter }) => !waiter.needsFresh)
    if (next >= 0) {
      const [{ waiter, timeout }] = this.#pending.splice(next, 1) as [Pending]
      timeout?.cancel()
      return waiter.acquired(connection, true)
    }
    // All that wait need new ones, for which this one is in the way.
    if (this.#pending.length > 0) return connection.close('not-reusable')
    if (this.#idle.length === this.#options.minIdle) this.#sweep.arm(idleTimeoutMs)
    this.#idle.push(connection)
  }

  closed(connection: ClientConnection, reason: CloseReason): void {
    this.#closedBy[reason]++
    this.#open.delete(connection)
    const index = this.#idle.lastIndexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#checkDrained()
    this.#serveNextPending()
  }

  get #hasRoom(): boolean {
    return this.#open.size + this.#connecting.size < this.#options.maxConnections
  }

  #checkDrained(): void {
    if (this.#open.size + this.#connecting.size === 0) this.#onDrained?.()
  }

  #takeIdle(isRepeatable: boolean): ClientConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (!connection.isUsable) continue
      if (this.#isAged(connection)) connection.close('aged')
      else if (isRepeatable || this.#options.reuse === 'always') return connection
      else if (this.clock.now() - connection.idleSince <= SAFE_IDLE_MS) return connection
      else {
        // Those below it have been idle for longer still.
        this.#idle.push(connection)
        return undefined
      }
    }
    return undefined
  }

  #connectFor(waiter: Waiter): void {
    const cancel = this.#connector.connect(
      (read) => {
        const connection = new ClientConnection(this, this.#lifetime())
        read((bytes, length) => connection.read(bytes, length))
        return connection
      },
      (connection) => {
        this.#connecting.delete(waiter)
        this.#open.add(connection)
        this.#opened++
        waiter.acquired(connection, false)
      },
      (error) => {
        this.#connecting.delete(waiter)
        waiter.refused(error)
        this.#checkDrained()
        this.#serveNextPending()
      },
    )
    this.#connecting.set(waiter, cancel)
  }

  #serveNextPending(): void {
    if (this.#isClosed || this.#pending.length === 0 || !this.#hasRoom) return
    const next = this.#pending.shift()
    if (next === undefined) return
    next.timeout?.cancel()
    this.#connectFor(next.waiter)
  }

  #enqueue(waiter: Waiter): void {
    const { maxPending, pendingTimeoutMs } = this.#options
    if (this.#pending.length >= maxPending) return waiter.refused({ kind: 'queue-full' })
    const expire = () => {
      this.withdraw(waiter)
      waiter.refused({ kind: 'queue-timeout' })
    }
    this.#pending.push({
      waiter,
      timeout: pendingTimeoutMs > 0 ? this.clock.schedule(pendingTimeoutMs, expire) : undefined,
    })
  }

  #lifetime(): number {
    const { maxLifetimeMs } = this.#options
    return maxLifetimeMs > 0 ? maxLifetimeMs * (1 + 0.1 * this.#random()) : Number.POSITIVE_INFINITY
  }

  #isAged(connection: ClientConnection): boolean {
    return (
      connection.lifetimeMs < Number.POSITIVE_INFINITY && this.clock.now() - connection.openedAt > connection.lifetimeMs
    )
  }

  /** The oldest stand first. */
  #closeExpired(): void {
    const { idleTimeoutMs, minIdle } = this.#options
    const now = this.clock.now()
    while (this.#idle.length > minIdle && now - this.#idle[0]!.idleSince >= idleTimeoutMs)
      this.#idle.shift()!.close('idle')
    if (this.#idle.length > minIdle) this.#sweep.arm(Math.max(1, this.#idle[0]!.idleSince + idleTimeoutMs - now))
  }
}
