/**
 * How a fake upstream is told to answer. One description serves both forms, in process and on loopback: it is prepared
 * here once, framing included, so that what arrives at the other side is the same.
 */
import { HeaderList, type Clock, type HeaderListInit } from '@sluice/wire'
import type { RecordedRequest } from './recorded-request.ts'

/** A piece of a body. Text is sent as UTF-8. */
export type Chunk = string | Uint8Array

/** An interim reply, 1xx. */
export interface InformationalAnswer {
  /** 102 to 199. */
  readonly status: number
  readonly headers?: HeaderListInit
}

/** What a fake upstream answers. */
export interface Answer {
  /** 200 to 599. @default 200 */
  readonly status?: number
  /**
   * A record, or `[name, value]` pairs where order and duplicates matter. Where it has neither, the framing field that the
   * body asks for is added: `Content-Length`, or `Transfer-Encoding` when it comes in chunks or with trailers.
   */
  readonly headers?: HeaderListInit
  /** Chunks from an iterable are sent as they come, and wait for whoever reads too slowly. @default none */
  readonly body?: Chunk | Iterable<Chunk> | AsyncIterable<Chunk>
  /** Fields after the body. */
  readonly trailers?: HeaderListInit
  /** Sent at once, before any {@link hold} or {@link delayMs}. */
  readonly informational?: readonly InformationalAnswer[]
  /** The head waits until this has settled, either way. */
  readonly hold?: Promise<unknown>
  /** The head waits this long on the upstream's clock, after {@link hold}. The system's clock is up to 50 ms late. */
  readonly delayMs?: number
  /** The body breaks off after this many bytes; it must have more, unless it comes in chunks. */
  readonly abortAfterBytes?: number
  /** The connection is lost before an answer. */
  readonly reset?: boolean
  /**
   * The connection is refused. In process the request's body has been read by then: list the target in `refusing` where it
   * must not be. On loopback the connection was accepted long ago, so this is the same as {@link reset}.
   */
  readonly refuse?: boolean
  /** There is never an answer. */
  readonly hang?: boolean
}

/** Answers a request, whose body has arrived. What it throws becomes a 500 that says so. */
export type UpstreamHandler = (request: RecordedRequest) => Answer | Promise<Answer>

/** The answer of an upstream without a handler: what it was asked, as JSON. Header fields by lower-case name. */
export function echo(request: RecordedRequest): Answer {
  const { method, path, body } = request
  const headers = HeaderList.received(request.headers.flat()).toJSON()
  return {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ method, path, headers, body: body.toString('utf8') }),
  }
}

/** An answer, checked and framed. */
export interface PreparedAnswer {
  readonly status: number
  readonly headers: HeaderList
  /** Fails where the body is to break off. */
  readonly content: AsyncGenerator<Uint8Array, void> | undefined
  readonly length: number | undefined
  readonly trailers: HeaderList | undefined
  readonly informational: readonly { readonly status: number; readonly headers: HeaderList }[]
  readonly fate: 'reply' | 'reset' | 'refuse' | 'hang'
  /** Waits as long as the head is to wait. */
  readonly due: (clock: Clock) => Promise<void>
}

/** Asks the handler, and prepares what it says. */
export async function answerTo(request: RecordedRequest, handler: UpstreamHandler): Promise<PreparedAnswer> {
  try {
    return prepare(await handler(request), request.method)
  } catch (error) {
    return prepare({ status: 500, body: `the upstream's handler failed: ${String(error)}` }, request.method)
  }
}

function prepare(answer: Answer, method: string): PreparedAnswer {
  const status = answer.status ?? 200
  if (!(Number.isInteger(status) && status >= 200 && status <= 599)) throw new RangeError(`not a status: ${status}`)
  const headers = new HeaderList(answer.headers)
  const trailers = answer.trailers === undefined ? undefined : new HeaderList(answer.trailers)
  const { body = '' } = answer
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const known = bytes instanceof Uint8Array && trailers === undefined ? bytes.byteLength : undefined
  const bodyless = method === 'HEAD' || status === 204 || status === 304
  if (!headers.has('content-length') && !headers.has('transfer-encoding') && status !== 204 && status !== 304) {
    if (known !== undefined) headers.append('Content-Length', String(known))
    else if (!bodyless) headers.append('Transfer-Encoding', 'chunked')
  }
  const { abortAfterBytes } = answer
  if (abortAfterBytes !== undefined && (bodyless || (known !== undefined && abortAfterBytes >= known))) {
    throw new RangeError(`a body that breaks off after ${abortAfterBytes} bytes needs more than that`)
  }
  return {
    status,
    headers,
    content: bodyless || known === 0 ? undefined : chunksOf(bytes, abortAfterBytes),
    length: bodyless ? 0 : known,
    trailers: bodyless ? undefined : trailers,
    informational: (answer.informational ?? []).map((each) => {
      if (!(each.status >= 102 && each.status <= 199)) throw new RangeError(`not an interim status: ${each.status}`)
      return { status: each.status, headers: new HeaderList(each.headers) }
    }),
    fate: answer.refuse ? 'refuse' : answer.reset ? 'reset' : answer.hang ? 'hang' : 'reply',
    due: async (clock) => {
      const { hold, delayMs } = answer
      if (hold !== undefined) await Promise.allSettled([hold])
      if (delayMs !== undefined) await new Promise<void>((resolve) => clock.schedule(delayMs, resolve))
    },
  }
}

async function* chunksOf(
  body: Uint8Array | Iterable<Chunk> | AsyncIterable<Chunk>,
  abortAfterBytes: number | undefined,
): AsyncGenerator<Uint8Array, void> {
  let left = abortAfterBytes ?? Infinity
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (left > 0 && bytes.byteLength > 0) yield bytes.byteLength <= left ? bytes : bytes.subarray(0, left)
    left -= bytes.byteLength
    if (left <= 0) break
  }
  if (abortAfterBytes !== undefined) throw new Error(`broken off after ${abortAfterBytes} bytes, as told`)
}
