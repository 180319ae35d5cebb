/**
 * Questions of a guest for whose answer it stands still: its thread sleeps until the proxy's own has answered. Both sides are
 * here, so that what one writes is what the other reads.
 */
import type { MessagePort } from 'node:worker_threads'
import { FormReader } from '../abi/binary-form.ts'
import { postParcel, takeParcel } from './byte-ring.ts'
import { CELL, QUESTION, QUESTION_BYTES } from './shared-areas.ts'

const PARCEL = -1

/** One question at a time, and its answer. */
export class Questions {
  readonly #bytes: Buffer
  readonly #cells: Int32Array
  readonly #parcels: MessagePort

  constructor(area: SharedArrayBuffer, cells: Int32Array, parcels: MessagePort) {
    this.#bytes = Buffer.from(area)
    this.#cells = cells
    this.#parcels = parcels
  }

  /** Of the plugin's thread: asks, sleeps, and gives the answer. `ring` tells the other thread. */
  ask(question: Uint8Array, ring: () => void): FormReader {
    const cells = this.#cells
    this.#put(question)
    Atomics.store(cells, CELL.question, QUESTION.asked)
    ring()
    while (Atomics.load(cells, CELL.question) === QUESTION.asked) Atomics.wait(cells, CELL.question, QUESTION.asked)
    const answer = new FormReader(Buffer.from(this.#take()))
    Atomics.store(cells, CELL.question, QUESTION.none)
    return answer
  }

  /** Of the proxy's thread: answers the question, where there is one. Whether there was. */
  answer(reply: (question: FormReader) => Uint8Array): boolean {
    const cells = this.#cells
    if (Atomics.load(cells, CELL.question) !== QUESTION.asked) return false
    this.#put(reply(new FormReader(this.#take())))
    Atomics.store(cells, CELL.question, QUESTION.answered)
    Atomics.notify(cells, CELL.question)
    return true
  }

  #put(form: Uint8Array): void {
    const isParcel = form.length > QUESTION_BYTES
    this.#bytes.writeInt32LE(isParcel ? PARCEL : form.length, 0)
    if (isParcel) postParcel(this.#parcels, form)
    else this.#bytes.set(form, 4)
  }

  #take(): Buffer {
    const length = this.#bytes.readInt32LE(0)
    return length === PARCEL ? Buffer.from(takeParcel(this.#parcels).buffer) : this.#bytes.subarray(4, 4 + length)
  }
}
