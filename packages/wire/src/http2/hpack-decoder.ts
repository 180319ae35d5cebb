/**
 * HPACK, decoded (RFC 7541). A field in a table is kept as what it is to a request, so an index costs one look and one call. What a
 * block may become is bounded where it becomes it: once its reader has had its fill, the table is kept right, as the fields behind
 * need it, and nothing else is made.
 */
import { latin1Slice } from '../http1/latin1.ts'
import { type FieldName, fieldNameOf } from './field-name.ts'
import { isFieldText } from './field-text.ts'
import { COMPRESSION_ERROR } from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'
import { decodeHuffman } from './huffman.ts'
import { STATIC_FIELDS } from './static-table.ts'

/** Gets the fields of a block. */
export interface FieldReader {
  /** Whether it wants no more of them. */
  readonly isFull: boolean
  /** `isText`: whether the value is one that a field may have. */
  field(name: FieldName, value: string, isText: boolean): void
}

/** What a peer's table may hold before it was told otherwise (RFC 9113, section 6.5.2). */
const TABLE_BYTES = 4_096
/** What an entry costs beside its text (RFC 7541, section 4.1). */
const ENTRY_BYTES = 32
/** A power of two, and more than the smallest entries that fit. */
const SLOTS = 128
/** No length or index comes near; and sums of it stay small integers. */
const LARGEST_INTEGER = 2 ** 24

interface TableField {
  readonly name: FieldName
  readonly value: string
  readonly isText: boolean
}

const STATIC: readonly TableField[] = STATIC_FIELDS.map(([name, value]) => ({
  name: fieldNameOf(name),
  value,
  isText: true,
}))
const FIRST_DYNAMIC = STATIC.length + 1

export class HpackDecoder {
  #slots: (TableField | undefined)[] = []
  /** Entries that were ever added; the newest stands below it. */
  #added = 0
  #entries = 0
  #tableBytes = 0
  #maxTableBytes = TABLE_BYTES
  /** Where the block is read. */
  #at = 0
  #bytes!: Buffer
  #end = 0

  /**
   * Reads a whole block.
   * @throws {Http2Fault} COMPRESSION_ERROR: the connection can't go on, since nobody knows what its table holds
   */
  decode(bytes: Buffer, from: number, to: number, reader: FieldReader): void {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
    let mayResize = true
    while (this.#at < to) {
      const first = bytes[this.#at++]!
      if (first >= 0x80) {
        const index = first === 0xff ? this.#integer(0x7f) : first & 0x7f
        const field = this.#fieldAt(index)
        if (!reader.isFull) reader.field(field.name, field.value, field.isText)
      } else if (first >= 0x40) this.#addField(first & 0x3f, reader)
      else if (first < 0x20) this.#plainField(first & 0x0f, reader)
      else if (!mayResize) throw fault('the table is resized within a block')
      else {
        this.#resize((first & 0x1f) === 0x1f ? this.#integer(0x1f) : first & 0x1f)
        continue
      }
      mayResize = false
    }
  }

  #fieldAt(index: number): TableField {
    if (index < FIRST_DYNAMIC) {
      const field = STATIC[index - 1]
      if (field !== undefined) return field
    } else {
      const age = index - FIRST_DYNAMIC
      if (age < this.#entries) return this.#slots[(this.#added - 1 - age) & (SLOTS - 1)]!
    }
    throw fault('the index stands for nothing')
  }

  /** A literal that goes into the table. */
  #addField(prefix: number, reader: FieldReader): void {
    const name = this.#name(prefix === 0x3f ? this.#integer(0x3f) : prefix)
    const value = this.#string()
    const isText = isFieldText(value)
    const size = name.text.length + value.length + ENTRY_BYTES
    this.#evict(this.#maxTableBytes - size)
    if (size <= this.#maxTableBytes) {
      this.#slots[this.#added++ & (SLOTS - 1)] = { name, value, isText }
      this.#entries++
      this.#tableBytes += size
    }
    if (!reader.isFull) reader.field(name, value, isText)
  }

  /** A literal that does not. Where nobody wants it, it is not even decoded. */
  #plainField(prefix: number, reader: FieldReader): void {
    const index = prefix === 0x0f ? this.#integer(0x0f) : prefix
    if (reader.isFull) {
      if (index === 0) this.#skipString()
      else this.#fieldAt(index)
      return this.#skipString()
    }
    const name = this.#name(index)
    const value = this.#string()
    reader.field(name, value, isFieldText(value))
  }

  #name(index: number): FieldName {
    return index === 0 ? fieldNameOf(this.#string()) : this.#fieldAt(index).name
  }

  #string(): string {
    const isHuffman = this.#at < this.#end && this.#bytes[this.#at]! >= 0x80
    const end = this.#stringEnd()
    const from = this.#at
    this.#at = end
    if (!isHuffman) return latin1Slice(this.#bytes, from, end)
    const text = decodeHuffman(this.#bytes, from, end)
    if (text === undefined) throw fault('the Huffman code is none')
    return text
  }

  #skipString(): void {
    this.#at = this.#stringEnd()
  }

  /** Reads the length of a string. */
  #stringEnd(): number {
    if (this.#at >= this.#end) throw fault('the block ends within a field')
    const first = this.#bytes[this.#at++]! & 0x7f
    const end = (first === 0x7f ? this.#integer(0x7f) : first) + this.#at
    if (end > this.#end) throw fault('the block ends within a field')
    return end
  }

  /** The rest of an integer whose prefix is all ones (RFC 7541, section 5.1). */
  #integer(prefix: number): number {
    let value = prefix
    for (let factor = 1; ; factor *= 128) {
      if (this.#at >= this.#end) throw fault('the block ends within an integer')
      const byte = this.#bytes[this.#at++]!
      value += (byte & 0x7f) * factor
      if (value > LARGEST_INTEGER || factor > LARGEST_INTEGER) throw fault('the integer is too large')
      if (byte < 0x80) return value
    }
  }

  #resize(maxBytes: number): void {
    if (maxBytes > TABLE_BYTES) throw fault('the table may not become so large')
    this.#maxTableBytes = maxBytes
    this.#evict(maxBytes)
  }

  /** Until no more than so many bytes are left, or nothing is. */
  #evict(maxBytes: number): void {
    while (this.#tableBytes > maxBytes && this.#entries > 0) {
      const slot = (this.#added - this.#entries) & (SLOTS - 1)
      const { name, value } = this.#slots[slot]!
      this.#slots[slot] = undefined
      this.#entries--
      this.#tableBytes -= name.text.length + value.length + ENTRY_BYTES
    }
  }
}

function fault(message: string): Http2Fault {
  return new Http2Fault(COMPRESSION_ERROR, message)
}
