/** Upgrade requests of `node:http`: through the same pipeline, then a tunnel of raw bytes. */
import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { Body, HeaderList } from '@sluice/wire'
import { requestedUpgrade } from '../entrance/hop-by-hop.ts'
import { ReceivedRequest } from '../exchange-request.ts'
import type { Exchange } from '../exchange.ts'
import type { ListenerServices } from '../listener.ts'
import type { Reply } from '../reply.ts'
import { NodeReplyWriter } from './node-reply.ts'
import { peerOf } from './node-socket.ts'

/** A listener for the `upgrade` event of an `http.Server`. */
export type NodeUpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * What no route matches is left alone where another listener of the server may want it; otherwise it gets the reply for no
 * match, so that no socket is left without an owner.
 */
export function createUpgradeHandler(services: ListenerServices): NodeUpgradeHandler {
  return (request, socket, head) => {
    const { entrance } = services
    const received = new ReceivedRequest(
      request.method!,
      request.url!,
      HeaderList.received(request.rawHeaders),
      request.httpVersion,
    )
    const protocol = requestedUpgrade(received.headers)
    const admission = entrance.admit({
      received,
      body: Body.empty,
      peer: peerOf(socket),
      downstream: { informational() {} },
      // A switch to HTTP/2 in the clear concerns this hop alone, and RFC 9113 has given it up.
      upgrade: protocol === 'h2c' ? undefined : protocol,
    })
    if (admission.isUnmatched && hasOtherListeners(request)) return
    socket.on('error', ignore)
    const { exchange } = admission
    const leave = () => exchange.abort()
    socket.once('close', leave)
    entrance.answer(admission, (reply) => {
      socket.off('close', leave)
      if (reply.tunnel !== undefined) return openTunnel(exchange, reply, socket, reply.tunnel, head)
      answerOrdinarily(exchange, reply, request, socket)
    })
  }
}

/** Any other reply than 101: written as usual, and the connection closed, since bytes may follow that nobody parsed. */
function answerOrdinarily(exchange: Exchange, reply: Reply, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request)
  response.assignSocket(socket as never)
  const writer = new NodeReplyWriter(exchange, request, response)
  response.on('finish', () => socket.end())
  writer.send(reply, true)
}

function openTunnel(exchange: Exchange, reply: Reply, client: Duplex, target: Duplex, head: Buffer): void {
  if (client.destroyed) {
    target.destroy()
    return exchange.end(undefined, 0, exchange.aborted)
  }
  client.write(
    `HTTP/1.1 101 ${STATUS_CODES[101]}\r\nConnection: Upgrade\r\nUpgrade: ${exchange.request.upgrade}\r\n${fieldLines(reply.headers)}\r\n`,
    'latin1',
  )
  if (head.byteLength > 0) target.write(head)
  join(client, target, () => exchange.end(reply, 0))
}

/** Lets bytes flow both ways with backpressure. When one side is gone, so is the other. */
function join(client: Duplex, target: Duplex, done: () => void): void {
  let open = 2
  for (const [from, to] of [
    [client, target],
    [target, client],
  ] as const) {
    from.pipe(to)
    from.on('error', ignore)
    from.once('close', () => {
      to.destroy()
      if (--open === 0) done()
    })
  }
}

function fieldLines(headers: HeaderList): string {
  let lines = ''
  for (const [name, value] of headers) lines += `${name}: ${value}\r\n`
  return lines
}

function hasOtherListeners(request: IncomingMessage): boolean {
  const { server } = request.socket as { server?: NodeJS.EventEmitter }
  return server !== undefined && server.listenerCount('upgrade') > 1
}

function ignore(): void {}
