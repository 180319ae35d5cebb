/**
 * Frames of bytes from one thread to another, through a ring in shared memory: one writes, one reads, nobody locks. A frame
 * stands in one piece, so that it is read where it stands; one that is long goes as a message, and only its mark through the ring.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { RING_BYTES } from './shared-areas.ts'

const MASK = RING_BYTES - 1
const LONGEST_FRAME = RING_BYTES >> 2
const LENGTH_BYTES = 4
/** In the place of a length: the rest of the ring is not used; the frame comes as a message. */
const SKIP = -1
const PARCEL = -2

export class ByteRing {
  readonly #bytes: Buffer
  readonly #cells: Int32Array
  /** The places of its two counts, which wrap around at 2^32 as the ring does at its end. */
  readonly #written: number
  readonly #read: number
  readonly #parcels: MessagePort
  /** Of the frame that was read last. */
  #size = 0

  constructor(area: SharedArrayBuffer, cells: Int32Array, written: number, read: number, parcels: MessagePort) {
    this.#bytes = Buffer.from(area)
    this.#cells = cells
    this.#written = written
    this.#read = read
    this.#parcels = parcels
  }

  /** Whether all that was written was read, and let go. */
  get isEmpty(): boolean {
    return Atomics.load(this.#cells, this.#written) === Atomics.load(this.#cells, this.#read)
  }

  /** How far it was read: another number after each frame. */
  get mark(): number {
    return Atomics.load(this.#cells, this.#read)
  }

  /** How far it was written: what {@link mark} is when all of that was read. */
  get end(): number {
    return Atomics.load(this.#cells, this.#written)
  }

  /** Whether there was room. */
  write(frame: Uint8Array): boolean {
    const cells = this.#cells
    const bytes = this.#bytes
    const written = Atomics.load(cells, this.#written)
    const used = (written - Atomics.load(cells, this.#read)) >>> 0
    const isParcel = frame.length > LONGEST_FRAME
    const size = isParcel ? LENGTH_BYTES : sizeOf(frame.length)
    let at = written & MASK
    const skipped = size > RING_BYTES - at ? RING_BYTES - at : 0
    if (used + skipped + size > RING_BYTES) return false
    if (skipped > 0) {
      bytes.writeInt32LE(SKIP, at)
      at = 0
    }
    if (isParcel) {
      postParcel(this.#parcels, frame)
      bytes.writeInt32LE(PARCEL, at)
    } else {
      bytes.writeInt32LE(frame.length, at)
      bytes.set(frame, at + LENGTH_BYTES)
    }
    Atomics.store(cells, this.#written, (written + skipped + size) | 0)
    return true
  }

  /** The next frame, where there is one: good until {@link release}, which has to come before the next. */
  next(): Buffer | undefined {
    const cells = this.#cells
    for (;;) {
      const read = Atomics.load(cells, this.#read)
      if (read === Atomics.load(cells, this.#written)) return undefined
      const at = read & MASK
      const length = this.#bytes.readInt32LE(at)
      if (length === SKIP) {
        Atomics.store(cells, this.#read, (read + RING_BYTES - at) | 0)
        continue
      }
      this.#size = length === PARCEL ? LENGTH_BYTES : sizeOf(length)
      if (length !== PARCEL) return this.#bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length)
      const { buffer } = takeParcel(this.#parcels)
      return Buffer.from(buffer)
    }
  }

  /** Whether one of the frames that are there begins with this number, or comes as a message and so may do. */
  mayHold(kind: number): boolean {
    const bytes = this.#bytes
    const { end } = this
    for (let read = this.mark; read !== end;) {
      const at = read & MASK
      const length = bytes.readInt32LE(at)
      if (length === PARCEL) return true
      if (length !== SKIP && bytes.readUInt32LE(at + LENGTH_BYTES) === kind) return true
      read = (read + (length === SKIP ? RING_BYTES - at : sizeOf(length))) | 0
    }
    return false
  }

  /** Makes room of the frame that was read. */
  release(): void {
    Atomics.store(this.#cells, this.#read, (Atomics.load(this.#cells, this.#read) + this.#size) | 0)
  }
}

/** Posts a copy. */
export function postParcel(parcels: MessagePort, bytes: Uint8Array): void {
  const copy = Uint8Array.from(bytes)
  parcels.postMessage(copy, [copy.buffer])
}

/** Bytes that were posted before this was known to the receiver, and so are there. */
export function takeParcel(parcels: MessagePort): Uint8Array<ArrayBuffer> {
  const { message } = receiveMessageOnPort(parcels)!
  return message as Uint8Array<ArrayBuffer>
}

/** Lengths stand at multiples of four, so that there is always room for one. */
function sizeOf(length: number): number {
  return (LENGTH_BYTES + length + 3) & ~3
}
