/**
 * All entries by their URLs, so that those of one URL, or of one prefix, are found by halving: O(log n + hits). A sorted list of
 * blocks, each with the entries from its bound up to the next one's. Within a block there is no order: to enter is to be appended,
 * and only the bounds are compared, which are few and so in the processor's caches. A look-up searches two blocks at its ends.
 */
import { POINTER_BYTES } from './heap-costs.ts'

/** What can be found by its URL. */
export interface UrlIndexed<E> {
  readonly url: string
  /** Tells it from others with the same URL, in the order in which they came. */
  readonly number: number
  urlBlock: UrlBlock<E> | undefined
}

/** Entries that are neighbours. */
export interface UrlBlock<E> {
  readonly bound: Bound
  entries: E[]
}

/** A place in the order: by URL, and where that is the same by number, so that a URL with very many variants can be divided too. */
interface Bound {
  readonly url: string
  readonly number: number
}

/** For each entry its place, with the room that blocks have to spare, and its share of a block. */
export const URL_PLACE_BYTES: number = 3 * POINTER_BYTES
const MAX_BLOCK = 128
const MIN_BLOCK = 16
const FIRST: Bound = { url: '', number: -1 }

export class UrlIndex<E extends UrlIndexed<E>> {
  readonly #blocks: UrlBlock<E>[] = [{ bound: FIRST, entries: [] }]

  add(entry: E): void {
    const index = this.#blockFor(entry)
    const block = this.#blocks[index]!
    block.entries.push(entry)
    entry.urlBlock = block
    if (block.entries.length > MAX_BLOCK) this.#split(index)
  }

  remove(entry: E): void {
    const block = entry.urlBlock!
    entry.urlBlock = undefined
    const last = block.entries.pop()!
    if (last !== entry) block.entries[block.entries.indexOf(entry)] = last
    if (block.entries.length < MIN_BLOCK && block.bound !== FIRST) this.#mergeIntoPrevious(block)
  }

  /** Lets go of all at once; their blocks are theirs to forget. */
  clear(): void {
    this.#blocks.length = 0
    this.#blocks.push({ bound: FIRST, entries: [] })
  }

  /** Those whose URL begins with `prefix`. */
  withPrefix(prefix: string): E[] {
    return this.#from(prefix, (url) => url.startsWith(prefix))
  }

  withUrl(url: string): E[] {
    return this.#from(url, (each) => each === url)
  }

  /** All hits stand behind `url`, and side by side. */
  #from(url: string, isHit: (url: string) => boolean): E[] {
    const hits: E[] = []
    let index = this.#blockFor({ url, number: -1 })
    do for (const entry of this.#blocks[index]!.entries) if (isHit(entry.url)) hits.push(entry)
    while (++index < this.#blocks.length && isHit(this.#blocks[index]!.bound.url))
    return hits
  }

  /** The last block whose bound is at or before `place`. */
  #blockFor(place: Bound): number {
    let [low, high] = [0, this.#blocks.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (isBefore(place, this.#blocks[middle]!.bound)) high = middle - 1
      else low = middle
    }
    return low
  }

  #split(index: number): void {
    const block = this.#blocks[index]!
    const entries = block.entries.toSorted(inOrder)
    const middle = entries[entries.length >> 1]!
    // Two copies of the right size: an array that has grown keeps its room.
    block.entries = entries.slice(0, entries.length >> 1)
    const next = {
      bound: { url: middle.url, number: middle.number },
      entries: entries.slice(entries.length >> 1),
    }
    for (const entry of next.entries) entry.urlBlock = next
    this.#blocks.splice(index + 1, 0, next)
  }

  #mergeIntoPrevious(block: UrlBlock<E>): void {
    const index = this.#blockFor(block.bound)
    const previous = this.#blocks[index - 1]!
    if (block.entries.length + previous.entries.length > MAX_BLOCK / 2 && block.entries.length > 0) return
    for (const entry of block.entries) entry.urlBlock = previous
    previous.entries.push(...block.entries)
    this.#blocks.splice(index, 1)
  }
}

function isBefore(a: Bound, b: Bound): boolean {
  return a.url === b.url ? a.number < b.number : a.url < b.url
}

function inOrder(a: Bound, b: Bound): number {
  const [one, other] = [a.url, b.url]
  return one === other ? a.number - b.number : one < other ? -1 : 1
}
