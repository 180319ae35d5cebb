/** One attempt at a fake upstream, from its request to the last byte of its reply. */
import { DownstreamError, ProxyError, Reply, UpstreamError } from '@sluice/core'
import type { AnyProxyError, TransportCall, TransportObserver, TransportRequest } from '@sluice/core'
import { Body, type BodyFlow, type BodySink, type Clock, type HeaderList, type ScheduledCall } from '@sluice/wire'
import { answerTo, type PreparedAnswer, type UpstreamHandler } from './answer.ts'
import { FakeReplyFlow } from './fake-reply-flow.ts'
import { ArrivingRequest } from './recorded-request.ts'

/** What the calls of a fake upstream share. */
export interface FakeUpstreamState {
  readonly handler: UpstreamHandler
  readonly requests: ArrivingRequest[]
  readonly refusing: ReadonlySet<string>
  readonly clock: Clock
}

/** Methods whose empty body is announced (RFC 9110, section 8.6). */
const METHODS_WITH_CONTENT = new Set(['POST', 'PUT', 'PATCH'])

/** The handle on an attempt, and the sink of its request's body. */
export class FakeCall implements TransportCall, BodySink {
  readonly target: string
  readonly reused: boolean
  readonly #upstream: FakeUpstreamState
  readonly #request: TransportRequest
  readonly #observer: TransportObserver
  readonly #onEnd: (reusable: boolean) => void
  readonly #record: ArrivingRequest
  #over = false
  #requestFlow: BodyFlow | undefined
  #replyFlow: FakeReplyFlow | undefined
  #headTimer: ScheduledCall | undefined

  constructor(
    upstream: FakeUpstreamState,
    target: string,
    request: TransportRequest,
    observer: TransportObserver,
    reused: boolean,
    onEnd: (reusable: boolean) => void,
  ) {
    this.#upstream = upstream
    this.target = target
    this.#request = request
    this.#observer = observer
    this.reused = reused
    this.#onEnd = onEnd
    this.#record = new ArrivingRequest(request.method, request.path, [...framed(request)], target)
  }

  /** Sends the request, unless there is a reason not to; whatever follows comes later, never from within this call. */
  start(refused: AnyProxyError | undefined): void {
    const reason = refused ?? (this.#upstream.refusing.has(this.target) ? this.#refusal() : undefined)
    if (reason !== undefined) return queueMicrotask(() => this.#finish(reason))
    this.#upstream.requests.push(this.#record)
    queueMicrotask(() => {
      if (!this.#over) this.#request.body.pipe(this)
    })
  }

  cancel(error: AnyProxyError): void {
    if (this.#over) return
    this.#record.aborted = true
    this.#requestFlow?.cancel(error)
    this.#replyFlow?.fail(error)
    this.#finish(error)
  }

  // The request's body arrives.

  begin(flow: BodyFlow): void {
    this.#requestFlow = flow
  }

  write(chunk: Uint8Array): boolean {
    this.#record.append(chunk)
    return true
  }

  end(trailers?: HeaderList): void {
    if (this.#over) return
    this.#record.end(trailers === undefined ? [] : [...trailers])
    const { headTimeoutMs } = this.#request
    if (headTimeoutMs > 0) this.#headTimer = this.#upstream.clock.schedule(headTimeoutMs, () => this.#headIsLate())
    void this.#answer()
  }

  abort(error: Error): void {
    this.#record.aborted = true
    this.#finish(this.#causedByReader(error))
  }

  // The answer leaves.

  async #answer(): Promise<void> {
    const answer = await answerTo(this.#record, this.#upstream.handler)
    if (this.#over) return
    for (const { status, headers } of answer.informational) this.#observer.informational(status, headers)
    await answer.due(this.#upstream.clock)
    if (this.#over || answer.fate === 'hang') return
    if (answer.fate === 'refuse') return this.#finish(this.#refusal())
    if (answer.fate === 'reset') {
      return this.#finish(new UpstreamError('ERR_SLUICE_CONNECTION_RESET', { target: this.target }))
    }
    this.#headTimer?.cancel()
    this.#reply(answer)
  }

  #reply(answer: PreparedAnswer): void {
    if (answer.content === undefined) {
      this.#observer.reply(new Reply(answer.status, answer.headers, Body.empty))
      return this.#finish(undefined)
    }
    const { clock } = this.#upstream
    const flow = new FakeReplyFlow(answer, this.target, clock, this.#request.bodyIdleTimeoutMs, {
      ended: (error) => this.#finish(error),
      cancelled: (error) => {
        this.#record.aborted = true
        this.#finish(this.#causedByReader(error))
      },
    })
    this.#replyFlow = flow
    this.#observer.reply(new Reply(answer.status, answer.headers, Body.from(flow, answer.length)))
  }

  #headIsLate(): void {
    this.#record.aborted = true
    this.#finish(new UpstreamError('ERR_SLUICE_HEAD_TIMEOUT', { target: this.target }))
  }

  #finish(error: AnyProxyError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#headTimer?.cancel()
    this.#onEnd(error === undefined)
    this.#observer.done(error)
  }

  #refusal(): AnyProxyError {
    return new UpstreamError('ERR_SLUICE_CONNECT_REFUSED', { target: this.target })
  }

  /** Bodies fail with any error; who reads a reply or sends a request is the client, unless the error says otherwise. */
  #causedByReader(error: Error): AnyProxyError {
    return ProxyError.is(error)
      ? error
      : new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause: error, target: this.target })
  }
}

/** The fields as they would stand on the wire: with the framing that the body asks for. */
function framed(request: TransportRequest): HeaderList {
  const headers = request.headers.copy()
  const { length } = request.body
  if (length === undefined) {
    headers.delete('content-length')
    headers.set('Transfer-Encoding', 'chunked')
  } else {
    headers.delete('transfer-encoding')
    if (length > 0 || METHODS_WITH_CONTENT.has(request.method)) headers.set('Content-Length', String(length))
    else headers.delete('content-length')
  }
  if (request.upgrade !== undefined) headers.set('Connection', 'Upgrade').set('Upgrade', request.upgrade)
  return headers
}
