/**
 * Rings of entries, each a time and the units that were spent then, as sliding windows remember them. Rings are rows of
 * blocks, which are made as keys come; which of its entries is the first, and how many there are, is kept with the key.
 */

/** Numbers of a block: 256 KiB, so that few blocks hold many keys, and one key does not take much. */
const BLOCK_NUMBERS = 32_768

export class WindowRings {
  readonly #capacity: number
  readonly #stride: number
  readonly #rowsPerBlock: number
  readonly #blocks: Float64Array[] = []
  readonly #free: number[] = []
  #rows = 0
  /** The row that is looked at. */
  #block: Float64Array = new Float64Array(0)
  #at = 0

  /** `capacity` is how many entries a ring has room for. */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#stride = 2 * capacity
    this.#rowsPerBlock = Math.floor(BLOCK_NUMBERS / this.#stride)
  }

  /** A ring that is nobody else's. What stands in it means nothing. */
  open(): number {
    const row = this.#free.pop() ?? this.#rows++
    if (row >= this.#blocks.length * this.#rowsPerBlock)
      this.#blocks.push(new Float64Array(this.#rowsPerBlock * this.#stride))
    return row
  }

  close(row: number): void {
    this.#free.push(row)
  }

  /** All that follows is about this ring. */
  select(row: number): void {
    const index = Math.floor(row / this.#rowsPerBlock)
    this.#block = this.#blocks[index]!
    this.#at = (row - index * this.#rowsPerBlock) * this.#stride
  }

  timeOf(place: number): number {
    return this.#block[this.#entry(place)]!
  }

  unitsOf(place: number): number {
    return this.#block[this.#entry(place) + 1]!
  }

  set(place: number, time: number, units: number): void {
    const entry = this.#entry(place)
    this.#block[entry] = time
    this.#block[entry + 1] = units
  }

  /** `place` goes on behind the end at the beginning. */
  #entry(place: number): number {
    return this.#at + 2 * (place < this.#capacity ? place : place - this.#capacity)
  }
}
