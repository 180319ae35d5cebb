/** Makes entries: a head first, whose room is reserved while the body arrives; then the whole. Counts what all of it takes. */
import { isStringOneByteRepresentation } from 'node:v8'
import { ARRAY_BYTES, BUFFER_BYTES, POINTER_BYTES } from '../index/heap-costs.ts'
import { TAG_LINK_BYTES } from '../index/tag-index.ts'
import { URL_PLACE_BYTES } from '../index/url-index.ts'
import type { EntryHead } from '../store.ts'
import type { ByteArena } from './byte-arena.ts'
import { entryBytes, MemoryEntry } from './memory-entry.ts'
import { ownText } from './owned-text.ts'
import { type HeadFacts, packHead } from './packed-head.ts'

/** An entry that has no body yet. */
export interface PendingEntry {
  readonly key: string
  readonly facts: HeadFacts
  /** The packed head; empty where it is not for the arena. Shares memory with what it came in. */
  readonly headText: string
  /** Then this is it. */
  readonly longHead: string | undefined
  /** What it takes beside its body, and how much of that on V8's heap. */
  readonly bytes: number
  readonly heapBytes: number
  readonly generation: number
}

/** A whole body: a small one as latin1 text, another one in pieces. */
export interface WrittenBody {
  readonly length: number
  readonly text: string | undefined
  readonly pieces: readonly Buffer[] | undefined
}

/** Of a Buffer, what lies on V8's heap. */
const BUFFER_HEAP_BYTES = 200

export class EntryMaker {
  readonly #arena: ByteArena
  #number = 0

  constructor(arena: ByteArena) {
    this.#arena = arena
  }

  /** `key` is a string of the store's own. */
  begin(key: string, head: EntryHead, generation: number): PendingEntry {
    const { facts, text } = packHead(head, key)
    const isLong = text.length > this.#arena.maxTextBytes || !isStringOneByteRepresentation(text)
    const longHead = isLong ? ownText(text) : undefined
    const headText = isLong ? '' : text
    const heapBytes = entryBytes(key, facts, longHead) + placesBytes(facts.tags)
    const bytes = heapBytes + this.#arena.costOf(headText.length)
    return { key, facts, headText, longHead, bytes, heapBytes, generation }
  }

  finish(pending: PendingEntry, { length, text = '', pieces }: WrittenBody): MemoryEntry {
    const { key, facts, headText, longHead, bytes, heapBytes } = pending
    const body =
      pieces === undefined ? { bytes: this.#arena.costOf(length), heapBytes: 0 } : piecesCost(pieces.length, length)
    const parts = {
      key,
      facts,
      longHead,
      text: this.#arena.put(headText, text),
      headChars: headText.length,
      bodyBytes: length,
      pieces,
      heapBytes: heapBytes + body.heapBytes,
      otherBytes: bytes - heapBytes + body.bytes - body.heapBytes,
    }
    return new MemoryEntry(parts, this.#number++)
  }
}

/** What a body in so many pieces takes, and how much of that on V8's heap. */
function piecesCost(count: number, length: number): { bytes: number; heapBytes: number } {
  return {
    bytes: ARRAY_BYTES + count * (POINTER_BYTES + BUFFER_BYTES) + length,
    heapBytes: ARRAY_BYTES + count * (POINTER_BYTES + BUFFER_HEAP_BYTES),
  }
}

/** For an entry's places in the indexes. */
function placesBytes({ length }: readonly string[]): number {
  return URL_PLACE_BYTES + (length === 0 ? 0 : ARRAY_BYTES + length * (POINTER_BYTES + TAG_LINK_BYTES))
}
