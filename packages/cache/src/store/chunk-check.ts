/** Stretches of bytes with a checksum in front: what was torn, mixed up or overwritten elsewhere is not taken for a body. */
import { crc32 } from 'node:zlib'

/** What a checksum takes. */
export const CHECK_BYTES = 4

/** `content` behind its checksum. */
export function sealed(content: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(CHECK_BYTES + content.byteLength)
  whole.set(content, CHECK_BYTES)
  writeCheck(whole)
  return whole
}

/** Writes the checksum of what stands behind it. */
export function writeCheck(whole: Buffer): void {
  whole.writeUInt32BE(crc32(whole.subarray(CHECK_BYTES)), 0)
}

/** What was sealed, where it is whole. */
export function unsealed(bytes: Buffer): Buffer | undefined {
  if (bytes.length < CHECK_BYTES) return undefined
  const content = bytes.subarray(CHECK_BYTES)
  return crc32(content) === bytes.readUInt32BE(0) ? content : undefined
}
