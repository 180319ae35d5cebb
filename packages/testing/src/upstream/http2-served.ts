/** One request of HTTP/2 and its answer; the sink of the answer's body. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { BodyFlow, BodySink, Clock, HeaderList } from '@sluice/wire'
import { AnswerSource } from './answer-source.ts'
import { answerTo, type PreparedAnswer, type UpstreamHandler } from './answer.ts'
import { ArrivingRequest, fieldsOf } from './recorded-request.ts'

/** Fields that HTTP/2 does not have. */
const NOT_SENT = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/** The head as HTTP/1.1 would have it: `Host` is what `:authority` was. */
export function arrivingRequest(raw: readonly string[], url: string): ArrivingRequest {
  const pseudo = new Map<string, string>()
  const headers: [string, string][] = []
  for (const [name, value] of fieldsOf(raw)) {
    if (name.startsWith(':')) pseudo.set(name, value)
    else headers.push([name, value])
  }
  const authority = pseudo.get(':authority')
  if (authority !== undefined) headers.unshift(['host', authority])
  return new ArrivingRequest(pseudo.get(':method') ?? '', pseudo.get(':path') ?? '', headers, url)
}

export class Http2Served implements BodySink {
  readonly #record: ArrivingRequest
  readonly #stream: ServerHttp2Stream
  readonly #clock: Clock
  readonly #breakConnection: () => void
  #trailers: HeaderList | undefined = undefined
  #brokenHere = false

  constructor(record: ArrivingRequest, stream: ServerHttp2Stream, clock: Clock, breakConnection: () => void) {
    this.#record = record
    this.#stream = stream
    this.#clock = clock
    this.#breakConnection = breakConnection
    stream.on('error', () => {})
    stream.on('close', () => {
      if (!stream.writableFinished && !this.#brokenHere) record.aborted = true
    })
  }

  async run(handler: UpstreamHandler): Promise<void> {
    const stream = this.#stream
    let trailers: string[] = []
    stream.on('trailers', (_fields, _flags, raw: string[] = []) => (trailers = raw))
    try {
      for await (const chunk of stream) this.#record.append(chunk as Buffer)
    } catch {
      // The client gave it up in the middle of its body: 'close' has recorded it.
      return
    }
    this.#record.end(fieldsOf(trailers))
    const answer = await answerTo(this.#record, handler)
    if (stream.destroyed) return
    for (const { status, headers } of answer.informational)
      stream.additionalHeaders({ ...recordOf(headers), ':status': status })
    await answer.due(this.#clock)
    if (stream.destroyed || answer.fate === 'hang') return
    if (answer.fate === 'reply') return this.#reply(answer)
    this.#brokenHere = true
    this.#breakConnection()
  }

  #reply(answer: PreparedAnswer): void {
    const stream = this.#stream
    const isEmpty = answer.content === undefined
    const head = { ...recordOf(answer.headers), ':status': answer.status }
    stream.respond(head, { endStream: isEmpty, waitForTrailers: !isEmpty, sendDate: false } as object)
    if (isEmpty) return
    stream.on('wantTrailers', () => stream.sendTrailers(recordOf(this.#trailers)))
    const source = new AnswerSource(answer, this.#record.target)
    this.begin(source)
    source.start(this)
  }

  begin(flow: BodyFlow): void {
    this.#stream.on('drain', () => flow.resume())
    this.#stream.on('close', () => flow.cancel(new Error('the client went away')))
  }

  write(chunk: Uint8Array): boolean {
    return this.#stream.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#trailers = trailers
    this.#stream.end()
  }

  /** Behind what was written, as a target does that fails. */
  abort(): void {
    this.#brokenHere = true
    const stream = this.#stream
    const reset = (): void => {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    }
    if (stream.writableLength === 0) setImmediate(reset)
    else stream.once('drain', reset)
  }
}

function recordOf(headers: HeaderList | undefined): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {}
  for (const [name, value] of headers ?? []) {
    const key = name.toLowerCase()
    const before = record[key]
    if (!NOT_SENT.has(key)) record[key] = before === undefined ? value : [before, value].flat()
  }
  return record
}
