/**
 * The connections to one target. Streams go to the first connection that has room, so that those which are not needed grow
 * idle and close; another connection is made where more wait than those that are being made will take.
 */
import type { ScheduledCall } from '@sluice/wire'
import type { TransportStats } from '../transport.ts'
import { Http2Connection, type Http2ConnectionOwner } from './http2-connection.ts'
import { type ConnectFailure, Http2Connector, type ConnectorPlan } from './http2-connector.ts'
import type { Http2Settings } from './http2-settings.ts'

/** Why there is no stream. */
export type AcquireFailure = ConnectFailure | { readonly kind: 'queue-full' | 'queue-timeout' | 'closed' }

/** Wants to open a stream. */
export interface Http2Waiter {
  /** Whether only a connection that has served nothing will do. */
  readonly needsFresh: boolean
  /** It is to open its stream during this call. */
  acquired(connection: Http2Connection): void
  refused(failure: AcquireFailure): void
}

/** For how long a target that chose HTTP/1.1 is not asked again. */
const HTTP1_FOR_MS = 600_000

export class Http2Pool implements Http2ConnectionOwner {
  readonly settings: Http2Settings
  readonly #connector: Http2Connector
  readonly #connections: Http2Connection[] = []
  readonly #connecting = new Set<() => void>()
  readonly #waiting = new Map<Http2Waiter, ScheduledCall | undefined>()
  readonly #onEmpty: (() => void)[] = []
  /** Retired connections, whose streams are still under way. */
  readonly #leaving = new Set<Http2Connection>()
  /** How many streams a connection to this target takes, as far as is known. */
  #usualLimit: number
  #http1Until = Number.NEGATIVE_INFINITY
  #isRetired = false
  #isClosed = false

  constructor(plan: ConnectorPlan) {
    this.settings = plan.settings
    this.#usualLimit = plan.settings.maxConcurrentStreams
    this.#connector = new Http2Connector(plan)
  }

