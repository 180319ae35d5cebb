/** The binary forms of `sluice:v1`: numbers of four bytes, little-endian, and pieces of text with their length before them. */
import { Area, latin1At } from './area'

/** Puts numbers and pieces one behind the other. */
@final
export class PieceWriter {
  length: i32 = 0
  private area: Area = new Area(512)

  get at(): usize {
    return this.area.at
  }

  number(value: i32): void {
    this.room(4)
    store<u32>(this.area.at + this.length, value)
    this.length += 4
  }

  /** A number that was written before. */
  setNumber(offset: i32, value: i32): void {
    store<u32>(this.area.at + offset, value)
  }

  latin1(text: string): void {
    const length = text.length
    this.number(length)
    this.room(length)
    const to = this.area.at + this.length
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      store<u8>(to + i, code < 256 ? <u8>code : 0x3f)
    }
    this.length += length
  }

  bytes(value: Uint8Array): void {
    this.number(value.length)
    this.room(value.length)
    memory.copy(this.area.at + this.length, value.dataStart, value.length)
    this.length += value.length
  }

  /** Gives its memory back. It is not used after that. */
  free(): void {
    heap.free(this.area.at)
  }

  /** Unlike `Area.room`, keeps what is there. */
  private room(more: i32): void {
    const area = this.area
    const length = this.length
    if (length + more <= area.capacity) return
    area.grow(max(length + more, area.capacity * 2))
  }
}

/** Takes them apart again. */
@final
export class PieceReader {
  private at: usize

  constructor(at: usize) {
    this.at = at
  }

  number(): i32 {
    const value = load<u32>(this.at)
    this.at += 4
    return value
  }

  latin1(): string {
    const length = this.number()
    const text = latin1At(this.at, length)
    this.at += length
    return text
  }
}
