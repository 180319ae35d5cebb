/**
 * The target's end of a tunnel with messages in between: what comes from either side is taken apart, shown to a hook, and
 * written anew for the other. Stands around the target's own end, so the tunnel itself knows nothing of it.
 *
 * A message goes on when it is whole, as one frame. Pings, pongs and Close pass through; what the proxy sends in its own
 * name (pings, and Close 1001 when it drains) does not reach the other side, and neither do the answers.
 */
import type { Exchange, Tunnel, TunnelCloseReason, TunnelEnd, TunnelReader } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import type { Agreement } from './compression.ts'
import type { FramePlan } from './frame-options.ts'
import { Output } from './output.ts'
import { PeerFrames, type PeerObserver } from './peer-frames.ts'

const PING = Buffer.from('sluice')

/** A call that waits for what one peer has sent to have left for the other. */
interface Passage {
  readonly from: PeerFrames
  readonly to: PeerFrames
  readonly call: () => void
}

export class FramedEnd<N> implements TunnelEnd, TunnelReader, PeerObserver {
  readonly client: PeerFrames
  readonly target: PeerFrames
  readonly #plan: FramePlan<N>
  readonly #exchange: Exchange<N>
  readonly #tunnel: Tunnel
  readonly #inner: TunnelEnd
  readonly #clientOutput = new Output((chunk) => this.#toClient(chunk))
  readonly #targetOutput = new Output((chunk) => this.#toTarget(chunk))
  #reader: TunnelReader | undefined = undefined
  #isClientFull = false
  #isTargetFull = false
  #isClosed = false
  /** Why we end it, once we do. */
  #goodbye: TunnelCloseReason | undefined = undefined
  /** What has to wait until messages that are being compressed, or taken apart, are through. */
  #waiting: Passage[] = []
  #pings: ScheduledCall | undefined = undefined
  #farewell: ScheduledCall | undefined = undefined

