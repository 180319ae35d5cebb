/** One response in memory, with its places in the queue and in the indexes. */
import type { BodySource } from '@sluice/wire'
import { readingBytes } from '../../policy/reading.ts'
import type { EntryQueue, Queued } from '../index/entry-queue.ts'
import { OBJECT_BYTES, POINTER_BYTES, stringBytes } from '../index/heap-costs.ts'
import type { TagIndexed, TagLink } from '../index/tag-index.ts'
import type { UrlBlock, UrlIndexed } from '../index/url-index.ts'
import type { EntryHead, StoredEntry } from '../store.ts'
import { ByteSource } from './byte-source.ts'
import { type PackedHead, packedBytes, unpackedBytes, unpackHead } from './packed-head.ts'

/** A body in memory: small ones as text, others in exact pieces. */
export interface MemoryBody {
  readonly length: number
  readonly text: string | undefined
  readonly pieces: readonly Buffer[]
  /** What it takes, and which part of it lies on V8's heap. */
  readonly bytes: number
  readonly heapBytes: number
}

/** The entry with its 15 fields, and its body with five. */
const ENTRY_BYTES = 2 * OBJECT_BYTES + 20 * POINTER_BYTES

export class MemoryEntry implements StoredEntry, Queued<MemoryEntry>, UrlIndexed<MemoryEntry>, TagIndexed<MemoryEntry> {
  readonly key: string
  readonly packed: PackedHead
  readonly body: MemoryBody
  /** Tells it from others with the same URL, in the order in which they came. */
  readonly number: number
  /** `expiresAt` in seconds: a small integer, which stands in the object itself. */
  readonly expirySeconds: number
  /** What it takes beside its body. */
  headBytes: number
  staleSince: number | undefined = undefined
  reading: unknown = undefined
  /** How often it was asked for since it came into its queue, up to 3. */
  uses = 0
  queue: EntryQueue<MemoryEntry> | undefined = undefined
  newer: MemoryEntry | undefined = undefined
  older: MemoryEntry | undefined = undefined
  urlBlock: UrlBlock<MemoryEntry> | undefined = undefined
  tagLinks: readonly TagLink<MemoryEntry>[] | undefined = undefined
  #head: EntryHead | undefined = undefined

  constructor(key: string, packed: PackedHead, body: MemoryBody, number: number, headBytes: number) {
    this.key = key
    this.packed = packed
    this.body = body
    this.number = number
    this.expirySeconds = Math.ceil(packed.expiresAt / 1_000)
    this.headBytes = headBytes
  }

  /** Once {@link unpack} was called, the same each time. */
  get head(): EntryHead {
    return this.#head ?? unpackHead(this.packed)!
  }

  get url(): string {
    return this.packed.url
  }

  get tags(): readonly string[] {
    return this.packed.tags
  }

  get isPacked(): boolean {
    return this.#head === undefined
  }

  get bodyBytes(): number {
    return this.body.length
  }

  get text(): string | undefined {
    return this.body.text
  }

  get bytes(): Uint8Array | undefined {
    const { text, pieces } = this.body
    if (text !== undefined) return Buffer.from(text, 'latin1')
    return pieces.length === 1 ? pieces[0] : undefined
  }

  get cost(): number {
    return this.headBytes + this.body.bytes
  }

  get heapCost(): number {
    return this.headBytes + this.body.heapBytes
  }

  /** Keeps the unpacked head from now on. Gives how many bytes more that takes, or `undefined` where there is something wrong with it. */
  unpack(): number | undefined {
    this.#head = unpackHead(this.packed)
    if (this.#head === undefined) return undefined
    const bytes = unpackedBytes(this.#head) + readingBytes(this.#head.headers.length)
    this.headBytes += bytes
    return bytes
  }

  isOver(wallTime: number): boolean {
    return this.expirySeconds * 1_000 <= wallTime
  }

  open(start: number, end: number): BodySource {
    const { text, pieces } = this.body
    return new ByteSource(text === undefined ? pieces : [Buffer.from(text, 'latin1')], start, end)
  }
}

/** What a new entry takes beside its body and its places in the indexes. */
export function entryBytes(key: string, packed: PackedHead): number {
  return ENTRY_BYTES + stringBytes(key) + packedBytes(packed)
}
