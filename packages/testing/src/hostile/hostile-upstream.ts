/**
 * Upstreams that break the rules, on raw sockets of loopback: what a gateway meets in production once a year, each at the
 * call of a function.
 */
import { createServer, type AddressInfo } from 'node:net'
import { hangingPort, refusingPort, type HeldPort } from './closed-ports.ts'
import { Conversation, ConversationOver } from './conversation.ts'
import type { HostileBehaviour } from './hostile-behaviour.ts'
import { play, type PlayedBehaviour } from './play.ts'

/** A misbehaving peer on 127.0.0.1. */
export interface HostileUpstream {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly port: number
  /** How many connections are open. */
  readonly connections: number
  /** How many were accepted. */
  readonly totalConnections: number
  /** What has arrived on each connection, in the order of acceptance. */
  readonly received: readonly Buffer[]
  /** Destroys all connections and frees the port. */
  close(): Promise<void>
}

/** Starts an upstream that misbehaves as told, on every connection. */
export async function hostileUpstream(behaviour: HostileBehaviour): Promise<HostileUpstream> {
  if (behaviour.kind === 'refuse') return withoutConnections(await refusingPort())
  if (behaviour.kind === 'hang-connect') return withoutConnections(await hangingPort())
  return await withConnections(behaviour)
}

function withoutConnections(held: HeldPort): HostileUpstream {
  return {
    url: `http://127.0.0.1:${held.port}`,
    port: held.port,
    connections: 0,
    totalConnections: 0,
    received: [],
    close: async () => await held.close(),
  }
}

async function withConnections(behaviour: PlayedBehaviour): Promise<HostileUpstream> {
  const open = new Set<Conversation>()
  const all: Conversation[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    const peer = new Conversation(socket)
    all.push(peer)
    open.add(peer)
    socket.once('close', () => open.delete(peer))
    play(behaviour, peer).catch((error: unknown) => {
      if (!(error instanceof ConversationOver)) throw error
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get connections() {
      return open.size
    },
    get totalConnections() {
      return all.length
    },
    get received() {
      return all.map((peer) => peer.received)
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      await Promise.all([closed, ...[...open].map(async (peer) => await peer.destroy())])
    },
  }
}
