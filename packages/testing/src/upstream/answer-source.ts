/** Where the body of an answer comes from, in both forms: a generator that flows into a sink as fast as that takes it. */
import { UpstreamError } from '@sluice/core'
import type { BodySink, BodySource } from '@sluice/wire'
import type { PreparedAnswer } from './answer.ts'

/** Lets the content of an answer flow. Content that fails aborts the body with `ERR_SLUICE_RESPONSE_TRUNCATED`. */
export class AnswerSource implements BodySource {
  readonly #answer: PreparedAnswer
  readonly #target: string
  #over = false
  #mayGoOn = false
  #wake: (() => void) | undefined

  constructor(answer: PreparedAnswer, target: string) {
    this.#answer = answer
    this.#target = target
  }

  start(sink: BodySink): void {
    void this.#pump(sink)
  }

  resume(): void {
    this.#mayGoOn = true
    this.#wake?.()
    this.#wake = undefined
  }

  cancel(_error: Error): void {
    if (this.#over) return
    this.#over = true
    this.resume()
    // The generator's own clean-up runs, as it would when a server's client leaves. Nobody is left to hear it fail.
    this.#answer.content?.return().catch(() => {})
  }

  async #pump(sink: BodySink): Promise<void> {
    try {
      for (;;) {
        const step = await this.#answer.content?.next()
        if (this.#over) return
        if (step === undefined || step.done === true) break
        this.#mayGoOn = false
        if (!sink.write(step.value)) await this.#go()
        if (this.#over) return
      }
    } catch (cause) {
      if (this.#over) return
      this.#over = true
      return sink.abort(new UpstreamError('ERR_SLUICE_RESPONSE_TRUNCATED', { cause, target: this.#target }))
    }
    this.#over = true
    sink.end(this.#answer.trailers)
  }

  /** Waits for `resume`, which may have been called from within the write that asked to wait. */
  async #go(): Promise<void> {
    if (!this.#mayGoOn) await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}
