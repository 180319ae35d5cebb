/** Ties an exchange to its stream on the wire: 1xx replies, the reply with its body and trailers, a tunnel, and the end of it all. */
import { Body, type HeaderList, type Http2Stream, type Http2StreamObserver, maskOf, MessageError } from '@sluice/wire'
import type { Peer } from '../client.ts'
import type { Admission } from '../entrance/entrance.ts'
import { type AnyProxyError, DownstreamError, ProxyError } from '../errors.ts'
import type { Downstream } from '../exchange-init.ts'
import { ReceivedRequest } from '../exchange-request.ts'
import type { Exchange } from '../exchange.ts'
import { limitBody } from '../limited-body.ts'
import type { ListenerServices } from '../listener.ts'
import { frameReply } from '../reply-framing.ts'
import type { Reply } from '../reply.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { StreamTunnelEnd } from './stream-tunnel-end.ts'

const CONTENT_LENGTH = maskOf('content-length')
/** As for other tunnels: a client that has vanished without a word is found out by the kernel. */
const KEEP_ALIVE_MS = 60_000

/** Lets a stream in, and has it answered. */
export function serveStream(stream: Http2Stream, peer: Peer, services: ListenerServices): void {
  const { entrance } = services
  const { head } = stream
  const exchange = new StreamExchange(stream, services)
  const admission = entrance.admit({
    received: new ReceivedRequest(head.method, head.target, head.headers, '2.0'),
    body: limitBody(bodyOf(stream), entrance.settings.maxBodyBytes),
    peer,
    downstream: exchange,
    upgrade: head.protocol,
    fault: faultOf(stream),
  })
  exchange.admission = admission
  stream.observer = exchange
  entrance.answer(admission, (reply) => exchange.respond(reply))
}

/** The exchange of a stream that was let in. */
export function exchangeOf(stream: Http2Stream | undefined): Exchange | undefined {
  return (stream?.observer as StreamExchange | undefined)?.admission.exchange
}

/** What follows a CONNECT is no body. */
function bodyOf(stream: Http2Stream): Body {
  if (stream.head.method === 'CONNECT') return Body.empty
  const { headers } = stream.head
  return headers.hasAny(CONTENT_LENGTH) && headers.get('content-length') === '0' ? Body.empty : stream.body
}

function faultOf({ head: { fault } }: Http2Stream): DownstreamError | undefined {
  switch (fault) {
    case 'too-large':
      return new DownstreamError('ERR_SLUICE_HEADERS_TOO_LARGE')
    case 'host':
      return new DownstreamError('ERR_SLUICE_BAD_HOST', { message: 'the Host field is not the :authority' })
    case 'target':
      return new DownstreamError('ERR_SLUICE_BAD_TARGET')
    default:
      return undefined
  }
}

class StreamExchange implements Downstream, Http2StreamObserver {
  admission!: Admission
  readonly #stream: Http2Stream
  readonly #services: ListenerServices
  #reply: Reply | undefined = undefined
  #tunnelEnd: StreamTunnelEnd | undefined = undefined

  constructor(stream: Http2Stream, services: ListenerServices) {
    this.#stream = stream
    this.#services = services
  }

  informational(status: number, headers: HeaderList): void {
    this.#stream.informational(status, headers)
  }

  respond(reply: Reply): void {
    const stream = this.#stream
    const { exchange } = this.admission
    this.#reply = reply
    try {
      if (reply.tunnel !== undefined && reply.status === 101) return this.#openTunnel(reply, reply.tunnel)
      frameReply(reply, exchange.received.method)
      stream.respond(reply.status, reply.headers, reply.body)
      if (reply.closesConnection || this.#services.isClosing()) stream.connection.retire()
    } catch (error) {
      exchange.settings.onInternalError(error, exchange)
      reply.body.cancel()
      stream.reset()
    }
  }

  translate(cause: Error): AnyProxyError {
    if (ProxyError.is(cause)) return cause
    if (cause instanceof MessageError) {
      const isLate = cause.fault === 'timeout'
      return new DownstreamError(isLate ? 'ERR_SLUICE_REQUEST_TIMEOUT' : 'ERR_SLUICE_BODY_MALFORMED', { cause })
    }
    return new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause })
  }

  aborted(error: Error): void {
    if (this.#tunnelEnd === undefined) this.admission.exchange.abort(this.translate(error))
  }

  ended(bodyBytes: number, error: Error | undefined): void {
    if (this.#tunnelEnd === undefined) this.admission.exchange.end(this.#reply, bodyBytes, error)
    else this.#tunnelEnd.sent()
  }

  closed(): void {
    this.#tunnelEnd?.closed()
  }

  #openTunnel(reply: Reply, tunnel: Tunnel): void {
    const { exchange } = this.admission
    const { headers } = reply
    const stream = this.#stream
    if (stream.isGone) return tunnel.destroy()
    // Parts of the handshake that HTTP/2 does without (RFC 8441, section 5).
    headers.delete('sec-websocket-accept')
    headers.delete('content-length')
    stream.connection.socket.setKeepAlive(true, KEEP_ALIVE_MS)
    const end = (this.#tunnelEnd = new StreamTunnelEnd(stream))
    stream.openTunnel(headers, end.outgoing)
    tunnel.open(exchange, end, () => exchange.end(reply, tunnel.bytesFromTarget, tunnel.error))
  }
}
