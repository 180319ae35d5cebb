/** An entry of the store behind whose body comes to the front the first time that it is read as a whole. */
import type { BodySink, BodySource, HeaderList } from '@sluice/wire'
import type { EntryHead, EntryWriter, StoredEntry } from '../store.ts'

export class PromotedEntry implements StoredEntry {
  readonly #entry: StoredEntry
  readonly #begin: () => EntryWriter | undefined
  #isBegun = false

  constructor(entry: StoredEntry, begin: () => EntryWriter | undefined) {
    this.#entry = entry
    this.#begin = begin
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
    return isWhole && !this.#isBegun ? new CopiedSource(source, () => this.#copy()) : source
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
  #copy: EntryWriter | undefined = undefined

  constructor(source: BodySource, begin: () => EntryWriter | undefined) {
    this.#source = source
    this.#begin = begin
  }

  start(sink: BodySink): void {
    const copy = (this.#copy = this.#begin())
    this.#source.start(copy === undefined ? sink : new CopyingSink(sink, copy))
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

  constructor(sink: BodySink, copy: EntryWriter) {
    this.#sink = sink
    this.#copy = copy
  }

  begin(): void {
    // The sink has had its own.
  }

  write(chunk: Uint8Array): boolean {
    this.#copy.write(chunk)
    return this.#sink.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#copy.commit()
    this.#sink.end(trailers)
  }

  abort(error: Error): void {
    this.#copy.abort()
    this.#sink.abort(error)
  }
}
