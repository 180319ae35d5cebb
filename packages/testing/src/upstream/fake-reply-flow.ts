/** The body of a fake upstream's reply on its way: watched for silence, and able to fail from outside. */
import { UpstreamError, type AnyProxyError } from '@sluice/core'
import type { BodyFlow, BodySink, BodySource, Clock, HeaderList, ScheduledCall } from '@sluice/wire'
import { AnswerSource } from './answer-source.ts'
import type { PreparedAnswer } from './answer.ts'

/** Learns how the body ended; exactly one of the two is called, once, unless {@link FakeReplyFlow.fail} was. */
export interface FakeReplyEnd {
  ended(error: AnyProxyError | undefined): void
  /** Whoever read it, or was to read it, does not want it. */
  cancelled(error: Error): void
}

/** Stands between the answer's content, whose sink it is, and the reader, whose source it is. */
export class FakeReplyFlow implements BodySource, BodySink {
  readonly #content: AnswerSource
  readonly #target: string
  readonly #clock: Clock
  readonly #idleTimeoutMs: number
  readonly #end: FakeReplyEnd
  #sink: BodySink | undefined
  #idleTimer: ScheduledCall | undefined
  #over = false
  #heldBack = false
  #failure: AnyProxyError | undefined

  constructor(answer: PreparedAnswer, target: string, clock: Clock, idleTimeoutMs: number, end: FakeReplyEnd) {
    this.#content = new AnswerSource(answer, target)
    this.#target = target
    this.#clock = clock
    this.#idleTimeoutMs = idleTimeoutMs
    this.#end = end
  }

  // As the reader's source.

  start(sink: BodySink): void {
    if (this.#failure !== undefined) return sink.abort(this.#failure)
    this.#sink = sink
    this.#watch()
    this.#content.start(this)
  }

  resume(): void {
    if (this.#heldBack) this.#watch()
    this.#heldBack = false
    this.#content.resume()
  }

  cancel(error: Error): void {
    if (!this.#stop()) return
    this.#content.cancel(error)
    this.#end.cancelled(error)
  }

  /** The attempt has failed elsewhere: the reader is told, `end` is not. */
  fail(error: AnyProxyError): void {
    if (!this.#stop()) return
    this.#failure = error
    this.#content.cancel(error)
    this.#sink?.abort(error)
  }

  // As the content's sink.

  begin(_flow: BodyFlow): void {}

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#sink === undefined) return true
    // A reader that holds back keeps the upstream silent: that is not for the upstream to answer for.
    this.#idleTimer?.cancel()
    this.#heldBack = true
    if (this.#sink.write(chunk)) this.resume()
    return !this.#heldBack
  }

  end(trailers?: HeaderList): void {
    if (!this.#stop()) return
    this.#sink?.end(trailers)
    this.#end.ended(undefined)
  }

  abort(error: Error): void {
    if (!this.#stop()) return
    const failure = new UpstreamError('ERR_SLUICE_RESPONSE_TRUNCATED', { cause: error.cause, target: this.#target })
    this.#sink?.abort(failure)
    this.#end.ended(failure)
  }

  #watch(): void {
    this.#idleTimer?.cancel()
    if (this.#over || this.#idleTimeoutMs <= 0) return
    this.#idleTimer = this.#clock.schedule(this.#idleTimeoutMs, () => {
      const silence = new UpstreamError('ERR_SLUICE_BODY_IDLE', { target: this.#target })
      this.fail(silence)
      this.#end.ended(silence)
    })
  }

  /** Whether it was still going. */
  #stop(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#idleTimer?.cancel()
    return true
  }
}
