/**
 * The body of a message. It costs nothing while nobody looks at it: handed from one side to the other with
 * {@link Body.pipe}, its bytes never meet a stream or a promise. Whoever does look gets it in the form that suits.
 *
 * A body in memory may be read any number of times. A flowing one is read once; a second reader gets
 * `ERR_SLUICE_BODY_USED`, never an empty body.
 */
import type { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { type BodySink, type BodySource, NO_FLOW } from './body-flow.ts'
import { ReplayBuffer } from './body-replay.ts'
import { CollectingSink, ReadableSink, webStreamOf } from './body-sinks.ts'
import { ReadableSource, WebStreamSource } from './body-sources.ts'
import { TransformedSource } from './body-transform.ts'
import { WireError } from './errors.ts'

/** Limits of a reader that gathers a whole body. */
export interface ReadBodyOptions {
  /** More bytes than this reject with `ERR_SLUICE_BODY_TOO_LARGE`, and the rest is cancelled. @default 1_048_576 */
  readonly maxBytes?: number
}

/** How a body becomes a Node stream. */
export interface ReadableOptions {
  /** Whether the body stays as it was when the stream is destroyed before its first read. @default false */
  readonly keepUnread?: boolean
}

const DEFAULT_MAX_READ_BYTES = 1_048_576

/** The bytes of a request or a reply, or their absence. */
export class Body {
  /** No body at all. */
  static readonly empty: Body = new Body(null, new Uint8Array(0), 0)

  /** How many bytes it has, where that is known beforehand. A source that delivers another number has to abort. */
  readonly length: number | undefined
  readonly #source: BodySource | ReplayBuffer | null
  #bytes: Uint8Array | null
  /** The bytes as latin1 text, of a small body that came in the same read as its head; `#bytes` is made when asked for. */
  #text: string | undefined = undefined
  #used = false

  private constructor(source: BodySource | ReplayBuffer | null, bytes: Uint8Array | null, length: number | undefined) {
    this.#source = source
    this.#bytes = bytes
    this.length = length
  }

  /** A body in memory. Text is sent as UTF-8. The bytes are not copied. */
  static of(content: string | Uint8Array): Body {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    return bytes.byteLength === 0 ? Body.empty : new Body(null, bytes, bytes.byteLength)
  }

  /** A body in memory, given as latin1 text: a character for each byte. For what is read and written as text anyway. */
  static ofLatin1(text: string): Body {
    if (text === '') return Body.empty
    const body = new Body(null, null, text.length)
    body.#text = text
    return body
  }

  /** A body that flows from a source of your own. */
  static from(source: BodySource, length?: number): Body {
    return new Body(source, null, length)
  }

  /** A body that flows from a Node stream. Destroyed early, the stream aborts the body. */
  static fromReadable(readable: Readable, length?: number): Body {
    return new Body(new ReadableSource(readable), null, length)
  }

  /** A body that flows from a web stream of bytes. */
  static fromStream(stream: ReadableStream<Uint8Array>, length?: number): Body {
    return new Body(new WebStreamSource(stream), null, length)
  }

  /** Whether there is certainly nothing in it. */
  get isEmpty(): boolean {
    return this.length === 0
  }

  /** The bytes, where they are all in memory; not to be written into. */
  get inMemory(): Uint8Array | undefined {
    if (this.#bytes === null && this.#text !== undefined) this.#bytes = Buffer.from(this.#text, 'latin1')
    return this.#bytes ?? undefined
  }

  /** Whether the bytes are all in memory, in one form or the other: see {@link inMemory} and {@link latin1}. */
  get isInMemory(): boolean {
    return this.#bytes !== null || this.#text !== undefined
  }

  /** The bytes as latin1 text, where they are at hand in this form: they can leave in the same piece as a head. */
  get latin1(): string | undefined {
    return this.#text
  }

  /** Whether it flows and was read already. */
  get isUsed(): boolean {
    return this.#used
  }

  /** Whether it can be read (again) from its first byte. */
  get canReplay(): boolean {
    if (this.#source === null) return true
    return this.#source instanceof ReplayBuffer ? this.#source.canReplay : !this.#used
  }

  /**
   * Lets the bytes flow into `sink`: the one primitive, which every other reader is made of.
   * @throws {WireError} `ERR_SLUICE_BODY_USED`
   */
  pipe(sink: BodySink): void {
    const source = this.#source
    if (source === null) {
      const bytes = this.inMemory!
      sink.begin(NO_FLOW)
      if (bytes.byteLength > 0) sink.write(bytes)
      sink.end()
      return
    }
    if (source instanceof ReplayBuffer) {
      const reader = source.newReader()
      sink.begin(reader)
      reader.start(sink)
      return
    }
    if (this.#used) {
      throw new WireError(
        'ERR_SLUICE_BODY_USED',
        'this body was read before; use replayable() to read it more than once',
      )
    }
    this.#used = true
    sink.begin(source)
    source.start(sink)
  }

  /** Gives the body up unread, so that its source can be freed. Does nothing where it was read. */
  cancel(error: Error = new WireError('ERR_SLUICE_BODY_ABORTED', 'the body was not wanted')): void {
    if (this.#source === null || this.#used) return
    this.#used = true
    if (this.#source instanceof ReplayBuffer) this.#source.dispose(error)
    else this.#source.cancel(error)
  }

  /**
   * The whole body.
   * @throws {WireError} `ERR_SLUICE_BODY_TOO_LARGE`, `ERR_SLUICE_BODY_USED`; or what the source failed with
   */
  async bytes(options: ReadBodyOptions = {}): Promise<Buffer> {
    const sink = new CollectingSink(this, options.maxBytes ?? DEFAULT_MAX_READ_BYTES)
    if (!sink.accepts(this.length) && !this.#used) {
      // What can be replayed is still of use to others.
      if (!(this.#source instanceof ReplayBuffer)) this.cancel(sink.tooLarge())
      throw sink.tooLarge()
    }
    this.pipe(sink)
    return await sink.whole
  }

  /** The whole body as UTF-8 text. Throws as {@link bytes} does. */
  async text(options?: ReadBodyOptions): Promise<string> {
    return (await this.bytes(options)).toString('utf8')
  }

  /**
   * The whole body as JSON. Throws as {@link bytes} does.
   * @throws {WireError} `ERR_SLUICE_BODY_NOT_JSON`
   */
  async json(options?: ReadBodyOptions): Promise<unknown> {
    const text = await this.text(options)
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new WireError('ERR_SLUICE_BODY_NOT_JSON', 'the body is not JSON', { cause, body: this })
    }
  }

  /**
   * The body as a Node stream, which starts to flow when it is first read. Destroying the stream cancels the body; an
   * aborted body destroys the stream.
   */
  readable(options: ReadableOptions = {}): Readable {
    return new ReadableSink(this, options.keepUnread ?? false)
  }

  /** The body as a web stream. Cancelling the stream cancels the body; an aborted body errors the stream. */
  stream(): ReadableStream<Uint8Array> {
    return webStreamOf(this)
  }

  /**
   * The same body, which remembers up to `maxBytes` of what flows through it and so can be read again from the start, one
   * reader after the other. Once more than that has flowed it can't: see {@link canReplay}. The bytes are held until the
   * body is garbage.
   */
  replayable(maxBytes: number): Body {
    if (this.#source === null || this.#source instanceof ReplayBuffer) return this
    return new Body(new ReplayBuffer(this, maxBytes), null, this.length)
  }

  /**
   * A body made of this one by a transformer: given the sink that takes the result, it returns the sink that takes the
   * original. `length` is the length of the result where that is known.
   */
  transform(transformer: (sink: BodySink) => BodySink, length?: number): Body {
    return new Body(new TransformedSource(this, transformer), null, length)
  }
}
