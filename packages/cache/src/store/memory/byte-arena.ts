/**
 * Heads and small bodies, one behind the other in pages outside V8's heap. As strings or Buffers of their own they would be what the garbage
 * collector spends its time on: each survives, is copied twice, and lies among the old objects until a collection of them all, for which
 * V8 waits until they are several times as many as those that are still wanted. What a cache holds would not be what its process takes.
 *
 * Pages are filled in order. What leaves a page leaves a hole; where holes are more than an eighth of what is there, the page with the most
 * of them gives what is left to the page that is being filled, some with each text that leaves, and is the next to be filled itself.
 */
import { POINTER_BYTES } from '../index/heap-costs.ts'
import { ArenaPage, ArenaText } from './arena-page.ts'

/** So many pages are as good as empty: the one that is being filled, the next one, and one that is being emptied. */
const EMPTY_PAGES = 3
const MAX_PAGE_BYTES = 256 * 1024
/** Of the bound of a store. */
const PAGE_SHARE = 1 / 64
/** A head and a body are each no more of a page: what the next two have no room for at its end is lost. */
const MAX_TEXT_SHARE = 1 / 32
/** Holes, in relation to texts. */
const HOLES_SHARE = 1 / 8
/**
 * So many bytes move for each that leaves, as a rule. Where all pages have equally many holes, eight have to move for each byte of a hole, and
 * up to sixteen where the ends of pages are lost: with more than that nobody ever has to wait for a whole page.
 */
const MOVED_BYTES = 20

export class ByteArena {
  /** Longer heads and bodies have no place here. */
  readonly maxTextBytes: number
  readonly #pageBytes: number
  /** Those that were filled, */
  readonly #full: ArenaPage[] = []
  /** and how much of each is in texts: by itself, since the emptiest of many thousands is searched for. */
  readonly #fullBytes: number[] = []
  #current: ArenaPage | undefined = undefined
  #empty: ArenaPage | undefined = undefined
  /** One of those that were filled, whose texts are moving. */
  #leaving: ArenaPage | undefined = undefined
  /** In all texts. */
  #textBytes = 0
  /** How many bytes are to move for those that have left. */
  #owedBytes = 0

  /** For a store with this bound. */
  constructor(maxBytes: number) {
    this.#pageBytes = Math.min(MAX_PAGE_BYTES, powerBelow(maxBytes * PAGE_SHARE))
    this.maxTextBytes = Math.floor(this.#pageBytes * MAX_TEXT_SHARE)
  }

  /** What it takes at most beside what {@link costOf} counts for each text. */
  get spareBytes(): number {
    return this.#current === undefined ? 0 : EMPTY_PAGES * this.#pageBytes
  }

  /** What its pages take: once it is tidy, never more than all costs and {@link spareBytes}. */
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

  /** Gives its place to others. Does nothing where it has none. To be followed by {@link tidy}, one removal or many. */
  remove(text: ArenaText): void {
    const { page } = text
    if (page === undefined || !page.has(text)) return
    page.forget(text)
    this.#textBytes -= text.length
    this.#hasLess(page)
    this.#owedBytes += text.length * MOVED_BYTES
  }

  /** Moves texts out of pages with holes. Where many leave, it is once behind them all that the fewest have to move. */
  tidy(): void {
    while ((this.#owedBytes > 0 && this.#wantsToMove()) || this.#mustMove()) this.#owedBytes -= this.#moveOne()
    this.#owedBytes = 0
  }

  /** Lets go of all pages at once. What stood in them stays readable, for whoever holds it. */
  clear(): void {
    for (const page of this.#full) page.abandon()
    this.#current?.abandon()
    this.#full.length = this.#fullBytes.length = this.#textBytes = this.#owedBytes = 0
    this.#current = this.#empty = this.#leaving = undefined
  }

  /** Whether full pages have too many holes; a page that some texts have left is to be left by all. */
  #wantsToMove(): boolean {
    if (this.#leaving !== undefined) return true
    const textBytes = this.#textBytes - (this.#current?.textBytes ?? 0)
    return this.#full.length * this.#pageBytes > textBytes * (1 + HOLES_SHARE)
  }

  /** What {@link allocatedBytes} promises is at stake; hardly ever, since texts move early enough. */
  #mustMove(): boolean {
    return (this.#full.length - 1) * this.#pageBytes > this.#textBytes * (1 + HOLES_SHARE)
  }

  /** Gives how many bytes it were. */
  #moveOne(): number {
    const page = (this.#leaving ??= this.#emptiest())
    const text = page.last()
    this.#pageFor(text.length).take(text)
    this.#hasLess(page)
    return text.length
  }

  /** Where full pages have too many holes, more than a ninth of it is holes: to move what is left is a gain. */
  #emptiest(): ArenaPage {
    const bytes = this.#fullBytes
    let emptiest = 0
    for (let i = 1; i < bytes.length; i++) if (bytes[i]! < bytes[emptiest]!) emptiest = i
    return this.#full[emptiest]!
  }

  #pageFor(length: number): ArenaPage {
    const current = this.#current
    if (current !== undefined && current.filled + length <= this.#pageBytes) return current
    const page = this.#empty ?? new ArenaPage(this.#pageBytes)
    if (current !== undefined) {
      current.place = this.#full.push(current) - 1
      this.#fullBytes.push(current.textBytes)
    }
    this.#empty = undefined
    this.#current = page
    return page
  }

  /** A text has left it. */
  #hasLess(page: ArenaPage): void {
    if (page.textBytes > 0) {
      if (page.place >= 0) this.#fullBytes[page.place] = page.textBytes
      return
    }
    page.clear()
    if (page === this.#current) return
    this.#takeOut(page)
    this.#empty ??= page
    if (page === this.#leaving) this.#leaving = undefined
  }

  #takeOut(page: ArenaPage): void {
    const last = this.#full.pop()!
    const lastBytes = this.#fullBytes.pop()!
    if (last !== page) {
      this.#full[page.place] = last
      this.#fullBytes[page.place] = lastBytes
      last.place = page.place
    }
    page.place = -1
  }
}

/** The largest power of two that is not above `bytes`. */
function powerBelow(bytes: number): number {
  return 2 ** Math.floor(Math.log2(bytes))
}
