/** A proxy as a request listener of `node:http`: in a server of one's own, in Express, or in anything that speaks Connect. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { HeaderList, maskOf } from '@sluice/wire'
import type { AnyProxyError } from '../errors.ts'
import type { Downstream } from '../exchange-init.ts'
import { ReceivedRequest } from '../exchange-request.ts'
import type { ListenerServices } from '../listener.ts'
import { problemReply } from '../problem.ts'
import { consumedBody, isConsumed } from './consumed-body.ts'
import { serveForeignStream } from './http2/foreign-stream.ts'
import { nodeBody } from './node-body.ts'
import { NodeReplyWriter } from './node-reply.ts'
import { connectionOf, hasVanished } from './node-socket.ts'

/** A request of a framework that has a parsed body, or was mounted under a prefix. */
export interface NodeRequest extends IncomingMessage {
  /** What a body parser made of the body. */
  body?: unknown
  /** The URL before a router took a prefix off it. */
  originalUrl?: string
}

/**
 * `(request, response, next?)`, also of `node:http2`'s servers. Routes match the whole path, also where the handler is mounted under a prefix. What no
 * route matches goes to `next`, where there is one; otherwise it gets the reply for no match.
 */
export type NodeHandler = (request: NodeRequest, response: ServerResponse, next?: (error?: unknown) => void) => void

/** `answersExpect`: whether `100-continue` was left to us by the server. */
export function createNodeHandler(services: ListenerServices, answersExpect = false): NodeHandler {
  return (request, response, next) => {
    // A client of HTTP/1.1 may write this version into its request line; only a stream makes it true.
    if (request.httpVersionMajor === 2 && 'stream' in request) {
      return serveForeignStream(request, response, next, services, answersExpect)
    }
    // The client left while an earlier middleware was at work: nothing would ever end the exchange.
    const connection = connectionOf(request.socket)
    if (response.destroyed || connection.isFinished) return
    if (hasVanished(request.socket, connection.peer)) return void request.socket.destroy()
    const { entrance } = services
    const received = new ReceivedRequest(
      request.method!,
      request.originalUrl ?? request.url!,
      HeaderList.received(request.rawHeaders),
      request.httpVersion,
    )
    const admission = entrance.admit({
      received,
      body: nodeBody(request, response, received.headers, entrance.settings.maxBodyBytes, answersExpect),
      peer: connection.peer,
      downstream: new NodeDownstream(response),
      upgrade: undefined,
    })
    if (admission.isUnmatched && next !== undefined) return next()
    const { exchange } = admission
    const isLast = hasDoubtfulFraming(received)
    if (isLast) connection.isFinished = true
    const writer = new NodeReplyWriter(exchange, request, response)
    if (!exchange.body.isEmpty && isConsumed(request)) {
      try {
        exchange.request.body = consumedBody(request.body, exchange.request.headers)
      } catch (error) {
        return writer.send(problemReply(error as AnyProxyError, entrance.settings.name), isLast || services.isClosing())
      }
    }
    entrance.answer(admission, (reply) => {
      // What Node has parsed behind it already is not served any more (RFC 9112, section 9.6).
      if (reply.closesConnection) connection.isFinished = true
      writer.send(reply, isLast || services.isClosing())
    })
  }
}

const TRANSFER_ENCODING = maskOf('transfer-encoding')

/**
 * Whether a request is refused for codings that Node's parser accepts (`gzip, chunked`, or any in HTTP/1.0). Another party may see its end
 * elsewhere, so whatever follows on its connection must not be served (RFC 9112, section 6.1); Node has parsed it by then.
 */
function hasDoubtfulFraming({ headers, httpVersion }: ReceivedRequest): boolean {
  if (!headers.hasAny(TRANSFER_ENCODING)) return false
  return httpVersion === '1.0' || headers.get('transfer-encoding')!.trim().toLowerCase() !== 'chunked'
}

/** What `node:http` can send ahead of a reply: 102 and 103; it has no way to send another 1xx. */
class NodeDownstream implements Downstream {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  informational(status: number, headers: HeaderList): void {
    if (this.#response.headersSent || this.#response.req.httpVersion === '1.0') return
    if (status === 102) this.#response.writeProcessing()
    const links = headers.getAll('link')
    if (status === 103 && links.length > 0) this.#response.writeEarlyHints({ ...earlyHints(headers), link: links })
  }
}

function earlyHints(headers: HeaderList): Record<string, string> {
  const hints: Record<string, string> = {}
  for (const [name, value] of headers) hints[name.toLowerCase()] = value
  return hints
}
