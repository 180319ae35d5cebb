/**
 * What has left this process for which port, seen at the sockets: below the proxy, its transports and whatever they believe to
 * have sent. It tells a request that was lost on its way to a target from one that never left.
 */
import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

const CLIENT_SOCKETS = 'net.client.socket'

type Chunk = string | Uint8Array

export class SentRequests {
  /** Connections that were tried, by port. */
  readonly #connections = new Map<number, number>()
  readonly #ids = new Map<number, Set<string>>()
  readonly #onSocket = (message: unknown): void => this.#watch((message as { socket: Socket }).socket)

  constructor() {
    channel(CLIENT_SOCKETS).subscribe(this.#onSocket)
  }

  connectionsTo(port: number): number {
    return this.#connections.get(port) ?? 0
  }

  /** Whether bytes of this request have left for the port. */
  has(id: string, port: number): boolean {
    return this.#ids.get(port)?.has(id) ?? false
  }

  stop(): void {
    channel(CLIENT_SOCKETS).unsubscribe(this.#onSocket)
  }

  /** By address, there is one attempt for each socket; what is written before it has succeeded counts as sent. */
  #watch(socket: Socket): void {
    socket.once('connectionAttempt', (_address: string, port: number) => {
      this.#connections.set(port, this.connectionsTo(port) + 1)
      this.#tap(socket, port)
    })
  }

  /** At the steps behind `write`, where also those pass by who leave `write` out. */
  #tap(socket: Socket, port: number): void {
    const one = socket._write.bind(socket)
    const several = socket._writev!.bind(socket)
    const taps: Pick<Socket, '_write' | '_writev'> = {
      _write: (chunk, encoding, written) => {
        this.#note(port, chunk as Chunk)
        one(chunk, encoding, written)
      },
      _writev: (chunks, written) => {
        for (const { chunk } of chunks) this.#note(port, chunk as Chunk)
        several(chunks, written)
      },
    }
    Object.assign(socket, taps)
  }

  #note(port: number, chunk: Chunk): void {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
    const id = /\r\nx-id: (\S+)\r\n/i.exec(text)?.[1]
    if (id === undefined) return
    const ids = this.#ids.get(port)
    if (ids === undefined) this.#ids.set(port, new Set([id]))
    else ids.add(id)
  }
}
