/** What a connection says: heads, bodies in their turn, and the frames in between, gathered until the turn of the event loop ends. */
import type { Socket } from 'node:net'
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'
import { ClientSettings } from './client-settings.ts'
import {
  frameHead,
  goAwayFrame,
  headersFrames,
  pingFrame,
  resetFrame,
  SETTINGS_ACK,
  settingsFrame,
  windowUpdateFrame,
} from './frame-text.ts'
import {
  DATA,
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  END_STREAM,
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_HEADER_LIST_SIZE,
} from './frame-types.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import type { Http2ConnectionOptions, Http2Owner } from './http2-owner.ts'
import type { Http2Stream } from './http2-stream.ts'
import { SendScheduler } from './send-scheduler.ts'
import type { StreamWriter } from './stream-writer.ts'
import { TurnOutput } from './turn-output.ts'

/** What a client does not read may wait here; beyond it, nothing of the client is read either. */
const MAX_UNSENT_BYTES = 262_144

const DATE = maskOf('date')

export class ConnectionWriter {
  readonly scheduler: SendScheduler = new SendScheduler()
  readonly client: ClientSettings = new ClientSettings()
  readonly output: TurnOutput
  readonly #owner: Http2Owner
  readonly #encoder = new HpackEncoder()
  readonly #wake: () => void

  /** `wake` is called where something waits for the end of the turn. */
  constructor(socket: Socket, owner: Http2Owner, wake: () => void) {
    this.output = new TurnOutput(socket)
    this.#owner = owner
    this.#wake = wake
  }

  /** The client leaves more unread than it may. */
  get isUnread(): boolean {
    return this.output.isBlocked && this.output.unsent >= MAX_UNSENT_BYTES
  }

  // Replies.

  head(stream: number, status: number, headers: HeaderList, endsStream: boolean): void {
    const date = status < 200 || headers.hasAny(DATE) ? undefined : this.#owner.date
    this.#block(this.#encoder.reply(status, headers, date), stream, endsStream)
  }

  /** Head and body in one piece, where windows allow; otherwise nothing. */
  whole(stream: Http2Stream, status: number, headers: HeaderList, text: string): boolean {
    const { scheduler } = this
    const { length } = text
    if (length > DEFAULT_FRAME_BYTES || length > stream.sendWindow || length > scheduler.window) return false
    this.head(stream.id, status, headers, false)
    stream.sendWindow -= length
    scheduler.window -= length
    this.output.text(frameHead(length, DATA, END_STREAM, stream.id) + text)
    return true
  }

  trailers(stream: number, trailers: HeaderList): void {
    this.#block(this.#encoder.trailers(trailers), stream, true)
  }

  reset(stream: number, code: number): void {
    this.#write(resetFrame(stream, code))
  }

  /** A body has something to send. */
  ready(writer: StreamWriter): void {
    this.scheduler.ready(writer)
    this.#wake()
  }

  // The connection's own.

  /** What a server says first (RFC 9113, section 3.4). */
  greet(options: Http2ConnectionOptions): void {
    const { maxConcurrentStreams, streamWindowBytes, connectionWindowBytes, maxListBytes } = options
    const settings = settingsFrame([
      [SETTINGS_MAX_CONCURRENT_STREAMS, maxConcurrentStreams],
      [SETTINGS_INITIAL_WINDOW_SIZE, streamWindowBytes],
      [SETTINGS_MAX_HEADER_LIST_SIZE, maxListBytes],
      [SETTINGS_ENABLE_CONNECT_PROTOCOL, 1],
    ])
    const more = connectionWindowBytes - DEFAULT_WINDOW_BYTES
    this.#write(more > 0 ? settings + windowUpdateFrame(0, more) : settings)
  }

  /** Takes over what the client says of itself. Says by how much the windows of its streams move. */
  adopt(bytes: Buffer, from: number, to: number): number {
    const { client } = this
    const before = client.initialWindowBytes
    client.read(bytes, from, to)
    if (client.smallestTableBytes !== undefined) {
      this.#encoder.allow(client.smallestTableBytes)
      this.#encoder.allow(client.headerTableBytes!)
    }
    this.#write(SETTINGS_ACK)
    return client.initialWindowBytes - before
  }

  ping(flags: number, payload: string): void {
    this.#write(pingFrame(flags, payload))
  }

  goAway(lastStream: number, code: number): void {
    this.#write(goAwayFrame(lastStream, code))
  }

  /** Of the connection where `stream` is 0. */
  openWindow(stream: number, bytes: number): void {
    this.#write(windowUpdateFrame(stream, bytes))
  }

  /** The client takes more on all streams together; `false` where no window is so large. */
  widen(bytes: number): boolean {
    if (!this.scheduler.widen(bytes)) return false
    if (this.scheduler.canSend) this.#wake()
    return true
  }

  // Turns.

  /** The turn is over. */
  flush(): void {
    const { output, scheduler } = this
    if (!output.isBlocked) scheduler.send(output)
    output.flush()
    scheduler.resumeDrained()
    if (scheduler.canSend && !output.isBlocked) this.#wake()
  }

  drained(): void {
    this.output.isBlocked = false
    this.#wake()
  }

  #block(block: string, stream: number, endsStream: boolean): void {
    this.#write(headersFrames(block, stream, endsStream, this.client.maxFrameBytes))
  }

  #write(text: string): void {
    this.output.text(text)
    this.#wake()
  }
}
