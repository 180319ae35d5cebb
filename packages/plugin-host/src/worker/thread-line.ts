/** The plugin's thread's end of the line to the proxy's own. */
import type { MessagePort } from 'node:worker_threads'
import type { FormReader } from '../abi/binary-form.ts'
import { ByteRing } from './byte-ring.ts'
import { FrameWriter } from './frame-writer.ts'
import { Lookout } from './lookout.ts'
import { Questions } from './questions.ts'
import { CELL } from './shared-areas.ts'
import type { ThreadStart } from './thread-start.ts'

export class ThreadLine {
  readonly inbox: ByteRing
  /** For frames, and for questions: one may be asked while the other is being written. */
  readonly out: FrameWriter = new FrameWriter()
  readonly question: FrameWriter = new FrameWriter()
  readonly #outbox: ByteRing
  readonly #questions: Questions
  readonly #cells: Int32Array
  readonly #bell: MessagePort
  readonly #lookout = new Lookout()

  /** `bell` wakes the other thread. */
  constructor(
    { areas, parcels, longQuestions }: Pick<ThreadStart, 'areas' | 'parcels' | 'longQuestions'>,
    bell: MessagePort,
  ) {
    const { cells, toThread, fromThread, question } = areas
    this.inbox = new ByteRing(toThread, cells, CELL.toThreadWritten, CELL.toThreadRead, parcels)
    this.#outbox = new ByteRing(fromThread, cells, CELL.fromThreadWritten, CELL.fromThreadRead, parcels)
    this.#questions = new Questions(question, cells, longQuestions)
    this.#cells = cells
    this.#bell = bell
  }

  /** The number of the call whose guest runs. */
  get running(): number {
    return this.#cells[CELL.running]!
  }

  set running(number: number) {
    Atomics.store(this.#cells, CELL.running, number)
  }

  /** Sends a frame; stands still until there is room for it. */
  tell(frame: FrameWriter): void {
    const bytes = frame.finish()
    if (!this.#outbox.write(bytes)) this.#writeWhenRead(bytes)
    this.#ring()
  }

  ask(question: FrameWriter): FormReader {
    return this.#questions.ask(question.finish(), this.#ring)
  }

  /** The same, for an answer that is one number; it stands behind another that says nothing. */
  askNumber(question: FrameWriter): number {
    const answer = this.ask(question)
    answer.number()
    return answer.double()
  }

  /** Tells the proxy that there is room for its frames, where it waits for that. */
  tellRoom(): void {
    const cells = this.#cells
    if (Atomics.load(cells, CELL.proxyWantsRoom) === 1 && Atomics.exchange(cells, CELL.proxyWantsRoom, 0) === 1)
      this.#ring()
  }

  /** Waits until there is a frame: looks for one a little while where that has paid, then sleeps. */
  sleep(): void {
    if (this.#lookout.sees(this.inbox)) return
    const cells = this.#cells
    const seen = Atomics.load(cells, CELL.bell)
    Atomics.store(cells, CELL.asleep, 1)
    // Whoever writes after this look finds it asleep, and rings.
    if (this.inbox.isEmpty) Atomics.wait(cells, CELL.bell, seen)
    Atomics.store(cells, CELL.asleep, 0)
  }

  #writeWhenRead(bytes: Uint8Array): void {
    const cells = this.#cells
    for (;;) {
      Atomics.store(cells, CELL.wantsRoom, 1)
      const seen = this.#outbox.mark
      if (this.#outbox.write(bytes)) return
      this.#ring()
      Atomics.wait(cells, CELL.fromThreadRead, seen)
    }
  }

  readonly #ring = (): void => {
    if (Atomics.exchange(this.#cells, CELL.rung, 1) === 0) this.#bell.postMessage(0, [])
  }
}
