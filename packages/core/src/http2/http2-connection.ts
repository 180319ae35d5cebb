/**
 * One HTTP/2 connection: streams in, exchanges out. Every timeout of its streams and its own is looked at by one call of the
 * clock that comes round again and again, so that a request arms none. What a client does too often ends the connection with
 * GOAWAY; nothing here ever throws into the engine.
 */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { OtherConnection, ScheduledCall } from '@sluice/wire'
import { type ClientAbuse, clientRefused } from '../events.ts'
import type { ListenerServices } from '../listener.ts'
import { readPeer } from '../node/node-socket.ts'
import { Allowance } from './allowance.ts'
import { DateValue } from './date-value.ts'
import { deferEnding } from './defer-ending.ts'
import type { Http2Exchange, Http2Host } from './http2-exchange.ts'
import type { Http2Plan } from './http2-options.ts'
import { Overhead } from './overhead.ts'
import { admitStream, type StreamWays } from './serve-stream.ts'

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants

/** In GOAWAY: everything that is on its way is still served (RFC 9113, section 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1
/** How long a client that was told so may take to stop sending requests, and one whose connection has ended to close it. */
const PARTING_MS = 2_000
/** So many sweeps of a busy connection are one of an idle one. */
const IDLE_SWEEPS = 4
/** One that has sent so much since the last sweep is looked at again soon, as a new one is: a flood has to end before others feel it. */
const BUSY_BYTES = 131_072
const BUSY_SWEEP_MS = 50
/** Below this share of resets that are left, a request waits for whatever else its read has brought. */
const WARY_BELOW = 0.9

export class Http2Connection implements OtherConnection, Http2Host {
  readonly #socket: Socket
  readonly #session: ServerHttp2Session
  readonly #plan: Http2Plan
  readonly #services: ListenerServices
  readonly #closed: (connection: Http2Connection) => void
  readonly #ways: StreamWays
  readonly #dates: DateValue
  readonly #resets: Allowance
  readonly #controls: Allowance
  readonly #overhead: Overhead
  readonly #streams: Http2Exchange[] = []
  readonly #openedAt: number
  #requests = 0
  #seenBytes = 0
  #idleSince: number
  #sweep: ScheduledCall
  #isWary = false
  #retiredAt: number | undefined = undefined
  #endedAt: number | undefined = undefined
  #isEnding = false

