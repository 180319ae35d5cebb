/**
 * The connections to one target. The one used last is used next (LIFO), so that those that are not needed grow old and go.
 * A connection is never handed out that is known to be closed; what nobody can know, a target that closes just when the
 * request is on its way, is answered by a retry, and made rare by an idle timeout below the target's.
 */
import { TLSSocket } from 'node:tls'
import type { Clock, ScheduledCall } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { ClientConnection, type ClientConnectionOwner, type CloseReason } from './client-connection.ts'
import { Connector } from './connector.ts'
import { IdleReserve } from './idle-reserve.ts'
import type { MessageLimits } from './limits.ts'
import type { PoolOptions, PoolStats, Waiter } from './pool-contract.ts'
import { WaitingLine } from './waiting-line.ts'

const SAFE_IDLE_MS = 1_000

export class ConnectionPool implements ClientConnectionOwner {
  readonly clock: Clock
  readonly limits: MessageLimits
  readonly #options: PoolOptions
  readonly #random: () => number
  readonly #connector: Connector
  readonly #idle: ClientConnection[] = []
  readonly #open = new Set<ClientConnection>()
  readonly #connecting = new Map<Waiter, () => void>()
  readonly #line: WaitingLine
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
  #resumed = 0
  #isClosed = false
  #isRetired = false
  readonly #onDrained: (() => void)[] = []
  #reserve: IdleReserve | undefined = undefined
  #renewal: ScheduledCall | undefined = undefined

