/** One page of a {@link ByteArena}: texts one behind the other, and which bytes are whose. */

/** Methods of every Buffer; called by themselves they spare the look-up of the encoding. */
interface RawPage {
  latin1Write(text: string, at: number): number
  latin1Slice(from: number, to: number): string
}

/** A head and a body behind it: where they stand, which changes. */
export class ArenaText {
  readonly length: number
  page: ArenaPage | undefined = undefined
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

export class ArenaPage {
  /** How far it is filled, and how many of these bytes are in texts. */
  filled = 0
  textBytes = 0
  /** Where it stands among those that are full; -1 where it does not. */
  place = -1
  readonly #texts: (ArenaText | undefined)[] = []
  readonly #bytes: Buffer & RawPage

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes) as Buffer & RawPage
  }

  slice(from: number, to: number): string {
    return this.#bytes.latin1Slice(from, to)
  }

  /** Behind what is there, where it has room. */
  write(text: ArenaText, head: string, body: string): void {
    // One by one: put together first, they would be copied twice.
    this.#bytes.latin1Write(head, this.filled)
    this.#bytes.latin1Write(body, this.filled + head.length)
    this.#place(text)
  }

  has(text: ArenaText): boolean {
    return this.#texts[text.number] === text
  }

  forget(text: ArenaText): void {
    this.#texts[text.number] = undefined
    this.textBytes -= text.length
    text.page = undefined
  }

  /** Of a page with texts, the last one, which may move. */
  last(): ArenaText {
    const texts = this.#texts
    while (texts.at(-1) === undefined) texts.pop()
    return texts.at(-1)!
  }

  /** Takes a text that stands in another page. */
  take(text: ArenaText): void {
    const from = text.page!
    from.#bytes.copy(this.#bytes, this.filled, text.at, text.at + text.length)
    from.forget(text)
    this.#place(text)
  }

  /** Nothing is left in it. */
  clear(): void {
    this.abandon()
    this.filled = this.textBytes = 0
  }

  /** Leaves its bytes to whoever holds one of its texts, which are nobody else's from now on. */
  abandon(): void {
    this.#texts.length = 0
  }

  #place(text: ArenaText): void {
    text.page = this
    text.at = this.filled
    text.number = this.#texts.push(text) - 1
    this.filled += text.length
    this.textBytes += text.length
  }
}
