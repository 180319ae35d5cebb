/** HTTP/2 by hand: what a client of good will would never send. */
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { Listener } from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'

export const TYPE = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const FLAG = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const

export const ERROR = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  ENHANCE_YOUR_CALM: 11,
} as const

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** A frame that came. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const content = Buffer.from(payload as string, 'latin1')
  const head = Buffer.alloc(9)
  head.writeUIntBE(content.byteLength, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, content])
}

/** Fields as HPACK literals that are not indexed, names as they are given. */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([integer(bytes.byteLength), bytes])
}

/** With a prefix of 7 bits (RFC 7541, section 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** The head of a GET; fields after the pseudo-header fields. */
export function getHead(path = '/', more: readonly (readonly [string, string])[] = []): Buffer {
  return fields([[':method', 'GET'], [':scheme', 'http'], [':authority', 'a.test'], [':path', path], ...more])
}

export function getRequest(stream: number, path = '/', more: readonly (readonly [string, string])[] = []): Buffer {
  return frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, stream, getHead(path, more))
}

export function reset(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(code)
  return frame(TYPE.RST_STREAM, 0, stream, payload)
}

/** A connection whose frames are written and read one by one. */
export class RawHttp2 {
  readonly socket: Socket
  readonly frames: Frame[] = []
  /** By HPACK's literals alone nobody has to decode what the server sends. */
  #rest: Buffer = Buffer.alloc(0)
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('close', () => (this.isClosed = true))
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  /** With the preface and empty SETTINGS, or those given. */
  static async open({ address }: Pick<Listener, 'address'>, settings: Buffer | string = ''): Promise<RawHttp2> {
    const options = { port: address.port, host: '127.0.0.1' }
    const isSecure = address.url.startsWith('https:')
    const socket = isSecure
      ? connectTls({ ...options, servername: 'localhost', ca: LOCALHOST.cert, ALPNProtocols: ['h2'] })
      : connectTcp(options)
    onTestFinished(() => void socket.destroy())
    await once(socket, isSecure ? 'secureConnect' : 'connect')
    const client = new RawHttp2(socket)
    socket.write(PREFACE)
    client.write(frame(TYPE.SETTINGS, 0, 0, settings))
    return client
  }

  write(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames))
  }

  /** The frames of a type, on a stream where that is given. */
  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((each) => each.type === type && (stream === undefined || each.stream === stream))
  }

  /** The error codes of the GOAWAY frames so far. */
  get goneAway(): number[] {
    return this.of(TYPE.GOAWAY).map(({ payload }) => payload.readUInt32BE(4))
  }

  /** The error code by which a stream was reset. */
  resetOf(stream: number): number | undefined {
    return this.of(TYPE.RST_STREAM, stream)[0]?.payload.readUInt32BE(0)
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.byteLength >= 9 && bytes.byteLength >= 9 + bytes.readUIntBE(0, 3)) {
      const length = bytes.readUIntBE(0, 3)
      const payload = Buffer.from(bytes.subarray(9, 9 + length))
      this.frames.push({ type: bytes[3]!, flags: bytes[4]!, stream: bytes.readUInt32BE(5) & 0x7fffffff, payload })
      bytes = bytes.subarray(9 + length)
    }
    this.#rest = bytes
  }
}
