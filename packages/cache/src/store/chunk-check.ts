/** Stretches of bytes with a checksum in front: what was torn, mixed up or overwritten elsewhere is not taken for a body. */
import { crc32 } from 'node:zlib'

const CHECK_BYTES = 4

/** The pieces as one, behind their checksum. */
export function sealed(pieces: readonly Uint8Array[]): Buffer {
  const length = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const whole = Buffer.allocUnsafe(CHECK_BYTES + length)
  let at = CHECK_BYTES
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  whole.writeUInt32BE(crc32(whole.subarray(CHECK_BYTES)), 0)
  return whole
}

/** What was sealed, where it is whole. */
export function unsealed(bytes: Buffer): Buffer | undefined {
  if (bytes.length < CHECK_BYTES) return undefined
  const content = bytes.subarray(CHECK_BYTES)
  return crc32(content) === bytes.readUInt32BE(0) ? content : undefined
}
