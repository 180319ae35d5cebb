/** What threads want of the proxy while calls are under way: lines of a log, metrics, timers, and answers to questions. */
import type { FormReader } from '../abi/binary-form.ts'
import { LOG_LEVELS, type PluginServices } from '../host-functions/guest.ts'
import { METRIC_KINDS } from '../observe/plugin-metrics.ts'
import { answerQuestion } from './answer-question.ts'
import { FROM_THREAD, TO_THREAD } from './frame-kinds.ts'
import { FrameWriter } from './frame-writer.ts'
import { guarded } from './pending-call.ts'
import type { PluginThread } from './plugin-thread.ts'
import { ThreadTimers } from './thread-timers.ts'

export class GuestRequests {
  readonly #services: PluginServices
  readonly #send: (thread: PluginThread, frame: FrameWriter) => void
  readonly #timers: ThreadTimers
  readonly #out = new FrameWriter()
  readonly #answer = new FrameWriter()

  /** `send` sends a frame about a call that waits. */
  constructor(services: PluginServices, send: (thread: PluginThread, frame: FrameWriter) => void) {
    const { clock } = services
    this.#services = services
    this.#send = send
    this.#timers = new ThreadTimers(clock, (thread, number) =>
      send(thread, this.#out.begin(TO_THREAD.timer).double(clock.now()).double(clock.wallTime()).number(number)),
    )
  }

  /** A frame of one of these kinds; `form` is behind it. */
  told(thread: PluginThread, kind: number, form: FormReader): void {
    const services = this.#services
    switch (kind) {
      case FROM_THREAD.log: {
        const call = thread.calls.get(form.number())
        const by = { services, call: { exchange: call?.subject.exchange } }
        return guarded(call, () => services.log(LOG_LEVELS[form.number()]!, form.wide(), by))
      }
      case FROM_THREAD.metric:
        return void services.metrics.record(METRIC_KINDS[form.number()]!, form.text(), form.double())
      case FROM_THREAD.timer:
        return this.#timers.set(thread, form.number(), form.double())
      default:
        return this.#timers.cancel(thread, form.number())
    }
  }

  /** The answer to a question. */
  asked(thread: PluginThread, question: FormReader): Uint8Array {
    const ended = (call: number, write: (out: FrameWriter) => void): void => {
      if (!thread.calls.has(call)) return
      write(this.#out.begin(TO_THREAD.httpEnded).number(call))
      this.#send(thread, this.#out)
    }
    // Where there is no answer it is nothing, or 0.
    this.#answer.begin(0).double(0)
    guarded(thread.calls.get(thread.running), () =>
      answerQuestion(question, this.#answer, this.#services, (call) => thread.calls.get(call)?.http, ended),
    )
    return this.#answer.finish()
  }

  /** The thread is gone. */
  forget(thread: PluginThread): void {
    this.#timers.forget(thread)
  }
}
