/**
 * A binary heap of the numbers 0 to n-1, ordered by a key of each, whose places are known: so that one whose key has
 * changed moves in O(log n). Keys stand in open arrays: handed over as arguments they would be boxed, an allocation each.
 */

export class IndexedHeap {
  /** The order: the least is on top. After writing one, call {@link moved}. */
  keys: Float64Array = new Float64Array(0)
  /** Decides between equal keys. */
  ties: Float64Array = new Float64Array(0)
  #heap: Int32Array = new Int32Array(0)
  #place: Int32Array = new Int32Array(0)

  get size(): number {
    return this.#heap.length
  }

  /** Takes 0 to n-1 with these keys. The arrays belong to the heap from now on. O(n). */
  load(keys: Float64Array, ties: Float64Array): void {
    const size = keys.length
    this.keys = keys
    this.ties = ties
    this.#heap = new Int32Array(size)
    this.#place = new Int32Array(size)
    for (let i = 0; i < size; i++) this.#put(i, i)
    for (let place = (size >> 1) - 1; place >= 0; place--) this.#sink(place, this.#heap[place]!)
  }

  /** The one with the least key; -1 where the heap is empty. */
  get top(): number {
    return this.#heap.length === 0 ? -1 : this.#heap[0]!
  }

  /** Its key or tie was written. */
  moved(index: number): void {
    const place = this.#place[index]!
    if (place > 0 && this.#isBefore(index, this.#heap[(place - 1) >> 1]!)) this.#rise(place, index)
    else this.#sink(place, index)
  }

  #rise(from: number, index: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = this.#heap[parent]!
      if (!this.#isBefore(index, above)) break
      this.#put(place, above)
      place = parent
    }
    this.#put(place, index)
  }

  #sink(from: number, index: number): void {
    const heap = this.#heap
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++
      const below = heap[child]!
      if (!this.#isBefore(below, index)) break
      this.#put(place, below)
      place = child
    }
    this.#put(place, index)
  }

  #put(place: number, index: number): void {
    this.#heap[place] = index
    this.#place[index] = place
  }

  #isBefore(a: number, b: number): boolean {
    const keyA = this.keys[a]!
    const keyB = this.keys[b]!
    return keyA < keyB || (keyA === keyB && this.ties[a]! < this.ties[b]!)
  }
}
