/** An entry of the store behind whose body comes to the front the first time that it is read as a whole, if it is still the latest then. */
import type { BodySink, BodySource, HeaderList } from '@sluice/wire'
import type { EntryHead, EntryWriter, StoredEntry } from '../store.ts'

export class PromotedEntry implements StoredEntry {
  readonly #entry: StoredEntry
  readonly #begin: () => EntryWriter | undefined
  readonly #isCurrent: () => boolean
  #isBegun = false

  constructor(entry: StoredEntry, begin: () => EntryWriter | undefined, isCurrent: () => boolean) {
    this.#entry = entry
    this.#begin = begin
    this.#isCurrent = isCurrent
  }

  get head(): EntryHead {
    return this.#entry.head
  }

  get bodyBytes(): number {
    return this.#entry.bodyBytes
  }

  get staleSince(): number | undefined {
    return this.#entry.staleSince
  }

  get text(): undefined {
    return undefined
  }

  get bytes(): undefined {
    return undefined
  }

  open(start: number, end: number): BodySource {
    const source = this.#entry.open(start, end)
    const isWhole = start === 0 && end === this.bodyBytes
    return isWhole && !this.#isBegun ? new CopiedSource(source, () => this.#copy(), this.#isCurrent) : source
  }

  #copy(): EntryWriter | undefined {
    if (this.#isBegun) return undefined
    this.#isBegun = true
    return this.#begin()
  }
}

/** A body, with a copy of what flows. */
class CopiedSource implements BodySource {
  readonly #source: BodySource
  readonly #begin: () => EntryWriter | undefined
  readonly #isCurrent: () => boolean
  #copy: EntryWriter | undefined = undefined

  constructor(source: BodySource, begin: () => EntryWriter | undefined, isCurrent: () => boolean) {
    this.#source = source
    this.#begin = begin
    this.#isCurrent = isCurrent
  }

  start(sink: BodySink): void {
    const copy = (this.#copy = this.#begin())
    this.#source.start(copy === undefined ? sink : new CopyingSink(sink, copy, this.#isCurrent))
  }

  resume(): void {
    this.#source.resume()
  }

  cancel(error: Error): void {
    this.#copy?.abort()
    this.#source.cancel(error)
  }
}

class CopyingSink implements BodySink {
  readonly #sink: BodySink
  readonly #copy: EntryWriter
  readonly #isCurrent: () => boolean

  constructor(sink: BodySink, copy: EntryWriter, isCurrent: () => boolean) {
    this.#sink = sink
    this.#copy = copy
    this.#isCurrent = isCurrent
  }

  begin(): void {
    // The sink has had its own.
  }

  write(chunk: Uint8Array): boolean {
    this.#copy.write(chunk)
    return this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#isCurrent()) this.#copy.commit()
    else this.#copy.abort()
    this.#sink.end(trailers)
  }

  abort(error: Error): void {
    this.#copy.abort()
    this.#sink.abort(error)
  }
}
