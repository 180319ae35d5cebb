/** One response in memory, with its places in the queue and in the indexes. */
import type { BodySource } from '@sluice/wire'
import { readingBytes } from '../../policy/reading.ts'
import type { EntryQueue, Queued } from '../index/entry-queue.ts'
import { OBJECT_BYTES, POINTER_BYTES, stringBytes } from '../index/heap-costs.ts'
import type { TagIndexed, TagLink } from '../index/tag-index.ts'
import type { UrlBlock, UrlIndexed } from '../index/url-index.ts'
import type { EntryHead, StoredEntry } from '../store.ts'
import type { ArenaText } from './arena-page.ts'
import type { ByteArena } from './byte-arena.ts'
import { ByteSource } from './byte-source.ts'
import { factsBytes, type HeadFacts, unpackedBytes, unpackHead } from './packed-head.ts'

/** What an entry is made of. */
export interface EntryParts {
  readonly key: string
  readonly facts: HeadFacts
  /** The packed head, where it is too long for the arena or has characters that are no bytes. */
  readonly longHead: string | undefined
  /** The packed head, and behind it the body, as far as they stand there. */
  readonly text: ArenaText
  readonly headChars: number
  readonly bodyBytes: number
  /** The body, where it is too long for the arena. */
  readonly pieces: readonly Buffer[] | undefined
  /** What it takes on V8's heap, and beside it. */
  readonly heapBytes: number
  readonly otherBytes: number
}

/** The entry with its 21 fields, and its place in the arena with four. */
const ENTRY_BYTES = 2 * OBJECT_BYTES + 25 * POINTER_BYTES

export class MemoryEntry implements StoredEntry, Queued<MemoryEntry>, UrlIndexed<MemoryEntry>, TagIndexed<MemoryEntry> {
  readonly key: string
  readonly facts: HeadFacts
  readonly bodyBytes: number
  readonly pieces: readonly Buffer[] | undefined
  /** Tells it from others with the same URL, in the order in which they came. */
  readonly number: number
  /** `expiresAt` in seconds: a small integer, which stands in the object itself. */
  readonly expirySeconds: number
  staleSince: number | undefined = undefined
  reading: unknown = undefined
  /** How often it was asked for since it came into its queue, up to 3. */
  uses = 0
  queue: EntryQueue<MemoryEntry> | undefined = undefined
  newer: MemoryEntry | undefined = undefined
  older: MemoryEntry | undefined = undefined
  urlBlock: UrlBlock<MemoryEntry> | undefined = undefined
  tagLinks: readonly TagLink<MemoryEntry>[] | undefined = undefined
  readonly #arenaText: ArenaText
  readonly #headChars: number
  readonly #otherBytes: number
  readonly #longHead: string | undefined
  #heapBytes: number
  /** Unpacked, since it was first asked for. */
  #head: EntryHead | undefined = undefined
  /** The body, once it has no place in the arena any more. */
  #ownText: string | undefined = undefined

  constructor(parts: EntryParts, number: number) {
    this.key = parts.key
    this.facts = parts.facts
    this.bodyBytes = parts.bodyBytes
    this.pieces = parts.pieces
    this.number = number
    this.expirySeconds = Math.ceil(parts.facts.times[4] / 1_000)
    this.#arenaText = parts.text
    this.#headChars = parts.headChars
    this.#otherBytes = parts.otherBytes
    this.#heapBytes = parts.heapBytes
    this.#longHead = parts.longHead
  }

  /** Once {@link unpack} was called, the same each time. */
  get head(): EntryHead {
    return this.#head ?? unpackHead(this.facts, this.#headText)!
  }

  get url(): string {
    return this.facts.url
  }

  get tags(): readonly string[] {
    return this.facts.tags
  }

  get isPacked(): boolean {
    return this.#head === undefined
  }

  get text(): string | undefined {
    if (this.pieces !== undefined) return undefined
    return this.#ownText ?? this.#arenaText.slice(this.#headChars, this.#headChars + this.bodyBytes)
  }

  get bytes(): Uint8Array | undefined {
    const { text, pieces } = this
    if (text !== undefined) return Buffer.from(text, 'latin1')
    return pieces?.length === 1 ? pieces[0] : undefined
  }

  get cost(): number {
    return this.#heapBytes + this.#otherBytes
  }

  get heapCost(): number {
    return this.#heapBytes
  }

  /** Keeps the unpacked head from now on. Gives how many bytes more that takes, or `undefined` where there is something wrong with it. */
  unpack(): number | undefined {
    const text = this.#headText
    this.#head = unpackHead(this.facts, text)
    if (this.#head === undefined) return undefined
    const packedBytes = this.#longHead === undefined ? stringBytes(text) : 0
    const bytes = packedBytes + unpackedBytes(this.#head) + readingBytes(this.#head.headers.length)
    this.#heapBytes += bytes
    return bytes
  }

  /** One whose head can't be understood has no id. */
  hasId(id: string): boolean {
    return (this.#head ?? unpackHead(this.facts, this.#headText))?.id === id
  }

  /** Gives its place in the arena back, which is to be tidied then. Who has looked it up before may read it all the same. */
  leave(arena: ByteArena): void {
    // For one that nobody has, a copy would be garbage that an old object keeps alive.
    if (!this.isPacked) this.#ownText = this.text
    arena.remove(this.#arenaText)
  }

  /** When all have left at once: whoever has looked it up before is not to keep the others alive with it. */
  forgetPlaces(): void {
    this.queue = undefined
    this.newer = undefined
    this.older = undefined
    this.urlBlock = undefined
    this.tagLinks = undefined
  }

  isOver(wallTime: number): boolean {
    return this.expirySeconds * 1_000 <= wallTime
  }

  open(start: number, end: number): BodySource {
    return new ByteSource(this.pieces ?? [Buffer.from(this.text!, 'latin1')], start, end)
  }

  get #headText(): string {
    return this.#longHead ?? this.#arenaText.slice(0, this.#headChars)
  }
}

/** What a new entry takes on V8's heap beside its body and its places in the indexes. */
export function entryBytes(key: string, facts: HeadFacts, longHead: string | undefined): number {
  return ENTRY_BYTES + stringBytes(key) + factsBytes(facts, key) + (longHead === undefined ? 0 : stringBytes(longHead))
}
