/**
 * The header of the PROXY protocol (HAProxy, "The PROXY protocol", versions 1 and 2): what a load balancer that passes bytes
 * on says of the client at the beginning of a connection. Read strictly: whoever may send one decides who the client is, so
 * what is not exactly a header is refused, and its length is bounded before it is read.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** The client that a header names. */
export interface ProxiedAddress {
  /** IPv4-mapped IPv6 as IPv4. */
  readonly address: string
  readonly port: number
}

/** A header that is complete. */
export interface ProxyHeader {
  /** How many bytes it takes; what follows is the client's. */
  readonly length: number
  /** Missing where the sender speaks for itself (`LOCAL`, as in health checks) or does not know (`UNKNOWN`). */
  readonly source: ProxiedAddress | undefined
}

/** The bytes are no header. */
export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError'
}

/** "A 108-byte buffer is always enough" with the null byte of C (section 2.1). */
const MAX_V1_BYTES = 107
const V1_PREFIX = Buffer.from('PROXY ')
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const V2_HEAD_BYTES = 16
/** Addresses and extensions. Those that are in use need a few hundred bytes, one with a certificate some thousands. */
const MAX_V2_BYTES = 16_384

/** Transports (the low half) and families (the high one) that a stream can have come by, with the bytes of their addresses. */
const V2_FAMILIES: Readonly<Record<number, number>> = { 0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216 }

/**
 * Reads the header at the beginning of `bytes`; `undefined` while it is not complete.
 * @throws {ProxyHeaderError} as soon as it can be none
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.byteLength === 0) return undefined
  if (bytes[0] === V1_PREFIX[0]) return readV1(bytes)
  return readV2(bytes)
}

function readV1(bytes: Buffer): ProxyHeader | undefined {
  assertBegins(bytes, V1_PREFIX)
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf('\r\n')
  if (end < 0) {
    if (bytes.byteLength >= MAX_V1_BYTES) throw new ProxyHeaderError('the line is too long')
    return undefined
  }
  const line = bytes.toString('latin1', V1_PREFIX.byteLength, end)
  const length = end + 2
  // The rest of such a line is to be ignored.
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) return { length, source: undefined }
  const [protocol, source, destination, sourcePort, destinationPort, ...more] = line.split(' ')
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isPlainIPv6 : never
  if (more.length > 0 || !isAddress(source!) || !isAddress(destination!))
    throw new ProxyHeaderError('the line is malformed')
  parsePort(destinationPort)
  return { length, source: { address: withoutMapping(source!), port: parsePort(sourcePort) } }
}

function readV2(bytes: Buffer): ProxyHeader | undefined {
  assertBegins(bytes, V2_SIGNATURE)
  if (bytes.byteLength < V2_HEAD_BYTES) return undefined
  const command = bytes[12]!
  const family = bytes[13]!
  const size = bytes.readUInt16BE(14)
  if (command !== 0x20 && command !== 0x21) throw new ProxyHeaderError('the version or the command is unknown')
  if (size > MAX_V2_BYTES) throw new ProxyHeaderError('the header is too long')
  const addresses = V2_FAMILIES[family]
  // What is said with LOCAL does not matter, except for its length.
  if (command === 0x21) {
    if (addresses === undefined) throw new ProxyHeaderError('the family or the transport can not be that of a stream')
    if (size < addresses) throw new ProxyHeaderError('the addresses are cut short')
  }
  const length = V2_HEAD_BYTES + size
  if (bytes.byteLength < length) return undefined
  if (command === 0x20) return { length, source: undefined }
  return { length, source: sourceOf(family, bytes.subarray(V2_HEAD_BYTES, length)) }
}

function sourceOf(family: number, block: Buffer): ProxiedAddress | undefined {
  if (family === 0x11) return { address: block.subarray(0, 4).join('.'), port: block.readUInt16BE(8) }
  if (family === 0x21) return { address: withoutMapping(textOfIPv6(block)), port: block.readUInt16BE(32) }
  // A Unix socket has no address that would mean anything here, and neither has what is unspecified.
  return undefined
}

function assertBegins(bytes: Buffer, expected: Buffer): void {
  const length = Math.min(bytes.byteLength, expected.byteLength)
  if (bytes.compare(expected, 0, length, 0, length) !== 0)
    throw new ProxyHeaderError('the connection begins without one')
}

function parsePort(text: string | undefined): number {
  if (text === undefined || !/^(?:0|[1-9][0-9]{0,4})$/.test(text) || Number(text) > 65_535)
    throw new ProxyHeaderError('a port is malformed')
  return Number(text)
}

/** Without a zone, which means nothing on another machine. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}

function never(): boolean {
  return false
}

function withoutMapping(address: string): string {
  const match = /^::ffff:([0-9.]+)$/i.exec(address)
  return match?.[1] ?? address
}

/** In the form of RFC 5952, as the system writes the addresses of sockets: they are compared with those. */
function textOfIPv6(bytes: Buffer): string {
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (isMapped) return `::ffff:${bytes.subarray(12, 16).join('.')}`
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
