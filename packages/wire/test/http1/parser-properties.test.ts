import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lastChunk, serializeReplyHead, serializeRequestHead } from '../../src/http1/serialize.ts'
import { HeaderList } from '../../src/index.ts'
import { anyReply, anyRequest } from './messages.ts'
import { referenceRequests } from './reference.ts'
import { cut, readPieces, readText } from './wire-text.ts'

const places = fc.array(fc.nat(), { maxLength: 12 })

describe.each([
  ['request', anyRequest],
  ['reply', anyReply],
] as const)('a valid %s', (kind, anyMessage) => {
  it('means the same however it is split', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 3 }), places, (messages, at) => {
        const bytes = Buffer.from(messages.map(({ wire }) => wire).join(''), 'latin1')
        const expected = { messages: messages.map(({ meaning }) => meaning), end: 'whole' }
        expect(readPieces(kind, [bytes])).toEqual(expected)
        expect(readPieces(kind, cut(bytes, at))).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('means the same byte by byte', () => {
    fc.assert(
      fc.property(anyMessage, ({ wire, meaning }) => {
        const pieces = [...Buffer.from(wire, 'latin1')].map((byte) => Buffer.from([byte]))
        expect(readPieces(kind, pieces)).toEqual({ messages: [meaning], end: 'whole' })
      }),
      { numRuns: 100 },
    )
  })

  it('is not taken for whole before its last byte', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), ({ wire }, place) => {
        const { messages, end } = readText(kind, wire.slice(0, place % wire.length))
        expect(messages).toEqual([])
        expect(end).toBe(place % wire.length === 0 ? 'whole' : 'more')
      }),
      { numRuns: 100 },
    )
  })

  it('is what it was once it is written and read again', () => {
    fc.assert(
      fc.property(anyMessage, ({ meaning }) => {
        const [first, second] = meaning.start.split(' ') as [string, string]
        const headers = new HeaderList(meaning.fields)
        const head =
          kind === 'request'
            ? serializeRequestHead(first, second, headers, '')
            : serializeReplyHead(Number(first), headers, '')
        const isChunked = headers.has('transfer-encoding')
        const sizeLine = meaning.body === '' ? '' : `${meaning.body.length.toString(16)}\r\n${meaning.body}\r\n`
        const body = isChunked ? sizeLine + lastChunk(undefined) : meaning.body
        expect(readText(kind, head + body)).toEqual({ messages: [{ ...meaning, trailers: [] }], end: 'whole' })
      }),
      { numRuns: 200 },
    )
  })
})

describe('a request with one byte changed', () => {
  const mutated = fc
    .tuple(fc.array(anyRequest, { minLength: 1, maxLength: 2 }), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([messages, place, byte]) => {
      const bytes = Buffer.from(messages.map(({ wire }) => wire).join(''), 'latin1')
      bytes[place % bytes.length] = byte
      return bytes
    })

  it('is refused, or read as an independent strict reader reads it', () => {
    fc.assert(
      fc.property(mutated, places, (bytes, at) => {
        const reading = readPieces('request', [bytes])
        const split = readPieces('request', cut(bytes, at))
        expect(split.messages).toEqual(reading.messages)
        expect(split.end === 'whole').toBe(reading.end === 'whole')
        const text = bytes.toString('latin1')
        if (reading.end === 'whole') expect(referenceRequests(text)).toEqual(reading.messages)
        else expect(referenceRequests(text)).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
  })
})
