/** Generators of valid messages, odd ones included, for property tests. */
import * as fc from 'fast-check'
import type { ReadMessage } from './wire-text.ts'

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"
const token = (max: number) => textOf(TOKEN_CHARACTERS, 1, max)
const visible = rangeText(0x21, 0x7e)
const anyByte = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))

const FRAMING = /^(?:content-length|transfer-encoding)$/i
const name = fc
  .oneof(token(12), fc.constantFrom('Host', 'cookie', 'X-Odd', 'ETAG', 'Set-Cookie'))
  .filter((each) => !FRAMING.test(each))
/** As it is understood: without blanks around it. */
const value = fc
  .array(fc.oneof(visible, fc.constantFrom(' ', '\t', '\x80', '\xff', '  ,', '"', ';')), { maxLength: 12 })
  .map((parts) => parts.join('').replace(/^[ \t]+|[ \t]+$/g, ''))
const field = fc.tuple(name, value)
const blank = fc.constantFrom('', ' ', '\t', '  \t')
const fieldLine = fc.tuple(field, blank, blank).map(([[key, text], before, behind]) => ({
  field: [key, text] as const,
  line: `${key}:${before}${text}${behind}\r\n`,
}))

const quoted = fc
  .array(fc.constantFrom('a', ' ', ';', '\t', '\\"', '\\\\', '=', '\xe9'), { maxLength: 5 })
  .map((parts) => `"${parts.join('')}"`)
const extension = fc
  .tuple(token(4), fc.option(fc.oneof(token(4), quoted), { nil: undefined }))
  .map(([key, text]) => (text === undefined ? `;${key}` : `;${key}=${text}`))
const chunk = fc
  .tuple(
    anyByte.filter((text) => text !== ''),
    fc.array(extension, { maxLength: 2 }),
    fc.boolean(),
    fc.constantFrom('', '0', '000'),
  )
  .map(([text, extensions, isUpper, zeros]) => {
    const size = text.length.toString(16)
    return { text, wire: `${zeros}${isUpper ? size.toUpperCase() : size}${extensions.join('')}\r\n${text}\r\n` }
  })

interface BodyPart {
  readonly framing: string | undefined
  readonly framingName: string
  readonly content: string
  readonly wire: string
  readonly trailers: readonly (readonly [string, string])[]
}

const NONE: BodyPart = { framing: undefined, framingName: '', content: '', wire: '', trailers: [] }
const sized: fc.Arbitrary<BodyPart> = fc
  .tuple(anyByte, fc.constantFrom('Content-Length', 'content-length', 'CONTENT-length'))
  .map(([content, framingName]) => ({
    framing: String(content.length),
    framingName,
    content,
    wire: content,
    trailers: [],
  }))
const chunked: fc.Arbitrary<BodyPart> = fc
  .tuple(
    fc.array(chunk, { maxLength: 3 }),
    fc.array(fieldLine, { maxLength: 2 }),
    fc.constantFrom('chunked', 'Chunked', 'CHUNKED'),
  )
  .map(([chunks, trailers, framing]) => ({
    framing,
    framingName: 'Transfer-Encoding',
    content: chunks.map(({ text }) => text).join(''),
    wire: `${chunks.map(({ wire }) => wire).join('')}0\r\n${trailers.map(({ line }) => line).join('')}\r\n`,
    trailers: trailers.map(({ field: each }) => each),
  }))

/** A message, and what it means. */
export interface Generated {
  readonly wire: string
  readonly meaning: ReadMessage
}

function message(
  start: fc.Arbitrary<readonly [line: string, meaning: string]>,
  body: fc.Arbitrary<BodyPart>,
): fc.Arbitrary<Generated> {
  return fc
    .tuple(start, fc.array(fieldLine, { maxLength: 5 }), body, fc.nat())
    .map(([[line, meaning], lines, part, place]) => {
      const all = [...lines]
      if (part.framing !== undefined) {
        const framing = [part.framingName, part.framing] as const
        all.splice(place % (lines.length + 1), 0, { field: framing, line: `${framing[0]}: ${framing[1]}\r\n` })
      }
      return {
        wire: `${line}\r\n${all.map((each) => each.line).join('')}\r\n${part.wire}`,
        meaning: { start: meaning, fields: all.map((each) => each.field), body: part.content, trailers: part.trailers },
      }
    })
}

const requestLine = fc
  .tuple(
    textOf(TOKEN_CHARACTERS.toUpperCase(), 1, 8),
    fc.array(visible, { minLength: 1, maxLength: 20 }).map((parts) => parts.join('')),
  )
  .map(([method, target]) => [`${method} ${target} HTTP/1.1`, `${method} ${target} 1.1`] as const)
const statusLine = fc
  .tuple(
    fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
    value,
  )
  .map(([status, reason]) => [`HTTP/1.1 ${status} ${reason}`, `${status} 1.1`] as const)

/** Any valid request. */
export const anyRequest: fc.Arbitrary<Generated> = message(requestLine, fc.oneof(fc.constant(NONE), sized, chunked))
/** Any valid reply that says where it ends. */
export const anyReply: fc.Arbitrary<Generated> = message(statusLine, fc.oneof(sized, chunked))

function textOf(characters: string, min: number, max: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...characters.split('')), { minLength: min, maxLength: max })
    .map((each) => each.join(''))
}

function rangeText(from: number, to: number): fc.Arbitrary<string> {
  return fc.integer({ min: from, max: to }).map((code) => String.fromCharCode(code))
}
