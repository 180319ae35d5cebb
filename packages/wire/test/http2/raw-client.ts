/** A client of HTTP/2 that writes whatever frames it is told to, and takes apart what comes back. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { PREFACE } from '../../src/http2/frame-reader.ts'
import { ACK, CONTINUATION, END_HEADERS, END_STREAM, HEADERS, SETTINGS } from '../../src/http2/frame-types.ts'

/** A frame that came. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export type Pairs = readonly (readonly [name: string, value: string])[]

export const GET: Pairs = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.test'],
  [':path', '/'],
]
export const POST: Pairs = [[':method', 'POST'], ...GET.slice(1)]

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const content = Buffer.from(payload as string, 'latin1')
  const head = Buffer.alloc(9)
  head.writeUIntBE(content.byteLength, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, content])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function settings(...pairs: readonly (readonly [setting: number, value: number])[]): Buffer {
  const payload = pairs.map(([setting, value]) => Buffer.concat([Buffer.from([0, setting]), uint32(value)]))
  return frame(SETTINGS, 0, 0, Buffer.concat(payload))
}

/** Fields as HPACK literals that are not indexed. */
export function fields(pairs: Pairs): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))
}

/** A request; `flags` beside END_HEADERS. */
export function headers(stream: number, pairs: Pairs = GET, flags: number = END_STREAM): Buffer {
  return frame(HEADERS, flags | END_HEADERS, stream, fields(pairs))
}

/** A head in as many frames as there are pieces. */
export function headersInPieces(stream: number, pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(
    pieces.map((piece, index) =>
      frame(
        index === 0 ? HEADERS : CONTINUATION,
        (index === 0 ? END_STREAM : 0) | (index === pieces.length - 1 ? END_HEADERS : 0),
        stream,
        piece,
      ),
    ),
  )
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const length = [Math.min(bytes.byteLength, 127)]
  for (let rest = bytes.byteLength - 127; rest >= 0; rest = rest < 128 ? -1 : rest >> 7)
    length.push(rest < 128 ? rest : (rest & 127) | 128)
  return Buffer.concat([Buffer.from(length), bytes])
}

export class RawClient {
  readonly socket: Socket
  readonly frames: Frame[] = []
  /** Sizes of the pieces in which all of it came. */
  readonly reads: number[] = []
  isClosed = false
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('close', () => (this.isClosed = true))
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  /** With the preface and its SETTINGS, the server's acknowledged. */
  static async open(port: number, first: Buffer = settings()): Promise<RawClient> {
    const client = await RawClient.connect(port)
    client.write(PREFACE, first, frame(SETTINGS, ACK, 0))
    return client
  }

  /** Without a word. */
  static async connect(port: number): Promise<RawClient> {
    // Whether it closes as well is the test's to say.
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.setNoDelay(true)
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  write(...frames: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames))
  }

  /** The frames of a type, on a stream where that is given. */
  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((each) => each.type === type && (stream === undefined || each.stream === stream))
  }

  /** The bytes of DATA on a stream. */
  bodyOf(stream: number): Buffer {
    return Buffer.concat(this.of(0, stream).map(({ payload }) => payload))
  }

  /** Whether a stream was ended in order. */
  hasEnded(stream: number): boolean {
    return this.frames.some((each) => each.stream === stream && each.type < 2 && (each.flags & END_STREAM) !== 0)
  }

  resetOf(stream: number): number | undefined {
    return this.of(3, stream)[0]?.payload.readUInt32BE(0)
  }

  /** The error codes of GOAWAY. */
  get goneAway(): number[] {
    return this.of(7).map(({ payload }) => payload.readUInt32BE(4))
  }

  #read(chunk: Buffer): void {
    this.reads.push(chunk.byteLength)
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
