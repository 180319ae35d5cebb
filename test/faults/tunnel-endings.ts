/** The ways in which a tunnel, or the attempt at one, can end: a table of plain data, and how one of them is played. */
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { waitFor } from '@sluice/testing'
import type { TunnelClient, TunnelClients } from './tunnel-clients.ts'

/** How far things have come. */
export const STAGES = ['unanswered', 'answering', 'quiet', 'busy', 'stuck'] as const
/** Who leaves. `nobody`: the proxy's own timeouts have to notice. */
export const LEAVERS = ['client', 'target', 'both', 'nobody'] as const
/**
 * `half`: it says that it leaves, and then keeps its connection until somebody takes it away. `lost`: not its stream of HTTP/2 is
 * reset, but the connection below.
 */
export const MANNERS = ['fin', 'rst', 'half', 'lost'] as const

export interface Ending {
  readonly stage: (typeof STAGES)[number]
  readonly leaver: (typeof LEAVERS)[number]
  readonly manner: (typeof MANNERS)[number]
}

/** Every one of them that is different from the others, for clients with a connection each, or with a stream of one. */
export function endingsOf(hasStreams: boolean): readonly Ending[] {
  const isOne = (leaver: Ending['leaver'], manner: Ending['manner']): boolean => {
    if (leaver === 'nobody') return manner === 'fin'
    return manner !== 'lost' || (hasStreams && leaver !== 'target')
  }
  return STAGES.flatMap((stage) =>
    LEAVERS.flatMap((leaver) =>
      MANNERS.filter((manner) => isOne(leaver, manner)).map((manner) => ({ stage, leaver, manner })),
    ),
  )
}

const LITTLE = Buffer.alloc(1_024, 'x')
/** More than what the kernel keeps for two sockets that nobody reads. */
const MUCH = Buffer.alloc(8 * 1_048_576, 'x')

/** A target that does nothing by itself: each test case takes the connection that carries its number. */
export class Targets {
  readonly #server: Server
  readonly #arrived = new Map<string, Arrived>()
  open = 0

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket))
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async take(id: string): Promise<Arrived> {
    await waitFor(() => this.#arrived.has(id), { timeoutMs: 10_000, what: `request ${id} to arrive` })
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
      const fields = head.toString('latin1')
      const id = /\r\nx-case: (\d+)\r\n/i.exec(fields)?.[1]
      if (id === undefined || this.#arrived.has(id)) return
      socket.off('end', leave)
      const key = /\r\nsec-websocket-key: *(\S+)\r\n/i.exec(fields)?.[1]
      this.#arrived.set(id, { socket, switched: switchedBy(key ?? '') })
    })
  }
}

/** A request at its target, and what answers it. */
interface Arrived {
  readonly socket: Socket
  readonly switched: string
}

/** RFC 6455, section 4.2.2. */
function switchedBy(key: string): string {
  const accept = hash('sha1', `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, 'base64')
  const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}`
  return `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`
}

/** What is played with. */
export interface Stage {
  readonly clients: TunnelClients
  readonly targets: Targets
  /** Whether the proxy has a tunnel for a case. */
  hasTunnel(id: string): boolean
}

/** Plays one. Resolves when both ends have heard that it is over. */
export async function play(ending: Ending, id: string, { clients, targets, hasTunnel }: Stage): Promise<void> {
  const { stage } = ending
  const client = await clients.open(id, ending.manner === 'lost')
  const ends = [client.stream]
  try {
    const { socket: target, switched } = await targets.take(id)
    ends.push(target)
    if (stage !== 'unanswered') target.write(switched)
    if (stage !== 'unanswered' && stage !== 'answering') await client.answered()
    if (stage === 'busy') keepBusy(...ends)
    // Neither takes what it is sent.
    if (stage === 'stuck') for (const end of ends) end.write(MUCH)
    else for (const end of ends) end.resume()
    const resetTarget = (): void => void target.resetAndDestroy()
    leave(ending, client, { stream: target, reset: resetTarget, lose: resetTarget })
    if (stage === 'stuck') {
      // Who reads nothing does not learn that the other end is gone; the proxy has to be done without its help.
      await waitFor(() => !hasTunnel(id), { timeoutMs: 15_000, what: `the tunnel of ${JSON.stringify(ending)} to end` })
      for (const end of ends) end.resume()
    }
    // To one that does not leave by itself a FIN is all that a connection can say.
    await waitFor(() => ends.every(({ closed, readableEnded }) => closed || readableEnded), {
      timeoutMs: 15_000,
      intervalMs: 10,
      what: `both ends of ${JSON.stringify(ending)} to hear that it is over`,
    })
  } finally {
    for (const end of ends) end.destroy()
    client.done()
  }
}

/** What either of the two can do. */
type End = Pick<TunnelClient, 'stream' | 'reset' | 'lose'>

/** All talk, until they are gone. */
function keepBusy(...ends: readonly Duplex[]): void {
  for (const end of ends) {
    const talk = setInterval(() => end.writable && end.write(LITTLE), 2)
    end.write(LITTLE)
    end.once('close', () => clearInterval(talk))
  }
}

function leave({ stage, leaver, manner }: Ending, ...[client, target]: readonly [End, End]): void {
  const leavers: readonly End[] = { client: [client], target: [target], both: [client, target], nobody: [] }[leaver]
  // Whoever does not leave by itself goes as well-behaved peers do: when it hears that the other has.
  for (const end of [client, target]) {
    if (leavers.includes(end) ? manner === 'half' : stage === 'stuck') continue
    end.stream.once('end', () => end.stream.end())
  }
  for (const end of leavers) {
    if (manner === 'rst') end.reset()
    else if (manner === 'lost') end.lose()
    else if (manner === 'fin' && stage === 'stuck') end.stream.destroy()
    else end.stream.end()
  }
}
