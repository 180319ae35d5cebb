/** Padding of HEADERS and DATA (RFC 9113, section 6.1): its length in the first byte, and so many bytes at the end. */
import { FRAME_SIZE_ERROR, PROTOCOL_ERROR } from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'

/** Where the content ends that begins behind the byte at `from`. */
export function paddingStart(bytes: Buffer, from: number, to: number): number {
  if (from >= to) throw new Http2Fault(FRAME_SIZE_ERROR, 'the frame has no room for the length of its padding')
  const end = to - bytes[from]!
  if (end <= from) throw new Http2Fault(PROTOCOL_ERROR, 'the padding is longer than the frame')
  return end
}