  constructor(options: PoolOptions, clock: Clock, random: () => number) {
    this.clock = clock
    this.limits = options.limits
    this.#options = options
    this.#random = random
    this.#connector = new Connector(options, clock)
    this.#line = new WaitingLine(options, clock, (waiter) => {
      this.withdraw(waiter)
      waiter.refused({ kind: 'queue-timeout' })
    })
    this.#sweep = new Deadline(clock, () => this.#closeExpired())
  }

  get stats(): PoolStats {
    return {
      active: this.#open.size - this.#idle.length,
      idle: this.#idle.length,
      connecting: this.#connecting.size,
      pending: this.#line.length,
      opened: this.#opened,
      resumed: this.#resumed,
      closed: { ...this.#closedBy },
    }
  }

  /** Gives the waiter a connection: at once, when one is made, when one is free; or tells it why not. */
  acquire(waiter: Waiter): void {
    if (this.#isClosed) return waiter.refused({ kind: 'closed' })
    const connection = waiter.needsFresh ? undefined : this.#takeIdle(waiter.isRepeatable)
    if (connection !== undefined) {
      // Also one that has served nothing: it may have grown stale all the same.
      if (this.#reserve === undefined) return waiter.acquired(connection, true)
      connection.socket.ref()
      waiter.acquired(connection, true)
      return this.#reserve.fill()
    }
    if (this.#hasRoom || this.#giveUpOneOfReserve()) return this.#connectFor(waiter)
    if (!this.#line.join(waiter)) return waiter.refused({ kind: 'queue-full' })
    // One that is idle and will not do for this waiter makes room for one that will.
    this.#idle.shift()?.close('not-reusable')
  }

  /** The waiter has no use for a connection any more. */
  withdraw(waiter: Waiter): void {
    this.#connecting.get(waiter)?.()
    this.#connecting.delete(waiter)
    this.#line.leave(waiter)
    this.#checkDrained()
    this.#serveNextPending()
  }

  /**
   * From now on there are `minIdle` idle connections: opened in the background, now and whenever one was taken or closed, as
   * far as `maxConnections` leaves room that no request wants. Calling it again only looks whether one is missing.
   */
  warmUp(): void {
    if (this.#options.minIdle === 0 || this.#isClosed || this.#isRetired) return
    this.#reserve ??= new IdleReserve({
      clock: this.clock,
      random: this.#random,
      missing: (underWay) => this.#missing(underWay),
      open: (waiter) => this.#connectFor(waiter, true),
      opened: (connection) => this.released(connection),
    })
    this.#reserve.fill()
  }

  /**
   * Keeps nothing from now on: closes what is idle, and each of the others after its request. Those that wait are still
   * served. Resolves when nothing is left.
   */
  async retire(): Promise<void> {
    this.#isRetired = true
    this.#stopKeeping()
    await this.#drained()
  }

  /** Closes what is idle, refuses what waits, and resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (let waiter = this.#line.next(); waiter !== undefined; waiter = this.#line.next())
      waiter.refused({ kind: 'closed' })
    this.#stopKeeping()
    await this.#drained()
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
    const { requests } = connection
    // One that was opened beforehand has served none yet.
    if (requests > 0 && (reuse === 'never' || (maxRequests > 0 && requests >= maxRequests)))
      return connection.close('used-up')
    if (this.#isAged(connection)) return connection.close('aged')
    if (this.#line.length > 0) {
      const waiter = this.#line.nextForReused()
      // Where all that wait need new ones, this one is in the way.
      return waiter === undefined ? connection.close('not-reusable') : waiter.acquired(connection, true)
    }
    if (this.#isRetired) return connection.close('pool-closed')
    if (this.#idle.length === this.#options.minIdle) this.#sweep.arm(idleTimeoutMs)
    this.#idle.push(connection)
    if (this.#reserve !== undefined) this.#rest(connection, this.#reserve)
  }

  closed(connection: ClientConnection, reason: CloseReason): void {
    this.#closedBy[reason]++
    this.#open.delete(connection)
    const index = this.#idle.lastIndexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#checkDrained()
    // First, as it may have to pause: then it opens nothing for now.
    this.#reserve?.lost(connection)
    this.#serveNextPending()
  }

  get #hasRoom(): boolean {
    return this.#open.size + this.#connecting.size < this.#options.maxConnections
  }

  get #isEmpty(): boolean {
    return this.#open.size + this.#connecting.size + this.#line.length === 0
  }

  #checkDrained(): void {
    if (this.#onDrained.length > 0 && this.#isEmpty) for (const resolve of this.#onDrained.splice(0)) resolve()
  }

  async #drained(): Promise<void> {
    if (!this.#isEmpty) await new Promise<void>((resolve) => this.#onDrained.push(resolve))
  }

  #stopKeeping(): void {
    this.#sweep.dispose()
    this.#renewal?.cancel()
    this.#reserve?.stop()
    while (this.#giveUpOneOfReserve());
    for (const connection of this.#idle.splice(0)) connection.close('pool-closed')
  }

  /** Requests come first. */
  #missing(underWay: number): number {
    if (this.#line.length > 0) return 0
    const { minIdle, maxConnections } = this.#options
    return Math.min(minIdle - this.#idle.length - underWay, maxConnections - this.#open.size - this.#connecting.size)
  }

  #giveUpOneOfReserve(): boolean {
    const waiter = this.#reserve?.giveUpOne()
    if (waiter === undefined) return false
    this.#connecting.get(waiter)?.()
    return this.#connecting.delete(waiter)
  }

  /** What is kept for good must neither keep the process alive nor grow too old unnoticed. */
  #rest(connection: ClientConnection, reserve: IdleReserve): void {
    connection.socket.unref()
    if (connection.requests > 0) reserve.served()
    this.#renewal ??= this.#renewalAfter(connection.openedAt + connection.lifetimeMs)
  }

  #renewalAfter(time: number): ScheduledCall | undefined {
    if (time === Number.POSITIVE_INFINITY) return undefined
    return this.clock.schedule(Math.max(1, time - this.clock.now() + 1), () => this.#closeAged())
  }

  #closeAged(): void {
    for (const connection of this.#idle.filter((each) => this.#isAged(each))) {
      this.#idle.splice(this.#idle.indexOf(connection), 1)
      connection.close('aged')
    }
    const ends = this.#idle.map(({ openedAt, lifetimeMs }) => openedAt + lifetimeMs)
    this.#renewal = this.#renewalAfter(Math.min(...ends))
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

  #connectFor(waiter: Waiter, isBackground = false): void {
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
        if (connection.socket instanceof TLSSocket && connection.socket.isSessionReused()) this.#resumed++
        waiter.acquired(connection, false)
      },
      (error) => {
        this.#connecting.delete(waiter)
        waiter.refused(error)
        this.#checkDrained()
        this.#serveNextPending()
      },
      isBackground,
    )
    this.#connecting.set(waiter, cancel)
  }

  #serveNextPending(): void {
    if (this.#line.length === 0) return this.#reserve?.fill()
    const waiter = this.#isClosed || !this.#hasRoom ? undefined : this.#line.next()
    if (waiter !== undefined) this.#connectFor(waiter)
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
