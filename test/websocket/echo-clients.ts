/** Clients that a test can talk to in the same way, whoever made them. */
import { once } from 'node:events'
import { WebSocket as UndiciWebSocket } from 'undici'
import { WebSocket as WsWebSocket } from 'ws'
import type { OpenWay } from './ways-in.ts'

/** Text, or bytes. */
export type Message = string | Buffer

export interface EchoClient {
  /** Sends one, in as many fragments as are asked for where the client can. */
  send(message: Message, fragments?: number): void
  /** The next one that comes. Rejects where the connection is closed. */
  next(): Promise<Message>
  /** Says goodbye; resolves with the code of the answer. */
  close(): Promise<number>
}

export interface EchoClientKind {
  readonly name: string
  open(way: OpenWay): Promise<EchoClient>
}

export const ECHO_CLIENTS: readonly EchoClientKind[] = [
  { name: 'ws', open: async (way) => await openWs(way, false) },
  { name: 'ws, compressed', open: async (way) => await openWs(way, true) },
  { name: 'undici', open: openUndici },
]

/** Messages in the order in which they came, for whoever asks next. */
class Inbox {
  readonly #messages: Message[] = []
  readonly #waiting: { resolve: (message: Message) => void; reject: (error: Error) => void }[] = []
  #error: Error | undefined

  put(message: Message): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#messages.push(message)
    else next.resolve(message)
  }

  fail(error: Error): void {
    this.#error ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error)
  }

  async take(): Promise<Message> {
    const message = this.#messages.shift()
    if (message !== undefined) return message
    if (this.#error !== undefined) throw this.#error
    return await new Promise<Message>((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }
}

async function openWs({ url, options }: OpenWay, isCompressed: boolean): Promise<EchoClient> {
  const perMessageDeflate = isCompressed ? { threshold: 0 } : false
  const socket = new WsWebSocket(url, { ...options, perMessageDeflate })
  const inbox = new Inbox()
  socket.on('message', (data: Buffer, isBinary) => inbox.put(isBinary ? data : data.toString()))
  socket.on('error', (error) => inbox.fail(error))
  socket.on('close', (code) => inbox.fail(new Error(`closed with ${code}`)))
  await once(socket, 'open')
  if (isCompressed !== (socket.extensions !== '')) throw new Error(`agreed on "${socket.extensions}"`)
  return {
    send(message, fragments = 1) {
      const size = Math.ceil(message.length / fragments)
      for (let i = 0; i < fragments; i++)
        socket.send(message.slice(i * size, (i + 1) * size), { fin: i === fragments - 1 })
    },
    next: async () => await inbox.take(),
    async close() {
      const closed = once(socket, 'close')
      socket.close(1_000)
      const [code] = (await closed) as [number]
      return code
    },
  }
}

async function openUndici({ secureUrl, dispatcher }: OpenWay): Promise<EchoClient> {
  const socket = new UndiciWebSocket(secureUrl, { dispatcher })
  socket.binaryType = 'arraybuffer'
  const inbox = new Inbox()
  const ended = new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => {
      inbox.fail(new Error(`closed with ${code}`))
      resolve(code)
    })
  })
  socket.addEventListener('message', ({ data }: { data: unknown }) =>
    inbox.put(typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer)),
  )
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', ({ error }) => reject(error instanceof Error ? error : new Error(String(error))))
  })
  return {
    send: (message) => socket.send(typeof message === 'string' ? message : new Uint8Array(message)),
    next: async () => await inbox.take(),
    async close() {
      socket.close(1_000)
      return await ended
    },
  }
}
