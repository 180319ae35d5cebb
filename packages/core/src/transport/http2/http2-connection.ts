/**
 * One connection to a target: as many streams at once as both sides allow. It is retired, which is to take no new ones, by the
 * target's GOAWAY, by age, and for good measure by anything that went wrong; what is under way goes on.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  constants,
  type OutgoingHttpHeaders,
  type Settings,
} from 'node:http2'
import { Deadline, type ScheduledCall } from '@sluice/wire'
import type { Http2Settings } from './http2-settings.ts'

/** What a pool wants to know. */
export interface Http2ConnectionOwner {
  readonly settings: Http2Settings
  /** It may have room now, or no longer. */
  changed(connection: Http2Connection): void
  closed(connection: Http2Connection): void
}

export class Http2Connection {
  /** Streams under way. */
  streams = 0
  /** Streams that were ever opened. */
  opened = 0
  readonly #session: ClientHttp2Session
  readonly #owner: Http2ConnectionOwner
  readonly #idle: Deadline
  readonly #aging: ScheduledCall | undefined
  #limit: number
  #isRetired = false
  /** It has to answer a PING before it gets anything new. */
  #isDoubtful = false
  #pong: ScheduledCall | undefined = undefined
  #nextPing: ScheduledCall | undefined = undefined
  /** The last stream that the target has looked at, once it said GOAWAY. */
  #lastStreamId: number | undefined = undefined

  constructor(session: ClientHttp2Session, owner: Http2ConnectionOwner) {
    const { clock, idleTimeoutMs, maxLifetimeMs, random } = owner.settings
    this.#session = session
    this.#owner = owner
    this.#limit = this.#limitOf(session.remoteSettings)
    this.#idle = new Deadline(clock, () => this.retire())
    this.#idle.arm(idleTimeoutMs)
    if (maxLifetimeMs > 0)
      this.#aging = clock.schedule(maxLifetimeMs * (1 + 0.1 * random()), () => {
        this.retire()
        owner.changed(this)
      })
    // Idle, it does not keep the process alive.
    session.unref()
    session.on('remoteSettings', (settings) => {
      this.#limit = this.#limitOf(settings)
      owner.changed(this)
    })
    session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = Math.min(lastStreamId, this.#lastStreamId ?? lastStreamId)
      this.retire()
      owner.changed(this)
    })
    session.once('close', () => this.#closed())
  }

  /** Whether it takes another stream now. */
  get hasRoom(): boolean {
    return this.streams < this.#limit && this.isUsable && !this.#isDoubtful
  }

  get isUsable(): boolean {
    return !this.#isRetired && !this.#session.closed && !this.#session.destroyed
  }

  /** Whether it is gone, with all its streams. */
  get isLost(): boolean {
    return this.#session.destroyed
  }

  /** How many streams it takes at once. */
  get limit(): number {
    return this.#limit
  }

  /** Whether it takes WebSockets (RFC 8441, section 3). */
  get takesTunnels(): boolean {
    return this.#session.remoteSettings.enableConnectProtocol === true
  }

  /**
   * Whether the target has told that it did not look at this stream and never will (RFC 9113, section 6.8); one that was not
   * sent has no number yet.
   */
  hasRefused(stream: ClientHttp2Stream): boolean {
    return this.#lastStreamId !== undefined && (stream.id === undefined || stream.id > this.#lastStreamId)
  }

  /** Whether the target closes it in order. */
  get isGoingAway(): boolean {
    return this.#lastStreamId !== undefined
  }

  /** Opens a stream. Throws where the session can't, or the fields are not fit to be sent. Every stream has to be {@link left}. */
  open(fields: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = this.#session.request(fields, options)
    if (this.streams++ === 0) this.#awake()
    this.opened++
    return stream
  }

  /** A stream is gone. */
  left(): void {
    if (--this.streams === 0) this.#rest()
    this.#owner.changed(this)
  }

  /** Takes no new streams, and closes behind those that are under way. */
  retire(): void {
    if (this.#isRetired) return
    this.#isRetired = true
    this.#idle.dispose()
    this.#aging?.cancel()
    if (!this.#session.destroyed) this.#session.close()
  }

  /** In a later turn: the engine may be in the middle of what it has read. */
  destroy(error?: Error): void {
    this.#isRetired = true
    setImmediate(() => {
      if (!this.#session.destroyed) this.#session.destroy(error, constants.NGHTTP2_CANCEL)
    })
  }

  /**
   * A stream timed out: it is either the stream that is slow, or the connection that is dead. Nothing new is sent there until
   * it has answered a PING.
   */
  probe(): void {
    if (this.#isDoubtful || !this.isUsable) return
    this.#isDoubtful = true
    if (!this.#ping()) this.#isDoubtful = false
    this.#owner.changed(this)
  }

  /** Asks whether it is alive; one that does not say so in time is closed. Says whether it could be asked. */
  #ping(): boolean {
    const { clock, pingTimeoutMs } = this.#owner.settings
    if (this.#pong !== undefined) return true
    if (this.isLost) return false
    this.#pong = clock.schedule(pingTimeoutMs, () =>
      this.destroy(new Error('the target did not answer a PING in time')),
    )
    return this.#session.ping((error: Error | null) => {
      if (error !== null) return
      this.#pong?.cancel()
      this.#pong = undefined
      if (!this.#isDoubtful) return
      this.#isDoubtful = false
      this.#owner.changed(this)
    })
  }

  #awake(): void {
    this.#idle.clear()
    this.#session.ref()
    this.#scheduleNextPing()
  }

  #rest(): void {
    this.#nextPing?.cancel()
    if (this.isLost) return
    this.#session.unref()
    if (!this.#isRetired) this.#idle.arm(this.#owner.settings.idleTimeoutMs)
  }

  #scheduleNextPing(): void {
    const { clock, pingIntervalMs } = this.#owner.settings
    if (pingIntervalMs === 0) return
    this.#nextPing = clock.schedule(pingIntervalMs, () => {
      if (this.#ping()) this.#scheduleNextPing()
    })
  }

  #closed(): void {
    this.#isRetired = true
    this.#idle.dispose()
    this.#aging?.cancel()
    this.#pong?.cancel()
    this.#nextPing?.cancel()
    this.#owner.closed(this)
  }

  #limitOf({ maxConcurrentStreams }: Settings): number {
    const own = this.#owner.settings.maxConcurrentStreams
    return maxConcurrentStreams === undefined ? own : Math.min(own, maxConcurrentStreams)
  }
}
