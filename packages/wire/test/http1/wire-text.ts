/** Messages read with the engine's parsers, piece by piece, and written as text: what the parser tests share. */
import { ChunkedDecoder } from '../../src/http1/chunked-decoder.ts'
import { CHUNKED, replyFraming } from '../../src/http1/framing.ts'
import { HeadReader } from '../../src/http1/head-reader.ts'
import { DEFAULT_LIMITS, type MessageLimits } from '../../src/http1/limits.ts'
import { MessageError } from '../../src/http1/message-error.ts'
import { parseReplyHead } from '../../src/http1/reply-head.ts'
import { parseRequestHead } from '../../src/http1/request-head.ts'

/** A message as it was understood. */
export interface ReadMessage {
  /** Method, target and version, or status and version. */
  readonly start: string
  readonly fields: readonly (readonly [string, string])[]
  readonly body: string
  readonly trailers: readonly (readonly [string, string])[]
}

/** All that was read: whole messages, and what became of the rest. */
export interface Reading {
  readonly messages: readonly ReadMessage[]
  readonly end: 'whole' | 'more' | MessageError['fault']
}

type Kind = 'request' | 'reply'

/** Reads messages out of pieces, one after the other, as a connection does. */
export function readPieces(kind: Kind, pieces: readonly Buffer[], limits: MessageLimits = DEFAULT_LIMITS): Reading {
  const heads = new HeadReader(limits.maxHeadBytes, { skipsEmptyLine: kind === 'request' })
  const messages: ReadMessage[] = []
  let open: { message: ReadMessage; left: number; decoder: ChunkedDecoder | undefined; body: string } | undefined
  const finish = (): void => {
    const trailers = [...(open!.decoder?.trailers ?? [])]
    messages.push({ ...open!.message, body: open!.body, trailers })
    open = undefined
  }
  const read = (bytes: Buffer, from: number): number => {
    if (open === undefined) {
      const behind = heads.read(bytes, from, bytes.length)
      if (behind < 0) return bytes.length
      const { message, framing } = headOf(kind, heads, limits)
      open = { message, left: framing, decoder: framing === CHUNKED ? new ChunkedDecoder(limits) : undefined, body: '' }
      if (framing === 0) finish()
      return behind
    }
    const { decoder } = open
    if (decoder !== undefined) {
      const end = decoder.decode(bytes, from, bytes.length, (chunk, start, until) => {
        open!.body += chunk.toString('latin1', start, until)
      })
      if (decoder.isDone) finish()
      return end
    }
    const end = Math.min(bytes.length, from + open.left)
    open.body += bytes.toString('latin1', from, end)
    open.left -= end - from
    if (open.left === 0) finish()
    return end
  }
  try {
    for (const piece of pieces) for (let at = 0; at < piece.length;) at = read(piece, at)
  } catch (error) {
    if (error instanceof MessageError) return { messages, end: error.fault }
    throw error
  }
  return { messages, end: open === undefined && !heads.isPartial ? 'whole' : 'more' }
}

/** Reads one text in one piece. */
export function readText(kind: Kind, text: string, limits?: MessageLimits): Reading {
  return readPieces(kind, [Buffer.from(text, 'latin1')], limits)
}

/** Cuts bytes at the given places. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...at].map((from, i) => Buffer.from(bytes.subarray(from, at[i] ?? bytes.length)))
}

function headOf(kind: Kind, heads: HeadReader, limits: MessageLimits): { message: ReadMessage; framing: number } {
  if (kind === 'request') {
    const { method, target, httpVersion, headers, framing } = parseRequestHead(heads.text, heads.end, limits)
    return {
      message: { start: `${method} ${target} ${httpVersion}`, fields: [...headers], body: '', trailers: [] },
      framing,
    }
  }
  const { status, httpVersion, headers } = parseReplyHead(heads.text, heads.end, limits)
  const framing = replyFraming(status, 'GET', headers, httpVersion === '1.0')
  const message = { start: `${status} ${httpVersion}`, fields: [...headers], body: '', trailers: [] }
  return { message, framing: framing < CHUNKED ? Number.POSITIVE_INFINITY : framing }
}
