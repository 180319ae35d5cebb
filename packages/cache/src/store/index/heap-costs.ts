/**
 * What things take on V8's heap, in bytes: measured with Node 22, 24 and 26 on 64 bits (pointers are not compressed there), where the
 * three agree. A store that counts bodies alone holds twice its bound when its entries are small.
 */
import { isStringOneByteRepresentation } from 'node:v8'

/** A string's own head, before its characters. */
const STRING_BYTES = 16
/** A piece of another string. */
export const SLICE_BYTES = 32
/** An array's object and the head of its elements. */
export const ARRAY_BYTES = 48
export const POINTER_BYTES = 8
/** A number that is no small integer. */
export const NUMBER_BYTES = 16
/** An object of a literal or a class, before its properties. */
export const OBJECT_BYTES = 24
/** A Buffer with memory of its own: the view, the ArrayBuffer, and what Node and the allocator keep beside the bytes. */
export const BUFFER_BYTES = 304
/** For each place of a Map's table. Deletions leave holes, so that under churn it has between two and four times the places it needs. */
const MAP_PLACE_BYTES = 28
const CHURN = 2

/** A string that is neither a piece of another nor put together. */
export function stringBytes(text: string): number {
  const bytes = isStringOneByteRepresentation(text) ? text.length : text.length * 2
  return STRING_BYTES + wordsOf(bytes)
}

/** A Map with this many entries, itself alone. */
export function mapBytes(size: number): number {
  return MAP_PLACE_BYTES * CHURN * powerOfTwo(size)
}

/** The smallest power of two that is not below `size`, nor below 4. */
export function powerOfTwo(size: number): number {
  return size <= 4 ? 4 : 2 ** (32 - Math.clz32(size - 1))
}

function wordsOf(bytes: number): number {
  return (bytes + 7) & ~7
}
