/** Upgrade requests of `node:http`: through the same pipeline, then a tunnel of raw bytes. */
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Body, HeaderList } from '@sluice/wire'
import { requestedUpgrade } from '../entrance/hop-by-hop.ts'
import { ReceivedRequest } from '../exchange-request.ts'
import type { Exchange } from '../exchange.ts'
import type { ListenerServices } from '../listener.ts'
import type { Reply } from '../reply.ts'
import { StreamEnd } from '../tunnel/stream-end.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { NodeReplyWriter } from './node-reply.ts'
import { hasVanished, peerOf } from './node-socket.ts'
import { isForAnother, isUpgradeTaken, registerUpgradeListener, takeUpgrade } from './upgrade-listeners.ts'

/** What a client may send before its upgrade is answered; beyond that it has to wait. */
const MAX_EARLY_BYTES = 65_536

/** A listener for the `upgrade` event of an `http.Server`. */
export type NodeUpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * What no route matches is left alone where another listener of the server may want it; otherwise it gets the reply for no
 * match, so that no socket is left without an owner.
 */
export function createUpgradeHandler(services: ListenerServices): NodeUpgradeHandler {
  const handler: NodeUpgradeHandler = (request, socket, head) => {
    if (isUpgradeTaken(request)) return
    const peer = peerOf(socket)
    if (hasVanished(socket, peer)) {
      socket.destroy()
      return
    }
    const { entrance } = services
    const headers = HeaderList.received(request.rawHeaders)
    const received = new ReceivedRequest(request.method!, request.url!, headers, request.httpVersion)
    const admission = entrance.admit({
      received,
      body: Body.empty,
      peer,
      downstream: { informational() {} },
      upgrade: requestedUpgrade(headers, request.httpVersion),
    })
    if (admission.isUnmatched && isForAnother(request, handler)) return
    takeUpgrade(request)
    socket.on('error', ignore)
    const { exchange } = admission
    const early = new EarlyBytes(socket, head, () => exchange.abort())
    entrance.answer(admission, (reply) => {
      const bytes = early.stop()
      const tunnel = reply.status === 101 ? reply.tunnel : undefined
      if (socket.destroyed || (socket.readableEnded && tunnel !== undefined)) return discard(exchange, reply, socket)
      if (tunnel !== undefined) return openTunnel(exchange, reply, tunnel, socket, bytes)
      answerOrdinarily(exchange, reply, request, socket)
    })
  }
  registerUpgradeListener(handler)
  return handler
}

/**
 * Reads a client's connection while its request is on the way: only who reads learns that the client has left. What it
 * sends ahead of the answer is kept, up to a bound, for whoever it turns out to be meant for.
 */
class EarlyBytes {
  readonly #socket: Duplex
  readonly #leave: () => void
  #chunks: Buffer[]
  #size = 0

  constructor(socket: Duplex, head: Buffer, leave: () => void) {
    this.#socket = socket
    this.#chunks = [head]
    this.#leave = leave
    socket.on('data', this.#take)
    socket.once('end', leave)
    socket.once('close', leave)
  }

  /** Leaves the connection paused, with nothing lost. */
  stop(): Buffer {
    const socket = this.#socket
    socket.pause()
    socket.off('data', this.#take)
    socket.off('end', this.#leave)
    socket.off('close', this.#leave)
    return Buffer.concat(this.#chunks)
  }

  readonly #take = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    this.#size += chunk.byteLength
    if (this.#size > MAX_EARLY_BYTES) this.#socket.pause()
  }
}

/** The client has left in the meantime. */
function discard(exchange: Exchange, reply: Reply, socket: Duplex): void {
  reply.tunnel?.destroy()
  reply.body.cancel()
  socket.destroy()
  exchange.end(undefined, 0, exchange.aborted)
}

/** Any other reply than 101: written as usual, and the connection closed, since bytes may follow that nobody parsed. */
function answerOrdinarily(exchange: Exchange, reply: Reply, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request)
  response.assignSocket(socket as never)
  const writer = new NodeReplyWriter(exchange, request, response)
  response.on('finish', () => (socket as Socket).destroySoon())
  // With the upgrade the server has stopped to pass this on.
  socket.on('drain', () => response.emit('drain'))
  // Read and dropped, so that the client's leaving is seen.
  socket.on('end', () => socket.destroy())
  socket.resume()
  writer.send(reply, true)
}

function openTunnel(exchange: Exchange, reply: Reply, tunnel: Tunnel, client: Duplex, early: Buffer): void {
  client.write(
    `HTTP/1.1 101 ${STATUS_CODES[101]}\r\nConnection: Upgrade\r\nUpgrade: ${exchange.request.upgrade}\r\n${reply.headers.lines()}\r\n`,
    'latin1',
  )
  const done = (): void => exchange.end(reply, tunnel.bytesFromTarget, tunnel.error)
  tunnel.open(exchange, new StreamEnd(client, early), done)
}

function ignore(): void {}
