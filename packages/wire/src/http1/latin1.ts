/** Bytes as text, one character each: how heads are read, and how a small body leaves in the same write as its head. */

/** A method of every Buffer that `toString` ends in; called by itself it spares the look-up of the encoding and the checks. */
interface Sliceable {
  latin1Slice(from: number, to: number): string
}

/** The bytes from `from` to `to`, which must lie within the buffer. */
export function latin1Slice(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as Sliceable).latin1Slice(from, to)
}

export function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return latin1Slice(buffer, 0, buffer.byteLength)
}
