/**
 * What has left this process for which port, seen at the sockets: below the proxy, its transports and whatever they believe to
 * have sent. It tells a request that was lost on its way to a target from one that never left.
 */
import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

const CLIENT_SOCKETS = 'net.client.socket'

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

  #watch(socket: Socket): void {
    // Not before: `connect` takes back what was put in the place of `write`.
    socket.once('connectionAttempt', (_address: string, port: number) => {
      this.#connections.set(port, this.connectionsTo(port) + 1)
      const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
      socket.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
        this.#note(port, chunk)
        return write(chunk, ...rest)
      }
    })
  }

  #note(port: number, chunk: string | Uint8Array): void {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
    const id = /\r\nx-id: (\S+)\r\n/i.exec(text)?.[1]
    if (id === undefined) return
    const ids = this.#ids.get(port)
    if (ids === undefined) this.#ids.set(port, new Set([id]))
    else ids.add(id)
  }
}
