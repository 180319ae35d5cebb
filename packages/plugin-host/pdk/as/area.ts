/**
 * Memory that the host reads from and writes to. It is allocated once and grows as it has to, so that a call of a host function makes no
 * garbage beyond the string that it gives back.
 */

/**
 * A piece of memory. What is in it is gone at the next use. Putting something in may move it: its length is asked for first, then `at`.
 */
@final
export class Area {
  at: usize
  capacity: i32

  constructor(capacity: i32) {
    this.at = heap.alloc(capacity)
    this.capacity = capacity
  }

  /** Makes it at least so long. What was in it is lost. */
  room(length: i32): void {
    if (length <= this.capacity) return
    const capacity = max(length, this.capacity * 2)
    heap.free(this.at)
    this.at = heap.alloc(capacity)
    this.capacity = capacity
  }

  /** Makes it so long, and keeps what is in it. */
  grow(capacity: i32): void {
    this.at = heap.realloc(this.at, capacity)
    this.capacity = capacity
  }

  /** Puts text in as ISO 8859-1, in which field names and values are; `?` for what it does not have. Gives the length. */
  putLatin1(text: string): i32 {
    const length = text.length
    this.room(length)
    const from = changetype<usize>(text)
    const to = this.at
    for (let i = 0; i < length; i++) {
      const code = load<u16>(from + ((<usize>i) << 1))
      store<u8>(to + i, code < 256 ? <u8>code : 0x3f)
    }
    return length
  }

  /** Puts text in as UTF-8. Gives the length in bytes. */
  putUtf8(text: string): i32 {
    const length = String.UTF8.byteLength(text)
    this.room(length)
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, this.at)
    return length
  }

  /** The first bytes of it as text. */
  latin1(length: i32): string {
    return latin1At(this.at, length)
  }

  /** The first bytes of it as text. */
  utf8(length: i32): string {
    return String.UTF8.decodeUnsafe(this.at, length)
  }

  /** A copy of its first bytes. */
  bytes(length: i32): Uint8Array {
    const copy = new Uint8Array(length)
    memory.copy(copy.dataStart, this.at, length)
    return copy
  }
}

/** Bytes somewhere in memory as text, one character for each. */
export function latin1At(at: usize, length: i32): string {
  const text = changetype<string>(__new((<usize>length) << 1, idof<string>()))
  const to = changetype<usize>(text)
  for (let i = 0; i < length; i++) store<u16>(to + ((<usize>i) << 1), load<u8>(at + i))
  return text
}

/** For names, keys, and all that is given beside what comes back. */
export const names: Area = new Area(512)
/** For values that are given. */
export const values: Area = new Area(2048)
/** For what comes back. */
export const found: Area = new Area(4096)
