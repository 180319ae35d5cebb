/**
 * A client that is a bare socket: it sends the bytes that it is told to send, well-formed or not, at the pace it is told.
 */
import { connect, type Socket } from 'node:net'
import { readResponseFrom, type ReceivedResponse } from './received-response.ts'

/** Where to connect to. */
export interface RawClientOptions {
  readonly port: number
  /** @default '127.0.0.1' */
  readonly host?: string
  /** Stay open for writing behind the peer's FIN. @default false */
  readonly allowHalfOpen?: boolean
}

/** How to read a response. */
export interface ReadRawResponseOptions {
  /** Longest wait, in milliseconds. @default 5_000 */
  readonly timeoutMs?: number
  /** The response has no body whatever its fields say, as one to HEAD. @default false */
  readonly bodyless?: boolean
}

/** What ended a connection first: the peer's FIN, its RST (or another failure), or this side. */
export type RawClientEnd = 'end' | 'reset' | 'close'

/** A connection, and what has arrived on it. Reads take what they return; what is left is for the next read. */
export interface RawClient {
  /** The socket underneath. */
  readonly socket: Socket
  /** All that has ever arrived, whether read or not. */
  readonly received: Buffer
  /** Resolves once, with what ended the connection. A peer's FIN is seen once what came before it has been taken in. */
  readonly closed: Promise<RawClientEnd>
  /** Sends bytes; text as latin1. Says whether the kernel keeps up. */
  write(bytes: string | Uint8Array): boolean
  /**
   * Waits for `wanted`: a text, up to whose end bytes are returned, or a predicate over all that is unread, which is
   * returned as a whole.
   * @throws {Error} when it has not come within `timeoutMs`, or the connection ends first
   */
  readUntil(wanted: string | ((unread: Buffer) => boolean), timeoutMs?: number): Promise<Buffer>
  /**
   * Waits for one response; an interim one (1xx) counts as one.
   * @throws {Error} when it is not complete in time, is no HTTP, or has no head when the connection ends
   */
  readResponse(options?: ReadRawResponseOptions): Promise<ReceivedResponse>
  /** Reads nothing more from the kernel, so that the peer has to wait. */
  pause(): void
  /** Goes on after {@link pause}. */
  resume(): void
  /** Sends a FIN and can still read. */
  end(): void
  /** Sends a RST. */
  reset(): void
  /** Closes at once. */
  destroy(): void
}

const DEFAULT_TIMEOUT_MS = 5_000

/**
 * Connects.
 * @throws {Error} what the socket failed with, such as ECONNREFUSED
 */
export async function rawClient(options: RawClientOptions): Promise<RawClient> {
  const { port, host = '127.0.0.1', allowHalfOpen = false } = options
  const socket = connect({ port, host, allowHalfOpen, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve()
    })
  })
  return new SocketClient(socket)
}

class SocketClient implements RawClient {
  readonly socket: Socket
  readonly closed: Promise<RawClientEnd>
  readonly #chunks: Buffer[] = []
  #taken = 0
  #ended = false
  #onChange: (() => void) | undefined

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      const end = (how: RawClientEnd) => () => {
        this.#ended = true
        this.#onChange?.()
        resolve(how)
      }
      socket.on('end', end('end'))
      socket.on('error', end('reset'))
      socket.on('close', end('close'))
    })
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#onChange?.()
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  write(bytes: string | Uint8Array): boolean {
    return typeof bytes === 'string' ? this.socket.write(bytes, 'latin1') : this.socket.write(bytes)
  }

  async readUntil(
    wanted: string | ((unread: Buffer) => boolean),
    timeoutMs: number = DEFAULT_TIMEOUT_MS,
  ): Promise<Buffer> {
    return await this.#read(timeoutMs, (unread, ended) => {
      const index = typeof wanted === 'string' ? unread.indexOf(wanted, 0, 'latin1') : -1
      if (typeof wanted === 'string' && index >= 0) return this.#take(unread, index + wanted.length)
      if (typeof wanted !== 'string' && wanted(unread)) return this.#take(unread, unread.length)
      if (ended) throw new Error(`the connection ended after ${JSON.stringify(unread.toString('latin1'))}`)
      return undefined
    })
  }

  async readResponse(options: ReadRawResponseOptions = {}): Promise<ReceivedResponse> {
    return await this.#read(options.timeoutMs ?? DEFAULT_TIMEOUT_MS, (unread, ended) => {
      const response = readResponseFrom(unread, ended, options.bodyless ?? false)
      if (response !== undefined) this.#take(unread, unread.length - response.leftover.length)
      return response
    })
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  destroy(): void {
    this.socket.destroy()
  }

  #take(unread: Buffer, length: number): Buffer {
    this.#taken += length
    return unread.subarray(0, length)
  }

  async #read<T>(timeoutMs: number, attempt: (unread: Buffer, ended: boolean) => T | undefined): Promise<T> {
    if (this.#onChange !== undefined) throw new Error('this client is being read from already')
    return await new Promise<T>((resolve, reject) => {
      const settle = (conclude: () => void): void => {
        clearTimeout(timer)
        this.#onChange = undefined
        conclude()
      }
      const timer = setTimeout(() => {
        const unread = JSON.stringify(this.received.toString('latin1', this.#taken))
        settle(() => reject(new Error(`waited ${timeoutMs} ms in vain; unread: ${unread}`)))
      }, timeoutMs)
      const look = (): void => {
        try {
          const result = attempt(this.received.subarray(this.#taken), this.#ended)
          if (result !== undefined) settle(() => resolve(result))
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))))
        }
      }
      this.#onChange = look
      look()
    })
  }
}
