/**
 * Two connections that have become one (RFC 9110, section 7.8): raw bytes both ways, with backpressure. Both ends come down
 * together. Where one ends in order, the other gets what was still on its way, within a bound; where one breaks, the other is
 * broken off. A tunnel lives as long as its exchange and its attempt, so it counts as load wherever those do.
 */
import type { Clock, ScheduledCall } from '@sluice/wire'
import type { AnyProxyError } from '../errors.ts'
import { tunnelClosed, tunnelOpened } from '../events.ts'
import type { Exchange } from '../exchange.ts'
import type { TunnelEnd, TunnelReader } from './tunnel-end.ts'

/**
 * Who ended it: the `client` or the `target` by leaving; a timeout (`idle`, `age`); the proxy's closing (`drain`); or an `error`,
 * such as an exchange that was given up.
 */
export type TunnelCloseReason = 'client' | 'target' | 'idle' | 'age' | 'drain' | 'error'

/** How long one end may take to get its last bytes when the other has left in order. */
const LINGER_MS = 2_000
/** How long an end that has all its bytes, and our FIN, may take for its last words and its own. */
const PARTING_MS = 500

/**
 * Comes with a reply of status 101. Until its listener opens it, middlewares may set its limits, and put an end of their own
 * around {@link target}.
 */
export class Tunnel {
  /** The target's end, or what a middleware has put around it. */
  target: TunnelEnd
  /** Longest time without a byte either way; 0 for none. */
  idleTimeoutMs = 0
  /** Longest life; 0 for none. */
  maxAgeMs = 0
  /** By the clock of its exchange; missing before it is open. */
  openedAt: number | undefined = undefined
  /** Why it ends; missing while it does not. */
  reason: TunnelCloseReason | undefined = undefined
  /** What went wrong, where something did. */
  error: Error | undefined = undefined
  #exchange: Exchange | undefined = undefined
  #client: Side | undefined = undefined
  #target: Side | undefined = undefined
  #activeAt = 0
  #idle: ScheduledCall | undefined = undefined
  #age: ScheduledCall | undefined = undefined
  #parting: ScheduledCall | undefined = undefined
  #done: (() => void) | undefined = undefined

  constructor(target: TunnelEnd) {
    this.target = target
  }

  /** Missing before it is open. */
  get exchange(): Exchange | undefined {
    return this.#exchange
  }

  /** Such as `websocket`. */
  get protocol(): string {
    return this.#exchange?.request.upgrade ?? ''
  }

  get bytesFromClient(): number {
    return this.#client?.bytesRead ?? 0
  }

  get bytesFromTarget(): number {
    return this.#target?.bytesRead ?? 0
  }

  /** Ends both sides in order; what is on its way still arrives, within a bound. Harmless once it ends. */
  close(reason: TunnelCloseReason, error?: Error): void {
    if (this.openedAt === undefined) return this.destroy()
    if (this.reason !== undefined) return
    this.ending(reason, error)
    this.#client!.finish()
    this.#target!.finish()
  }

  /** Gives it up at once. What nobody has opened has to be, or the target's connection would stay. */
  destroy(): void {
    this.reason ??= 'error'
    this.target.destroy()
    this.#client?.end.destroy()
  }

  /** Tells an end that knows how to say goodbye that the proxy closes in `withinMs`. */
  drain(withinMs: number): void {
    if (this.reason === undefined) this.target.drain?.(withinMs)
  }

