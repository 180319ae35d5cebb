/** The way of a flowing body into its stream: the head leaves with the first piece, and a large piece leaves bit by bit. */
import type { ServerHttp2Stream } from 'node:http2'
import { type BodyFlow, type BodySink, type HeaderList, NO_FLOW, WireError } from '@sluice/wire'
import { trailerFields } from './reply-fields.ts'
import { respondRaw, WITH_BODY, WITH_TRAILERS, WITHOUT_BODY } from './respond-raw.ts'

/** What becomes of a body. One of the two, once. */
export interface ReplyBodyOwner {
  /** All of it was handed to the stream. */
  bodySent(): void
  /** It will never be whole. */
  bodyBroken(error: Error): void
}

/** What is given to the engine counts as memory of the connection: so not more than this at a time. */
const MAX_WRITE_BYTES = 262_144
const UNKNOWN = -1

export class Http2ReplyBody implements BodySink {
  /** Bytes that were taken. */
  bytes = 0
  readonly #stream: ServerHttp2Stream
  readonly #owner: ReplyBodyOwner
  readonly #sendsTrailers: boolean
  /** The head of the reply, until it is handed over. */
  #fields: readonly string[] | undefined
  /** Bytes that have still to come, where that is known. */
  #toSend: number
  #flow: BodyFlow = NO_FLOW
  /** The first piece, while the next call may be the end. */
  #held: Uint8Array | undefined = undefined
  /** Of a large piece, what waits for room. */
  #rest: Uint8Array | undefined = undefined
  #endsBehindRest = false
  #isStarting = true
  #isWaiting = false
  #isDone = false

  constructor(
    stream: ServerHttp2Stream,
    fields: readonly string[],
    length: number | undefined,
    sendsTrailers: boolean,
    owner: ReplyBodyOwner,
  ) {
    this.#stream = stream
    this.#fields = fields
    this.#toSend = length ?? UNKNOWN
    this.#sendsTrailers = sendsTrailers
    this.#owner = owner
  }

  /** The body flows: the head leaves now, even where the first piece takes its time, as with server-sent events. */
  started(): void {
    this.#isStarting = false
    if (!this.#isDone) this.#flush()
  }

  /** The client is gone. */
  giveUp(error: Error): void {
    this.#isDone = true
    this.#flow.cancel(error)
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone || chunk.byteLength === 0) return true
    if (this.#toSend !== UNKNOWN && (this.#toSend -= chunk.byteLength) < 0) return this.#breakAgreement()
    this.bytes += chunk.byteLength
    // What is at hand waits for the end of this turn: a reply that is whole by then costs less.
    if (this.#isStarting && this.#held === undefined && this.#fields !== undefined) {
      this.#held = chunk
      return true
    }
    this.#flush()
    return this.#writeOn(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return
    if (this.#toSend > 0) return void this.#breakAgreement()
    this.#isDone = true
    if (this.#fields !== undefined && trailers === undefined) this.#sendWhole(this.#fields, this.#held)
    else {
      this.#flush()
      if (trailers !== undefined && this.#sendsTrailers) this.#addTrailers(trailers)
      this.#endStream()
    }
    this.#owner.bodySent()
  }

  abort(error: Error): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#owner.bodyBroken(error)
  }

  #sendWhole(fields: readonly string[], bytes: Uint8Array | undefined): void {
    this.#fields = undefined
    if (bytes === undefined) return respondRaw(this.#stream, fields, WITHOUT_BODY)
    respondRaw(this.#stream, fields, WITH_BODY)
    if (bytes.byteLength <= MAX_WRITE_BYTES) return void this.#stream.end(bytes)
    this.#writeOn(bytes)
    this.#endStream()
  }

  #flush(): void {
    const fields = this.#fields
    if (fields === undefined) return
    this.#fields = undefined
    const stream = this.#stream
    respondRaw(stream, fields, this.#sendsTrailers ? WITH_TRAILERS : WITH_BODY)
    // A client that resets without an error is otherwise not noticed while it takes nothing. Not within the engine's call.
    stream.on('aborted', () => setImmediate(() => stream.destroy()))
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#writeOn(held)
  }

  #writeOn(bytes: Uint8Array): boolean {
    if (this.#rest !== undefined) {
      this.#rest = Buffer.concat([this.#rest, bytes])
      return false
    }
    let at = 0
    while (bytes.byteLength - at > MAX_WRITE_BYTES) {
      const hasRoom = this.#stream.write(bytes.subarray(at, (at += MAX_WRITE_BYTES)))
      if (hasRoom) continue
      this.#rest = bytes.subarray(at)
      return this.#waitForDrain()
    }
    return this.#stream.write(at === 0 ? bytes : bytes.subarray(at)) || this.#waitForDrain()
  }

  #waitForDrain(): false {
    // Pieces may still come after the first `false`; one listener is enough for all of them.
    if (this.#isWaiting) return false
    this.#isWaiting = true
    this.#stream.once('drain', () => {
      this.#isWaiting = false
      if (this.#rest !== undefined && !this.#writeRest(this.#rest)) return
      if (!this.#isDone) this.#flow.resume()
    })
    return false
  }

  /** Whether there is room for more behind it. */
  #writeRest(rest: Uint8Array): boolean {
    this.#rest = undefined
    const hasRoom = this.#writeOn(rest)
    if (this.#rest === undefined && this.#endsBehindRest) this.#stream.end()
    return hasRoom
  }

  #endStream(): void {
    if (this.#rest === undefined) this.#stream.end()
    else this.#endsBehindRest = true
  }

  #addTrailers(trailers: HeaderList): void {
    const stream = this.#stream
    const fields = trailerFields(trailers)
    stream.once('wantTrailers', () => {
      try {
        stream.sendTrailers(fields)
      } catch (error) {
        // Without them the reply would look whole.
        this.#owner.bodyBroken(error as Error)
      }
    })
  }

  #breakAgreement(): true {
    const error = new WireError('ERR_SLUICE_BODY_ABORTED', 'the body is not as long as was announced')
    this.#flow.cancel(error)
    this.abort(error)
    return true
  }
}
