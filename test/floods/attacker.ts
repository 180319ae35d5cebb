/** A client of HTTP/2 that writes whatever frames it is told to, and counts what comes back. */
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { FLAG, frame, PREFACE, settings, TYPE } from './frames.ts'

/** Where to, and how. */
export interface AttackerOptions {
  readonly port: number
  readonly isSecure: boolean
  /** What its first SETTINGS say. @default nothing */
  readonly settings?: readonly (readonly [setting: number, value: number])[]
}

/** What has come back. */
export interface Received {
  /** By frame type. */
  readonly frames: number[]
  bytes: number
  /** Error codes of RST_STREAM. */
  readonly resets: number[]
  /** Error codes of GOAWAY. */
  readonly goAways: number[]
}

export class Attacker {
  readonly received: Received = { frames: [], bytes: 0, resets: [], goAways: [] }
  readonly socket: Socket
  readonly #greeted: Promise<void>
  #greet!: () => void
  #unread: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.socket = socket
    this.#greeted = new Promise((resolve) => (this.#greet = resolve))
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
  }

  static async connect(options: AttackerOptions): Promise<Attacker> {
    const { port, isSecure } = options
    const where = { port, host: '127.0.0.1', noDelay: true }
    const socket = isSecure
      ? connectSecurely({ ...where, ALPNProtocols: ['h2'], rejectUnauthorized: false })
      : connectPlain(where)
    const attacker = new Attacker(socket)
    await Promise.race([once(socket, isSecure ? 'secureConnect' : 'connect'), once(socket, 'close')])
    await attacker.write(Buffer.concat([PREFACE, settings(options.settings)]))
    // Nothing may stand between the frames of a head: what is to be acknowledged is, before anything else.
    await Promise.race([attacker.#greeted, once(socket, 'close')])
    return attacker
  }

  /** Whether the connection is gone, or its other end has said that it goes. */
  get isOver(): boolean {
    const { socket, received } = this
    return socket.destroyed || socket.readableEnded || received.goAways.length > 0
  }

  /** Writes, and waits until the kernel has taken it, or the connection is gone. */
  async write(bytes: Buffer): Promise<void> {
    const { socket } = this
    if (socket.destroyed || socket.write(bytes)) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve()
      }
      socket.once('drain', done)
      socket.once('close', done)
    })
  }

  close(): void {
    this.socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.received.bytes += bytes.length
    let unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    while (unread.length >= 9) {
      const end = 9 + unread.readUIntBE(0, 3)
      if (unread.length < end) break
      this.#take(unread[3]!, unread[4]!, unread.subarray(9, end))
      unread = unread.subarray(end)
    }
    this.#unread = unread
  }

  #take(type: number, flags: number, payload: Buffer): void {
    const { frames, resets, goAways } = this.received
    frames[type] = (frames[type] ?? 0) + 1
    if (type === TYPE.rstStream) resets.push(payload.readUInt32BE(0))
    if (type === TYPE.goAway) goAways.push(payload.readUInt32BE(4))
    // As everybody does: settings are not in force before.
    if (type === TYPE.settings && (flags & FLAG.ack) === 0)
      this.socket.write(frame(TYPE.settings, FLAG.ack, 0), this.#greet)
  }
}