  get stats(): TransportStats {
    const connections = [...this.#connections, ...this.#leaving]
    return {
      connected: connections.length,
      active: connections.reduce((sum, { streams }) => sum + streams, 0),
      pending: this.#waiting.size,
    }
  }

  /** Whether the target has chosen HTTP/1.1, not long ago. */
  get speaksHttp1(): boolean {
    return this.settings.clock.now() < this.#http1Until
  }

  /** Whether there is a connection that takes WebSockets. */
  get takesTunnels(): boolean {
    return this.#connections.some((connection) => connection.isUsable && connection.takesTunnels)
  }

  /** Gives the waiter a place: at once, when a connection is made, when a stream has ended; or tells it why not. */
  acquire(waiter: Http2Waiter): void {
    if (this.#isClosed) return waiter.refused({ kind: 'closed' })
    const connection = this.#waiting.size === 0 ? this.#connectionFor(waiter) : undefined
    if (connection !== undefined) return waiter.acquired(connection)
    const { maxPending, pendingTimeoutMs, clock } = this.settings
    // Those for whom a connection is being made are not in anybody's way.
    const pending = this.#waiting.size - this.#connecting.size * this.#usualLimit
    if (this.#isFull && pending >= maxPending) return waiter.refused({ kind: 'queue-full' })
    const expire = (): void => {
      this.withdraw(waiter)
      waiter.refused({ kind: 'queue-timeout' })
    }
    this.#waiting.set(waiter, pendingTimeoutMs > 0 ? clock.schedule(pendingTimeoutMs, expire) : undefined)
    this.#serve()
    this.#connectForThoseThatWait(waiter)
  }

  /** The waiter has no use for a place any more. */
  withdraw(waiter: Http2Waiter): void {
    this.#waiting.get(waiter)?.cancel()
    this.#waiting.delete(waiter)
  }

  /** Closes each connection behind what is under way there. Those that wait are still served. Resolves when all are gone. */
  async retire(): Promise<void> {
    this.#isRetired = true
    this.#retireIfServed()
    await this.#empty()
  }

  /** The same; those that wait are refused. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#refuse({ kind: 'closed' })
    await this.retire()
  }

  /** Closes everything now. Resolves when all is gone. */
  async destroy(): Promise<void> {
    this.#isClosed = this.#isRetired = true
    for (const cancel of this.#connecting) cancel()
    this.#connecting.clear()
    for (const connection of [...this.#connections, ...this.#leaving]) connection.destroy()
    this.#refuse({ kind: 'closed' })
    await this.#empty()
  }

  changed(connection: Http2Connection): void {
    this.#usualLimit = Math.max(1, connection.limit)
    if (!connection.isUsable) this.#letGo(connection)
    this.#serve()
    if (this.#waiting.size > 0) this.#connectForThoseThatWait()
  }

  closed(connection: Http2Connection): void {
    this.#leaving.delete(connection)
    const index = this.#connections.indexOf(connection)
    if (index >= 0) this.#connections.splice(index, 1)
    if (this.#waiting.size > 0) this.#connectForThoseThatWait()
    this.#checkEmpty()
  }

  get #isFull(): boolean {
    return this.#connections.length + this.#connecting.size >= this.settings.maxConnections
  }

  #connectionFor({ needsFresh }: Http2Waiter): Http2Connection | undefined {
    return this.#connections.find((each) => each.hasRoom && (!needsFresh || each.opened === 0))
  }

  #serve(): void {
    for (const [waiter, timeout] of this.#waiting) {
      const connection = this.#connectionFor(waiter)
      // Those that need a new one do not hold up the others.
      if (connection === undefined && waiter.needsFresh) continue
      if (connection === undefined) return
      timeout?.cancel()
      this.#waiting.delete(waiter)
      waiter.acquired(connection)
    }
    this.#retireIfServed()
  }

  /** As many as are missing; for one that needs a new connection also beyond the bound, as it has just lost one. */
  #connectForThoseThatWait(latest?: Http2Waiter): void {
    if (this.#isClosed) return
    if (latest?.needsFresh === true && this.#waiting.has(latest)) return this.#connect()
    while (!this.#isFull && this.#waiting.size > this.#connecting.size * this.#usualLimit) this.#connect()
  }

  #connect(): void {
    const cancel = this.#connector.connect(
      (session) => {
        this.#connecting.delete(cancel)
        const connection = new Http2Connection(session, this)
        this.#connections.push(connection)
        this.changed(connection)
      },
      (failure) => {
        this.#connecting.delete(cancel)
        if (failure.kind === 'http1') this.#http1Until = this.settings.clock.now() + HTTP1_FOR_MS
        // Where there are others those that wait may still get a place; otherwise each tells its own attempt.
        if (failure.kind === 'http1' || (this.#connections.length === 0 && this.#connecting.size === 0))
          this.#refuse(failure)
        this.#checkEmpty()
      },
    )
    this.#connecting.add(cancel)
  }

  #refuse(failure: AcquireFailure): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [waiter, timeout] of waiting) {
      timeout?.cancel()
      waiter.refused(failure)
    }
  }

  #letGo(connection: Http2Connection): void {
    const index = this.#connections.indexOf(connection)
    if (index < 0) return
    this.#connections.splice(index, 1)
    if (!connection.isLost) this.#leaving.add(connection)
  }

  #retireIfServed(): void {
    if (!this.#isRetired || this.#waiting.size > 0) return
    for (const connection of this.#connections.slice()) {
      this.#letGo(connection)
      connection.retire()
    }
    if (this.#connecting.size === 0) return this.#checkEmpty()
    for (const cancel of this.#connecting) cancel()
    this.#connecting.clear()
    this.#checkEmpty()
  }

  get #isEmpty(): boolean {
    return this.#connections.length + this.#leaving.size + this.#connecting.size + this.#waiting.size === 0
  }

  #checkEmpty(): void {
    if (this.#onEmpty.length > 0 && this.#isEmpty) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  async #empty(): Promise<void> {
    if (!this.#isEmpty) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }
}
