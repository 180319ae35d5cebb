import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, PREFACE } from '../../src/http2/frame-reader.ts'
import {
  DATA,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../src/http2/frame-types.ts'
import { cut } from '../http1/wire-text.ts'
import { frame } from './raw-client.ts'

/** What pieces mean: frames, with the parts of DATA put together. */
function read(pieces: readonly Buffer[]): string[] {
  const seen: string[] = []
  let data = ''
  const reader = new FrameReader({
    isOver: false,
    frame: (type, flags, stream, bytes, from, to) =>
      void seen.push(`${type} ${flags} ${stream} ${bytes.toString('latin1', from, to)}`),
    beginData: (flags, stream, length) => void (data = `data ${flags} ${stream} ${length} `),
    dataBytes: (bytes, from, to) => void (data += bytes.toString('latin1', from, to)),
    endData: () => void seen.push(data),
  })
  for (const piece of pieces) {
    // As in a socket's shared buffer: nothing may be looked at once the call is over.
    const lent = Buffer.from(piece)
    reader.read(lent, lent.byteLength)
    lent.fill(0xff)
  }
  return reader.isPartial ? [...seen, 'partial'] : seen
}

const SIZES = new Map<number, number>([
  [PING, 8],
  [WINDOW_UPDATE, 4],
  [SETTINGS, 6],
  [GOAWAY, 8],
])

const anyFrame = fc
  .tuple(
    fc.constantFrom(
      [HEADERS, 1],
      [DATA, 1],
      [0xbb, 0],
      [0xbb, 3],
      [PING, 0],
      [SETTINGS, 0],
      [GOAWAY, 0],
      [WINDOW_UPDATE, 5],
    ),
    fc.nat(255),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 300 }),
  )
  .map(([[type, stream], flags, content]) => {
    const size = SIZES.get(type)
    const payload = size === undefined ? content : content.padEnd(size, 'x').slice(0, size)
    const meaning =
      type === DATA && (flags & PADDED) === 0
        ? `data ${flags} ${stream} ${payload.length} ${payload}`
        : `${type} ${flags} ${stream} ${payload}`
    return { bytes: frame(type, flags, stream, payload), meaning }
  })

describe('frames', () => {
  it('mean the same however their bytes are split', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (frames, places) => {
        const bytes = Buffer.concat([PREFACE, ...frames.map((each) => each.bytes)])
        const expected = frames.map(({ meaning }) => meaning)
        expect(read([bytes])).toEqual(expected)
        expect(read(cut(bytes, places))).toEqual(expected)
        expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected)
      }),
      { numRuns: 200 },
    )
  })

  it('are waited for while they are not whole, but DATA is not', () => {
    expect(read([PREFACE.subarray(0, 5)])).toEqual(['partial'])
    expect(read([PREFACE])).toEqual([])
    expect(read([PREFACE, frame(PING, 0, 0, '12345678').subarray(0, 16)])).toEqual(['partial'])
    expect(read([PREFACE, frame(PING, 0, 0, '12345678').subarray(0, 8)])).toEqual(['partial'])
    expect(read([PREFACE, frame(DATA, 0, 1, '12345678').subarray(0, 12)])).toEqual([])
    expect(read([PREFACE, frame(DATA, PADDED, 1, '12345678').subarray(0, 12)])).toEqual(['partial'])
  })

  it('have the reserved bit of their stream ignored', () => {
    const bytes = frame(HEADERS, 4, 1, 'x')
    bytes[5]! |= 0x80
    expect(read([PREFACE, bytes])).toEqual([`${HEADERS} 4 1 x`])
  })

  it.each([
    ['one that is too large', frame(HEADERS, 0, 1, 'x'.repeat(16_385)), 6],
    ['one of no known type that is too large', frame(0xbb, 0, 1, 'x'.repeat(16_385)), 6],
    ['DATA that is too large', frame(DATA, 0, 1, 'x'.repeat(16_385)), 6],
    ['DATA of no stream', frame(DATA, 0, 0, 'x'), 1],
    ['HEADERS of no stream', frame(HEADERS, 0, 0, 'x'), 1],
    ['PRIORITY of no stream', frame(PRIORITY, 0, 0, '12345'), 1],
    ['PRIORITY of a wrong length', frame(PRIORITY, 0, 1, '1234'), 6],
    ['RST_STREAM of no stream', frame(RST_STREAM, 0, 0, '1234'), 1],
    ['RST_STREAM of a wrong length', frame(RST_STREAM, 0, 1, '12345'), 6],
    ['SETTINGS of a stream', frame(SETTINGS, 0, 1, ''), 1],
    ['SETTINGS of a wrong length', frame(SETTINGS, 0, 0, '12345'), 6],
    ['PING of a stream', frame(PING, 0, 1, '12345678'), 1],
    ['PING of a wrong length', frame(PING, 0, 0, '1234567'), 6],
    ['GOAWAY of a stream', frame(GOAWAY, 0, 1, '12345678'), 1],
    ['GOAWAY of a wrong length', frame(GOAWAY, 0, 0, '1234567'), 6],
    ['WINDOW_UPDATE of a wrong length', frame(WINDOW_UPDATE, 0, 0, '123'), 6],
  ] as const)('are refused by their first nine bytes: %s', (_what, bytes, code) => {
    const refusal = expect.objectContaining({ http2Code: code }) as Error
    expect(() => read([PREFACE, bytes.subarray(0, 9)])).toThrow(refusal)
    expect(() => read([PREFACE, bytes.subarray(0, 4), bytes.subarray(4, 9)])).toThrow(refusal)
  })
})