  /** @internal Called by listeners, once, when the 101 is written. `done` is called when both ends are gone. */
  open(exchange: Exchange, client: TunnelEnd, done: () => void): void {
    const { clock, settings } = exchange
    this.#exchange = exchange
    this.#done = done
    this.openedAt = this.#activeAt = clock.now()
    // Whatever the exchange had to be done by, it was done by then.
    exchange.liftDeadline()
    if (this.idleTimeoutMs > 0) this.#idle = clock.schedule(this.idleTimeoutMs, () => this.#checkIdle(clock))
    if (this.maxAgeMs > 0) this.#age = clock.schedule(this.maxAgeMs, () => this.close('age'))
    const clientSide = (this.#client = new Side(this, 'client', client))
    const targetSide = (this.#target = new Side(this, 'target', this.target))
    clientSide.other = targetSide
    targetSide.other = clientSide
    settings.tunnels.add(this, clock)
    if (tunnelOpened.hasSubscribers) tunnelOpened.publish(this)
    client.open(clientSide)
    this.target.open(targetSide)
  }

  /** @internal Bytes have passed, or were taken. */
  touch(): void {
    if (this.#idle !== undefined) this.#activeAt = this.#exchange!.clock.now()
  }

  /** @internal It ends now; the first reason is the one. */
  ending(reason: TunnelCloseReason, error?: Error): void {
    if (this.reason === undefined) {
      const given = this.#exchange!.aborted
      this.reason = given === undefined ? reason : reasonOf(given)
      this.error = error ?? given
    }
    this.#idle?.cancel()
    this.#age?.cancel()
    this.#parting ??= this.#schedule(LINGER_MS, () => this.#breakUp(true))
  }

  /** @internal An end has all its bytes: half a connection is not kept. */
  flushed(): void {
    if (this.#done === undefined || !this.#client!.isDone || !this.#target!.isDone) return
    this.#parting?.cancel()
    this.#parting = this.#schedule(PARTING_MS, () => this.#breakUp(false))
  }

  /** @internal An end is gone. */
  gone(): void {
    if (!this.#client!.isClosed || !this.#target!.isClosed || this.#done === undefined) return
    const done = this.#done
    this.#done = undefined
    this.#parting?.cancel()
    this.#exchange!.settings.tunnels.delete(this)
    if (tunnelClosed.hasSubscribers) tunnelClosed.publish(this)
    done()
  }

  #checkIdle(clock: Clock): void {
    const left = this.#activeAt + this.idleTimeoutMs - clock.now()
    if (left <= 0) return this.close('idle')
    this.#idle = clock.schedule(left, () => this.#checkIdle(clock))
  }

  #breakUp(isLate: boolean): void {
    for (const side of [this.#client!, this.#target!]) {
      if (isLate && !side.isDone) side.end.reset()
      else side.end.destroy()
    }
  }

  #schedule(delayMs: number, call: () => void): ScheduledCall {
    return this.#exchange!.clock.schedule(delayMs, call)
  }
}

/** One end of an open tunnel, and what it has to say to the other. */
class Side implements TunnelReader {
  readonly end: TunnelEnd
  other!: Side
  bytesRead = 0
  isClosed = false
  readonly #tunnel: Tunnel
  readonly #name: 'client' | 'target'
  #hasEnded = false
  #isFinishing = false
  #isFlushed = false

  constructor(tunnel: Tunnel, name: 'client' | 'target', end: TunnelEnd) {
    this.#tunnel = tunnel
    this.#name = name
    this.end = end
  }

  /** Whether nothing waits there that has to be written before the tunnel can go. */
  get isDone(): boolean {
    return this.isClosed || !this.#isFinishing || this.#isFlushed
  }

  bytes(chunk: Buffer): boolean {
    this.#tunnel.touch()
    this.bytesRead += chunk.byteLength
    return this.other.end.write(chunk)
  }

  drained(): void {
    this.#tunnel.touch()
    this.other.end.resume()
  }

  ended(): void {
    this.#hasEnded = true
    this.#tunnel.ending(this.#name)
    this.other.finish()
  }

  closed(error: Error | undefined): void {
    if (this.isClosed) return
    this.isClosed = true
    const isBroken = !this.#hasEnded && this.#tunnel.reason === undefined
    this.#tunnel.ending(this.#name, error)
    if (isBroken) this.other.end.reset()
    else this.other.finish()
    this.#tunnel.flushed()
    this.#tunnel.gone()
  }

  /** Ends it behind what was written to it. */
  finish(): void {
    if (this.#isFinishing) return
    this.#isFinishing = true
    if (this.isClosed) return
    this.end.end(() => {
      this.#isFlushed = true
      this.#tunnel.flushed()
    })
  }
}

function reasonOf(error: AnyProxyError): TunnelCloseReason {
  return error.code === 'ERR_SLUICE_CLOSING' ? 'drain' : 'error'
}
