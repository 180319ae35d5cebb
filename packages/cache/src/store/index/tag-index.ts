/** Entries by their tags: for each tag a chain, which an entry enters and leaves without a search. */
import { mapBytes, OBJECT_BYTES, POINTER_BYTES, stringBytes } from './heap-costs.ts'

/** What can be found by its tags. */
export interface TagIndexed<E> {
  readonly tags: readonly string[]
  tagLinks: readonly TagLink<E>[] | undefined
}

/** An entry's place in the chain of one tag. */
export interface TagLink<E> {
  readonly entry: E
  readonly chain: TagChain<E>
  next: TagLink<E> | undefined
  previous: TagLink<E> | undefined
}

interface TagChain<E> {
  readonly tag: string
  first: TagLink<E> | undefined
}

/** For each tag of an entry. */
export const TAG_LINK_BYTES: number = OBJECT_BYTES + 5 * POINTER_BYTES
const CHAIN_BYTES = OBJECT_BYTES + 2 * POINTER_BYTES

export class TagIndex<E extends TagIndexed<E>> {
  readonly #chains = new Map<string, TagChain<E>>()
  #chainBytes = 0

  /** What the chains take, beside the links in them. */
  get bytes(): number {
    return this.#chainBytes + mapBytes(this.#chains.size)
  }

  add(entry: E): void {
    const { tags } = entry
    if (tags.length > 0) entry.tagLinks = tags.map((tag) => this.#link(entry, tag))
  }

  remove(entry: E): void {
    if (entry.tagLinks === undefined) return
    for (const { chain, next, previous } of entry.tagLinks) {
      if (next !== undefined) next.previous = previous
      if (previous === undefined) chain.first = next
      else previous.next = next
      if (chain.first === undefined && this.#chains.delete(chain.tag))
        this.#chainBytes -= CHAIN_BYTES + stringBytes(chain.tag)
    }
    entry.tagLinks = undefined
  }

  /** Lets go of all at once; their links are theirs to forget. */
  clear(): void {
    this.#chains.clear()
    this.#chainBytes = 0
  }

  /** Those that have one of these tags, each once. */
  withTags(tags: readonly string[]): Set<E> {
    const hits = new Set<E>()
    for (const tag of tags)
      for (let link = this.#chains.get(tag)?.first; link !== undefined; link = link.next) hits.add(link.entry)
    return hits
  }

  #link(entry: E, tag: string): TagLink<E> {
    let chain = this.#chains.get(tag)
    if (chain === undefined) {
      chain = { tag, first: undefined }
      this.#chains.set(chain.tag, chain)
      this.#chainBytes += CHAIN_BYTES + stringBytes(chain.tag)
    }
    const link: TagLink<E> = { entry, chain, next: chain.first, previous: undefined }
    if (chain.first !== undefined) chain.first.previous = link
    chain.first = link
    return link
  }
}
