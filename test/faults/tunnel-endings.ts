/** The ways in which a tunnel, or the attempt at one, can end: a table of plain data, and how one of them is played. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { waitFor } from '@sluice/testing'

/** How far things have come. */
export const STAGES = ['unanswered', 'answering', 'quiet', 'busy', 'stuck'] as const
/** Who leaves. `nobody`: the proxy's own timeouts have to notice. */
export const LEAVERS = ['client', 'target', 'both', 'nobody'] as const
/** `half`: it says that it leaves, and then keeps its connection until somebody takes it away. */
export const MANNERS = ['fin', 'rst', 'half'] as const

export interface Ending {
  readonly stage: (typeof STAGES)[number]
  readonly leaver: (typeof LEAVERS)[number]
  readonly manner: (typeof MANNERS)[number]
}

/** Every one of them that is different from the others. */
export const ENDINGS: readonly Ending[] = STAGES.flatMap((stage) =>
  LEAVERS.flatMap((leaver) =>
    MANNERS.filter((manner) => leaver !== 'nobody' || manner === 'fin').map((manner) => ({ stage, leaver, manner })),
  ),
)

// The key and its answer are those of RFC 6455, section 1.3.
const UPGRADE =
  'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const SWITCHED =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
const LITTLE = Buffer.alloc(1_024, 'x')
/** More than what the kernel keeps for two sockets that nobody reads. */
const MUCH = Buffer.alloc(8 * 1_048_576, 'x')

/** A target that does nothing by itself: each test case takes the connection that carries its number. */
export class Targets {
  readonly #server: Server
  readonly #arrived = new Map<string, Socket>()
  open = 0

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async take(id: string): Promise<Socket> {
    await waitFor(() => this.#arrived.has(id), { timeoutMs: 5_000, what: `request ${id} to arrive` })
    return this.#arrived.get(id)!
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #accept(socket: Socket): void {
    this.open++
    socket.on('error', () => {})
    socket.on('close', () => this.open--)
    // Nobody plays with one that carries no case, or a case that is tried once more because its connection was lost.
    const leave = (): void => void socket.end()
    socket.once('end', leave)
    socket.once('data', (head) => {
      const id = /\r\nx-case: (\d+)\r\n/i.exec(head.toString('latin1'))?.[1]
      if (id === undefined || this.#arrived.has(id)) return
      socket.off('end', leave)
      this.#arrived.set(id, socket)
    })
  }
}

/** What is played with. */
export interface Stage {
  /** The proxy's. */
  readonly port: number
  readonly targets: Targets
  /** Whether the proxy has a tunnel for a case. */
  hasTunnel(id: string): boolean
}

/** Plays one. Resolves when both ends have heard that it is over. */
export async function play(ending: Ending, id: string, { port, targets, hasTunnel }: Stage): Promise<void> {
  const { stage } = ending
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  client.write(`${UPGRADE}X-Case: ${id}\r\n\r\n`)
  const target = await targets.take(id)
  if (stage === 'answering') target.write(SWITCHED)
  else if (stage !== 'unanswered') {
    target.write(SWITCHED)
    await once(client, 'readable')
    client.read()
  }
  if (stage === 'busy') keepBusy(client, target)
  // Neither takes what it is sent.
  if (stage === 'stuck') for (const socket of [client, target]) socket.write(MUCH)
  else for (const socket of [client, target]) socket.resume()
  leave(ending, client, target)
  if (stage === 'stuck') {
    // Who reads nothing does not learn that the other end is gone; the proxy has to be done without its help.
    await waitFor(() => !hasTunnel(id), { timeoutMs: 15_000, what: `the tunnel of ${JSON.stringify(ending)} to end` })
    for (const socket of [client, target]) socket.resume()
  }
  // To one that does not leave by itself a FIN is all that a connection can say.
  const hasHeard = (socket: Socket): boolean => socket.closed || socket.readableEnded
  await waitFor(() => hasHeard(client) && hasHeard(target), {
    timeoutMs: 15_000,
    intervalMs: 10,
    what: `both ends of ${JSON.stringify(ending)} to hear that it is over`,
  })
  for (const socket of [client, target]) socket.destroy()
}

/** Both talk, until their sockets are gone. */
function keepBusy(...sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    const talk = setInterval(() => socket.writable && socket.write(LITTLE), 2)
    socket.write(LITTLE)
    socket.once('close', () => clearInterval(talk))
  }
}

function leave({ stage, leaver, manner }: Ending, client: Socket, target: Socket): void {
  const leavers: readonly Socket[] = { client: [client], target: [target], both: [client, target], nobody: [] }[leaver]
  // Whoever does not leave by itself goes as well-behaved peers do: when it hears that the other has.
  for (const socket of [client, target]) {
    if (leavers.includes(socket) ? manner === 'half' : stage === 'stuck') continue
    socket.once('end', () => socket.end())
  }
  for (const socket of leavers) {
    if (manner === 'rst') socket.resetAndDestroy()
    else if (manner === 'fin' && stage !== 'stuck') socket.end()
    else if (manner === 'fin') socket.destroy()
    else socket.end()
  }
}