  constructor(plan: FramePlan<N>, exchange: Exchange<N>, tunnel: Tunnel, agreement: Agreement) {
    this.#plan = plan
    this.#exchange = exchange
    this.#tunnel = tunnel
    this.#inner = tunnel.target
    this.client = new PeerFrames('client', this, agreement.client, plan, this.#clientOutput)
    this.target = new PeerFrames('target', this, agreement.target, plan, this.#targetOutput)
  }

  // The end that the tunnel sees.

  open(reader: TunnelReader): void {
    this.#reader = reader
    this.#schedulePings()
    this.#inner.open(this)
  }

  write(chunk: Buffer): boolean {
    this.client.read(chunk)
    return this.#takesFromClient
  }

  resume(): void {
    this.#isClientFull = false
    if (this.#takesFromTarget) this.#inner.resume()
  }

  end(flushed?: () => void): void {
    this.#whenThrough(this.client, this.target, () => this.#inner.end(flushed))
  }

  reset(): void {
    this.#waiting = []
    this.#inner.reset()
  }

  destroy(): void {
    this.#waiting = []
    this.#inner.destroy()
  }

  drain(withinMs: number): void {
    const { clock, settings } = this.#exchange
    const jitterMs = Math.min(this.#plan.closeJitterMs ?? withinMs / 2, withinMs)
    this.#farewell = clock.schedule(settings.random() * jitterMs, () => this.#sayGoodbye('drain', 1001))
  }

  // What comes from the target's own end.

  bytes(chunk: Buffer): boolean {
    this.target.read(chunk)
    return this.#takesFromTarget
  }

  drained(): void {
    this.#isTargetFull = false
    if (this.#takesFromClient) this.#reader!.drained()
  }

  ended(): void {
    this.#whenThrough(this.target, this.client, () => {
      if (this.#goodbye !== undefined) this.#tunnel.close(this.#goodbye)
      this.#reader!.ended()
    })
  }

  closed(error: Error | undefined): void {
    const close = (): void => this.#closed(error)
    const isEnding = this.#waiting.some(({ from }) => from === this.target)
    if (isEnding) this.#whenThrough(this.target, this.client, close)
    else close()
  }

  #closed(error: Error | undefined): void {
    this.#isClosed = this.#clientOutput.destroyed = this.#targetOutput.destroyed = true
    this.#waiting = []
    this.#pings?.cancel()
    this.#farewell?.cancel()
    this.client.dispose()
    this.target.dispose()
    this.#reader!.closed(error)
  }

  // What the peers say.

  message(peer: PeerFrames, data: Buffer, isBinary: boolean): void {
    const { onMessage } = this.#plan
    const other = this.#otherOf(peer)
    if (onMessage === undefined) return other.send(data, isBinary)
    let answer: Buffer | string | false | undefined | void
    try {
      answer = onMessage({ from: peer.name, isBinary, data }, this.#exchange)
    } catch (error) {
      this.#exchange.settings.onInternalError(error, this.#exchange)
      return this.#sayGoodbye('error', 1011, error as Error)
    }
    if (answer === false) peer.counts.dropped++
    else other.send(answer ?? data, isBinary)
  }

  ping(peer: PeerFrames, data: Buffer): void {
    this.#otherOf(peer).ping(data)
  }

  pong(peer: PeerFrames, data: Buffer): void {
    if (this.#plan.pingIntervalMs === 0 || !data.equals(PING)) this.#otherOf(peer).pong(data)
  }

  concluded(peer: PeerFrames, code: number, reason: Buffer): void {
    this.#otherOf(peer).close(code === 1005 ? undefined : code, reason)
    if (this.#goodbye !== undefined && this.client.hasConcluded && this.target.hasConcluded)
      this.#tunnel.close(this.#goodbye)
  }

  faulty(peer: PeerFrames, code: number, error: Error): void {
    peer.close(code)
    this.#sayGoodbye('error', 1001, error)
  }

  moved(): void {
    if (this.#isClosed) return
    if (this.#takesFromClient) this.#reader!.drained()
    if (this.#takesFromTarget) this.#inner.resume()
    // Not at once: what was said behind a message, such as Close, follows it in this turn.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#letThrough())
  }

  #whenThrough(from: PeerFrames, to: PeerFrames, call: () => void): void {
    if (from.isReading || to.isSending) this.#waiting.push({ from, to, call })
    else call()
  }

  #letThrough(): void {
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ from, to }) => from.isReading || to.isSending)
    for (const { from, to, call } of waiting) if (!from.isReading && !to.isSending) call()
  }

  /** Tells both. On an error that is all; otherwise they may finish what they were saying. */
  #sayGoodbye(reason: TunnelCloseReason, code: number, error?: Error): void {
    if (this.#goodbye !== undefined || this.#isClosed) return
    this.#goodbye = reason
    this.client.close(code)
    this.target.close(code)
    if (reason === 'error') this.#tunnel.close(reason, error)
  }

  #schedulePings(): void {
    const { pingIntervalMs } = this.#plan
    if (pingIntervalMs > 0) this.#pings = this.#exchange.clock.schedule(pingIntervalMs, () => this.#ping())
  }

  #ping(): void {
    for (const peer of [this.client, this.target]) {
      if (!peer.hasSpoken) return this.#tunnel.close('idle', new Error(`the ${peer.name} does not answer pings`))
      peer.hasSpoken = false
      peer.ping(PING)
    }
    this.#schedulePings()
  }

  get #takesFromClient(): boolean {
    return !this.#isTargetFull && !this.target.isBehind && !this.client.isAhead
  }

  get #takesFromTarget(): boolean {
    return !this.#isClientFull && !this.client.isBehind && !this.target.isAhead
  }

  #otherOf(peer: PeerFrames): PeerFrames {
    return peer === this.client ? this.target : this.client
  }

  #toClient(chunk: Buffer): void {
    if (this.#reader?.bytes(chunk) === false) this.#isClientFull = true
  }

  #toTarget(chunk: Buffer): void {
    if (!this.#inner.write(chunk)) this.#isTargetFull = true
  }
}
