/** Frames as latin1 text, a character for each byte: what a turn writes is one text. */
import {
  ACK,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  NO_FLAGS,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frame-types.ts'

/** The nine bytes that every frame begins with (RFC 9113, section 4.1). */
export function frameHead(length: number, type: number, flags: number, stream: number): string {
  return String.fromCharCode(
    length >> 16,
    (length >> 8) & 255,
    length & 255,
    type,
    flags,
    stream >>> 24,
    (stream >> 16) & 255,
    (stream >> 8) & 255,
    stream & 255,
  )
}

/** A block of fields, in as many frames as it takes. */
export function headersFrames(block: string, stream: number, endsStream: boolean, maxFrameBytes: number): string {
  const end = endsStream ? END_STREAM : NO_FLAGS
  if (block.length <= maxFrameBytes) return frameHead(block.length, HEADERS, end | END_HEADERS, stream) + block
  let frames = frameHead(maxFrameBytes, HEADERS, end, stream) + block.slice(0, maxFrameBytes)
  for (let at = maxFrameBytes; at < block.length; at += maxFrameBytes) {
    const part = block.slice(at, at + maxFrameBytes)
    const flags = at + maxFrameBytes >= block.length ? END_HEADERS : NO_FLAGS
    frames += frameHead(part.length, CONTINUATION, flags, stream) + part
  }
  return frames
}

export function resetFrame(stream: number, code: number): string {
  return frameHead(4, RST_STREAM, NO_FLAGS, stream) + uint32(code)
}

export function settingsFrame(settings: readonly (readonly [setting: number, value: number])[]): string {
  const payload = settings.map(([setting, value]) => String.fromCharCode(0, setting) + uint32(value)).join('')
  return frameHead(payload.length, SETTINGS, NO_FLAGS, 0) + payload
}

export const SETTINGS_ACK: string = frameHead(0, SETTINGS, ACK, 0)

/** `payload` has eight characters. */
export function pingFrame(flags: number, payload: string): string {
  return frameHead(8, PING, flags, 0) + payload
}

export function goAwayFrame(lastStream: number, code: number): string {
  return frameHead(8, GOAWAY, NO_FLAGS, 0) + uint32(lastStream) + uint32(code)
}

/** `stream` is 0 for the connection. */
export function windowUpdateFrame(stream: number, bytes: number): string {
  return frameHead(4, WINDOW_UPDATE, NO_FLAGS, stream) + uint32(bytes)
}

function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255)
}
