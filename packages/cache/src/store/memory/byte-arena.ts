/**
 * Heads and small bodies, one behind the other in pages outside V8's heap. As strings or Buffers of their own they would be what the garbage
 * collector spends its time on: each survives, is copied twice, and lies among the old objects until a collection of them all, for which
 * V8 waits until they are several times as many as those that are still wanted. What a cache holds would not be what its process takes.
 *
 * Pages are filled in order. What leaves a page leaves a hole; where holes are more than an eighth of what is there, the page with the most
 * of them gives what is left to the page that is being filled, and is the next to be filled itself.
 */
import { POINTER_BYTES } from '../index/heap-costs.ts'

/** Methods of every Buffer; called by themselves they spare the look-up of the encoding. */
interface RawPage {
  latin1Write(text: string, at: number): number
  latin1Slice(from: number, to: number): string
}

/** So many pages are as good as empty: the one that is being filled, the next one, and one that is being emptied. */
const EMPTY_PAGES = 3
const MAX_PAGE_BYTES = 256 * 1024
/** Of the bound of a store. */
const PAGE_SHARE = 1 / 64
/** A head and a body are each no more of a page: what the next two have no room for at its end is lost. */
const MAX_TEXT_SHARE = 1 / 32
/** Holes, in relation to texts. */
const HOLES_SHARE = 1 / 8

/** A head and a body behind it: where they stand, which changes. */
export class ArenaText {
  readonly length: number
  page: Page | undefined = undefined
  at = 0
  /** Where it stands among the page's texts. */
  number = 0

  constructor(length: number) {
    this.length = length
  }

  /** A new string each time; to be asked for only as long as it has a place. */
  slice(from: number, to: number): string {
    return from === to ? '' : this.page!.slice(this.at + from, this.at + to)
  }
}

export class ByteArena {
  /** Longer heads and bodies have no place here. */
  readonly maxTextBytes: number
  readonly #pageBytes: number
  /** Those that were filled. */
  readonly #full: Page[] = []
  #current: Page | undefined = undefined
  #empty: Page | undefined = undefined
  /** In all texts. */
  #textBytes = 0

  /** For a store with this bound. */
  constructor(maxBytes: number) {
    this.#pageBytes = Math.min(MAX_PAGE_BYTES, powerBelow(maxBytes * PAGE_SHARE))
    this.maxTextBytes = Math.floor(this.#pageBytes * MAX_TEXT_SHARE)
  }

  /** What it takes at most beside what {@link costOf} counts for each text. */
  get spareBytes(): number {
    return this.#current === undefined ? 0 : EMPTY_PAGES * this.#pageBytes
  }

  /** What its pages take: never more than all costs and {@link spareBytes}. */
  get allocatedBytes(): number {
    const pages = this.#full.length + (this.#current === undefined ? 0 : 1) + (this.#empty === undefined ? 0 : 1)
    return pages * this.#pageBytes
  }

  /** What a text of this length takes here, its share of holes included. */
  costOf(length: number): number {
    return Math.ceil(length * (1 + HOLES_SHARE)) + 2 * POINTER_BYTES
  }

  /** Takes a copy of both, whose characters are bytes. */
  put(head: string, body: string): ArenaText {
    const text = new ArenaText(head.length + body.length)
    if (text.length === 0) return text
    this.#pageFor(text.length).write(text, head, body)
    this.#textBytes += text.length
    return text
  }

  /** Gives its place to others. Does nothing where it has none. */
  remove(text: ArenaText): void {
    const { page } = text
    if (page === undefined) return
    page.forget(text)
    this.#textBytes -= text.length
    if (this.#textBytes === 0) return this.#giveBack()
    if (page.textBytes === 0) this.#takeOut(page)
    while (this.#hasTooManyHoles()) this.#compact()
  }

  #giveBack(): void {
    this.#full.length = 0
    this.#current = this.#empty = undefined
  }

  #hasTooManyHoles(): boolean {
    const bytes = this.#full.length * this.#pageBytes
    return bytes > this.#textBytes * (1 + HOLES_SHARE) + this.#pageBytes
  }

  #pageFor(length: number): Page {
    if (this.#current !== undefined && this.#current.filled + length <= this.#pageBytes) return this.#current
    if (this.#current !== undefined) this.#full.push(this.#current)
    this.#current = this.#empty ?? new Page(this.#pageBytes)
    this.#empty = undefined
    return this.#current
  }

  /** Moves what is left in the emptiest page. */
  #compact(): void {
    const page = this.#full.reduce((emptiest, each) => (each.textBytes < emptiest.textBytes ? each : emptiest))
    for (const text of page.texts) if (text !== undefined) this.#pageFor(text.length).move(text, page)
    this.#takeOut(page)
  }

  /** Nothing is left in it. */
  #takeOut(page: Page): void {
    page.clear()
    if (page === this.#current) return
    const last = this.#full.pop()!
    if (last !== page) this.#full[this.#full.indexOf(page)] = last
    this.#empty ??= page
  }
}

class Page {
  /** How far it is filled, and how many of these bytes are in texts. */
  filled = 0
  textBytes = 0
  readonly texts: (ArenaText | undefined)[] = []
  readonly #bytes: Buffer & RawPage

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes) as Buffer & RawPage
  }

  slice(from: number, to: number): string {
    return this.#bytes.latin1Slice(from, to)
  }

  write(text: ArenaText, head: string, body: string): void {
    // One by one: put together first, they would be copied twice.
    this.#bytes.latin1Write(head, this.filled)
    this.#bytes.latin1Write(body, this.filled + head.length)
    this.#place(text)
  }

  /** Takes a text that stands in another page. */
  move(text: ArenaText, from: Page): void {
    from.#bytes.copy(this.#bytes, this.filled, text.at, text.at + text.length)
    this.#place(text)
  }

  forget(text: ArenaText): void {
    this.texts[text.number] = undefined
    this.textBytes -= text.length
    text.page = undefined
  }

  clear(): void {
    this.texts.length = 0
    this.filled = this.textBytes = 0
  }

  #place(text: ArenaText): void {
    text.page = this
    text.at = this.filled
    text.number = this.texts.push(text) - 1
    this.filled += text.length
    this.textBytes += text.length
  }
}

/** The largest power of two that is not above `bytes`. */
function powerBelow(bytes: number): number {
  return 2 ** Math.floor(Math.log2(bytes))
}
