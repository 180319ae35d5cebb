/** Frames come out as they went in, wherever in the ring they stand, and whatever its counts are. */
import { MessageChannel } from 'node:worker_threads'
import { seededRandom } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ByteRing } from '../../src/worker/byte-ring.ts'
import { numberAfter } from '../../src/worker/numbers.ts'
import { CELL, newAreas, RING_BYTES } from '../../src/worker/shared-areas.ts'

/** Both ends of a ring, whose counts begin at `count`. */
function ring(count = 0) {
  const { cells, toThread } = newAreas()
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port1.close())
  cells[CELL.toThreadWritten] = cells[CELL.toThreadRead] = count
  const end = (port: typeof port1) => new ByteRing(toThread, cells, CELL.toThreadWritten, CELL.toThreadRead, port)
  return { writer: end(port1), reader: end(port2) }
}

function frameOf(length: number, kind: number): Buffer {
  const frame = Buffer.alloc(Math.max(4, length), kind)
  frame.writeUInt32LE(kind)
  return frame
}

/** The longest that stands in the ring, and what is about as long as that or as all of it. */
const LENGTHS = [
  0,
  1,
  3,
  4,
  5,
  1_000,
  RING_BYTES / 4 - 1,
  RING_BYTES / 4,
  RING_BYTES / 4 + 1,
  RING_BYTES,
  RING_BYTES + 1,
]

describe('a ring of bytes', () => {
  it.each([0, -4, -RING_BYTES + 8, 0x7fff_fff0 | 0, -RING_BYTES / 2])('with its counts at %i', (count) => {
    const { writer, reader } = ring(count)
    const random = seededRandom(7)
    const inside: Buffer[] = []
    let refusals = 0
    for (let i = 0; i < 3_000; i++) {
      const frame = frameOf(LENGTHS[Math.floor(random() * LENGTHS.length)]! - Math.floor(random() * 9), i % 251)
      if (writer.write(frame)) inside.push(frame)
      else refusals++
      expect(reader.isEmpty).toBe(inside.length === 0)
      for (let reads = Math.floor(random() * 3); reads > 0 && inside.length > 0; reads--) {
        const before = reader.mark
        expect(reader.next()!.equals(inside.shift()!)).toBe(true)
        reader.release()
        expect(reader.mark).not.toBe(before)
      }
    }
    for (const frame of inside) {
      expect(reader.next()!.equals(frame)).toBe(true)
      reader.release()
    }
    expect([reader.next(), reader.isEmpty, reader.mark]).toEqual([undefined, true, reader.end])
    expect(refusals).toBeGreaterThan(100)
  })

  it('takes the longest frame whenever it is empty', () => {
    for (let count = 0; count < RING_BYTES; count += 4_092) {
      const { writer, reader } = ring(count)
      const frame = frameOf(RING_BYTES / 4, 1)
      expect([writer.write(frame), reader.next()!.equals(frame)]).toEqual([true, true])
    }
  })

  it('says whether there may be a frame of a kind, without reading it', () => {
    const { writer, reader } = ring(RING_BYTES - 64)
    for (const kind of [1, 2, 1]) writer.write(frameOf(28, kind))
    expect([reader.mayHold(1), reader.mayHold(2), reader.mayHold(3)]).toEqual([true, true, false])
    for (let i = 0; i < 2; i++) {
      reader.next()
      reader.release()
    }
    expect([reader.mayHold(1), reader.mayHold(2)]).toEqual([true, false])
    // What that is will be known when it is read.
    writer.write(frameOf(RING_BYTES, 1))
    expect(reader.mayHold(3)).toBe(true)
  })
})

it('numbers are never 0, and fit into 31 bits', () => {
  expect([numberAfter(0), numberAfter(41), numberAfter(0x7fff_fffe), numberAfter(0x7fff_ffff)]).toEqual([
    1, 42, 0x7fff_ffff, 1,
  ])
})