  /** `socket` belongs to the connection from here on; paused, with all that has come put back. */
  constructor(socket: Socket, plan: Http2Plan, services: ListenerServices, closed: (gone: Http2Connection) => void) {
    const { clock } = services.entrance.settings
    this.#socket = socket
    this.#plan = plan
    this.#services = services
    this.#closed = closed
    this.#dates = new DateValue(clock)
    this.#ways = { limits: plan, peer: readPeer(socket), services, answersExpect: true }
    this.#openedAt = this.#idleSince = clock.now()
    this.#resets = new Allowance(clock, plan.resetBurst, plan.resetsPerSecond)
    this.#controls = new Allowance(clock, plan.controlBurst, plan.controlsPerSecond)
    this.#overhead = new Overhead(socket, clock)
    socket.on('error', ignore)
    // Whoever has ended its side has left: an HTTP/2 client has no other way to say anything.
    socket.allowHalfOpen = false
    const session = (this.#session = performServerHandshake(socket, plan.session))
    deferEnding(session, () => (this.#isEnding = true))
    session.on('error', ignore)
    session.on('stream', (stream, _fields, flags, raw) => this.#take(stream, flags, raw))
    session.on('ping', this.#countControl)
    session.on('remoteSettings', this.#countControl)
    session.once('close', () => this.#gone())
    session.setLocalWindowSize(plan.connectionWindowBytes)
    // Behind the engine's own reading of what was put back.
    process.nextTick(() => socket.destroyed || socket.resume())
    this.#sweep = this.#sweepLater(Math.min(plan.sweepMs, BUSY_SWEEP_MS))
  }

  get date(): string {
    return this.#dates.current
  }

  get isClosing(): boolean {
    return this.#services.isClosing()
  }

  get isCrowded(): boolean {
    return this.#streams.length > this.#plan.crowdedFrom
  }

  get isGone(): boolean {
    return this.#session.destroyed
  }

  get bodyIdleTimeoutMs(): number {
    return this.#plan.bodyIdleTimeoutMs
  }

  get requestTimeoutMs(): number {
    return this.#plan.requestTimeoutMs
  }

  get sendTimeoutMs(): number {
    return this.#plan.sendTimeoutMs
  }

  closeIfIdle(): void {
    if (this.#streams.length === 0) this.#session.close()
    else this.retire()
  }

  destroy(): void {
    this.#session.destroy()
    // The session ends its socket behind what it has still to write: not waited for where something was broken off, nor long.
    if (this.#streams.length > 0) setImmediate(() => setImmediate(() => this.#socket.destroy()))
    else this.#services.entrance.settings.clock.schedule(PARTING_MS, () => this.#socket.destroy())
  }

  /** First tells the client to send nothing new; what has crossed that on its way is still served. */
  retire(): void {
    const session = this.#session
    if (this.#retiredAt !== undefined || session.destroyed || session.closed) return
    this.#retiredAt = this.#now
    session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM_ID)
    // Its answer to this comes behind everything that it sent before it knew.
    session.ping(() => session.close())
  }

  left(exchange: Http2Exchange, isEarly: boolean): void {
    const streams = this.#streams
    const last = streams.pop()!
    this.#overhead.content(exchange.bytesReceived)
    if (last !== exchange) {
      streams[exchange.index] = last
      last.index = exchange.index
    }
    if (streams.length === 0) this.#idleSince = this.#now
    if (isEarly && !this.#session.destroyed) this.#countReset()
  }

  #countReset(): void {
    if (!this.#resets.take()) this.#refuse('resets')
    this.#isWary = this.#resets.share < WARY_BELOW
  }

  get #now(): number {
    return this.#services.entrance.settings.clock.now()
  }

  #take(stream: ServerHttp2Stream, flags: number, raw: string[]): void {
    stream.on('error', ignore)
    // Taken back in the same piece.
    if (stream.destroyed || stream.closed) return this.#countReset()
    if (this.#isEnding) return stream.close(NGHTTP2_REFUSED_STREAM)
    const { maxRequests } = this.#plan
    this.#requests++
    if (this.#isWary) this.#serveLater(stream, flags, raw)
    else this.#serve(stream, flags, raw)
    if (maxRequests > 0 && this.#requests >= maxRequests) this.retire()
  }

  #serve(stream: ServerHttp2Stream, flags: number, raw: string[]): void {
    const { exchange, admission, headBytes } = admitStream(stream, flags, raw, this, this.#ways)
    exchange.index = this.#streams.push(exchange) - 1
    exchange.open(admission)
    this.#overhead.request(headBytes, exchange.mayReceive ? this.#plan.streamWindowBytes : 0)
    this.#services.entrance.answer(admission, (reply) => exchange.respond(reply))
  }

  /** A client that takes back what it asks for may do so in the same breath. */
  #serveLater(stream: ServerHttp2Stream, flags: number, raw: string[]): void {
    const takenBack = (): void => this.#countReset()
    stream.once('close', takenBack)
    setImmediate(() => {
      if (stream.destroyed || stream.closed) return
      stream.off('close', takenBack)
      this.#serve(stream, flags, raw)
    })
  }

  readonly #countControl = (): void => {
    if (!this.#controls.take()) this.#refuse('controls')
  }

  /** The client does something too often. */
  #refuse(reason: ClientAbuse): void {
    if (this.#isEnding) return
    if (clientRefused.hasSubscribers) clientRefused.publish({ peer: this.#ways.peer, reason })
    this.#session.destroy(new Error('the client does too much of what is of no use'), NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #sweepLater(delayMs: number): ScheduledCall {
    return this.#services.entrance.settings.clock.schedule(delayMs, () => this.#sweepNow())
  }

  #sweepNow(): void {
    const { maxAgeMs, sweepMs } = this.#plan
    const now = this.#now
    if (this.#session.destroyed) this.#awaitEnd(now)
    else {
      this.#checkStreams(now)
      // What was taken back long ago is forgotten.
      this.#isWary = this.#resets.share < WARY_BELOW
      if (this.#retiredAt !== undefined) this.#awaitClient(now)
      else if (this.#streams.length === 0) this.#checkIdle(now)
      if (maxAgeMs > 0 && now - this.#openedAt >= maxAgeMs) this.closeIfIdle()
    }
    this.#sweep = this.#sweepLater(this.#sweepDelay(sweepMs))
  }

  #sweepDelay(sweepMs: number): number {
    const { bytesRead } = this.#socket
    const read = bytesRead - this.#seenBytes
    this.#seenBytes = bytesRead
    if (read > BUSY_BYTES) return Math.min(sweepMs, BUSY_SWEEP_MS)
    const isQuiet = this.#streams.length === 0 && read === 0 && this.#retiredAt === undefined
    return isQuiet ? IDLE_SWEEPS * sweepMs : sweepMs
  }

  #checkStreams(now: number): void {
    const streams = this.#streams
    let flowing = 0
    for (let i = streams.length - 1; i >= 0; i--) {
      const exchange = streams[i]!
      exchange.check(now)
      flowing += exchange.bytesReceived
    }
    if (!this.#overhead.isBearable(flowing)) this.#refuse('overhead')
  }

  #checkIdle(now: number): void {
    const { idleTimeoutMs } = this.#plan
    if (idleTimeoutMs > 0 && now - this.#idleSince >= idleTimeoutMs) this.#session.close()
  }

  /** It was told to send nothing new, and has not answered. */
  #awaitClient(now: number): void {
    if (now - this.#retiredAt! >= PARTING_MS) this.#session.close()
  }

  /** Everything was said, and the connection ended from this side. */
  #awaitEnd(now: number): void {
    this.#endedAt ??= now
    // What the client is still reading is not cut off.
    const limitMs = this.#socket.writableLength > 0 ? Math.max(PARTING_MS, this.#plan.sendTimeoutMs) : PARTING_MS
    if (now - this.#endedAt >= limitMs) this.#socket.destroy()
  }

  #gone(): void {
    this.#sweep.cancel()
    this.#closed(this)
  }
}

function ignore(): void {}
