/** The new body, put together from pieces of the old one and masks. */

@final
export class Output {
  private data: Uint8Array
  private length: i32 = 0

  constructor(capacity: i32) {
    this.data = new Uint8Array(capacity)
  }

  copy(from: usize, length: i32): void {
    this.room(length)
    memory.copy(this.data.dataStart + this.length, from, length)
    this.length += length
  }

  text(text: string): void {
    const length = String.UTF8.byteLength(text)
    this.room(length)
    String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, this.data.dataStart + this.length)
    this.length += length
  }

  bytes(): Uint8Array {
    return this.data.subarray(0, this.length)
  }

  private room(more: i32): void {
    if (this.length + more <= this.data.length) return
    const larger = new Uint8Array(max(this.length + more, this.data.length * 2))
    memory.copy(larger.dataStart, this.data.dataStart, this.length)
    this.data = larger
  }
}
