/** As much of WebSocket (RFC 6455) as the two ends of a measured tunnel need: what they send is made before they start. */
import { createHash } from 'node:crypto'

/** The one key of all handshakes here: what a proxy does with it does not depend on what it is. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const MASK = Buffer.of(0x37, 0xfa, 0x21, 0x3d)

export function handshake(port) {
  const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}`
  return `GET /tunnel HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${fields}\r\n\r\n`
}

export function acceptance(key) {
  const value = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${value}\r\n\r\n`
}

/** A text message of so many bytes: as a client sends it, and as it comes back. */
export function messageFrames(bytes) {
  const payload = Buffer.from('ping '.repeat(Math.ceil(bytes / 5)).slice(0, bytes))
  const masked = payload.map((byte, i) => byte ^ MASK[i & 3])
  return {
    toServer: Buffer.concat([frameHead(bytes, 0x80), MASK, masked]),
    toClient: Buffer.concat([frameHead(bytes, 0), payload]),
  }
}

function frameHead(bytes, maskBit) {
  if (bytes < 126) return Buffer.of(0x81, maskBit | bytes)
  if (bytes < 65_536) return Buffer.of(0x81, maskBit | 126, bytes >> 8, bytes & 0xff)
  throw new RangeError('a message has less than 64 KiB here')
}
