/**
 * Requests of an HTTP/2 server that is not ours, by `nodeHandler()`: through the stream underneath, past Node's imitation of
 * `node:http`. Timeouts and limits of its connections are that server's.
 */
import { constants, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2'
import type { Clock } from '@sluice/wire'
import type { Peer } from '../../client.ts'
import type { Admission } from '../../entrance/entrance.ts'
import type { AnyProxyError } from '../../errors.ts'
import { DateValue } from '../../http2/date-value.ts'
import type { ListenerServices } from '../../listener.ts'
import { problemReply } from '../../problem.ts'
import type { Reply } from '../../reply.ts'
import type { ClientTls } from '../../tls/client-tls.ts'
import { consumedBody, isConsumed } from '../consumed-body.ts'
import { hasVanished, readPeer } from '../node-socket.ts'
import { admitStream } from './admit-stream.ts'
import type { ForeignHost } from './foreign-exchange.ts'

/** What a framework may have added. */
interface ForeignRequest extends Http2ServerRequest {
  readonly body?: unknown
  readonly originalUrl?: string
}

const hosts = new WeakMap<ServerHttp2Session, ForeignSession>()

/**
 * `given` and `reply` are what such a server calls its request listener with: to its user they are those of `node:http`.
 * `answersExpect`: whether `100-continue` was left to us by the server.
 */
export function serveForeignStream(
  given: object,
  reply: object,
  next: (() => void) | undefined,
  services: ListenerServices,
  answersExpect: boolean,
): void {
  const [request, response] = [given as ForeignRequest, reply as Http2ServerResponse]
  const { stream } = request
  const session = stream.session as ServerHttp2Session | undefined
  // The client left while an earlier middleware was at work.
  if (session === undefined || stream.destroyed || stream.closed) return
  let host = hosts.get(session)
  if (host === undefined) hosts.set(session, (host = new ForeignSession(session, services)))
  if (session.destroyed || hasVanished(session.socket, host.peer)) return session.destroy()
  const flags = stream.endAfterHeaders ? constants.NGHTTP2_FLAG_END_STREAM : 0
  const { exchange, admission } = admitStream(stream, flags, request.rawHeaders, host, {
    peer: host.peer,
    services,
    answersExpect,
  })
  if (admission.isUnmatched && next !== undefined) return next()
  // Node's imitation passes errors of the stream on to these.
  request.on('error', ignore)
  response.on('error', ignore)
  // Or its imitation would send trailers of its own.
  stream.removeAllListeners('wantTrailers')
  exchange.open(admission)
  const respond = (made: Reply): void => {
    adoptFields(made, response)
    exchange.respond(made)
  }
  const refusal = consumed(request, admission, services)
  if (refusal === undefined) services.entrance.answer(admission, respond)
  else respond(refusal)
}

/** What a framework's parser has read is written again; the reply where that can not be. */
function consumed(request: ForeignRequest, { exchange }: Admission, services: ListenerServices): Reply | undefined {
  if (exchange.body.isEmpty || !isConsumed(request)) return undefined
  try {
    exchange.request.body = consumedBody(request.body, exchange.request.headers)
    return undefined
  } catch (error) {
    return problemReply(error as AnyProxyError, services.entrance.settings.name)
  }
}

/** Fields that other middlewares have set are sent as well, as in HTTP/1.1; and what they look at is true. */
function adoptFields(reply: Reply, response: Http2ServerResponse): void {
  for (const [name, value] of Object.entries(response.getHeaders())) {
    if (value === undefined || name.startsWith(':') || reply.headers.has(name)) continue
    for (const each of [value].flat()) reply.headers.append(name, String(each))
  }
  response.statusCode = reply.status === 101 ? 200 : reply.status
}

class ForeignSession implements ForeignHost {
  readonly peer: Peer
  readonly #session: ServerHttp2Session
  readonly #services: ListenerServices
  readonly #dates: DateValue

  constructor(session: ServerHttp2Session, services: ListenerServices) {
    const { clock }: { clock: Clock } = services.entrance.settings
    this.#session = session
    this.#services = services
    this.#dates = new DateValue(clock)
    this.peer = new ForeignPeer(session, readPeer(session.socket))
  }

  get date(): string {
    return this.#dates.current
  }

  get isClosing(): boolean {
    return this.#services.isClosing()
  }

  get isGone(): boolean {
    return this.#session.destroyed
  }

  retire(): void {
    this.#session.close()
  }
}

/** What is known of a socket that can't be asked any more once its session is gone. */
class ForeignPeer implements Peer {
  readonly address: string
  readonly port: number
  readonly secure: boolean
  readonly #session: ServerHttp2Session
  readonly #peer: Peer

  constructor(session: ServerHttp2Session, peer: Peer) {
    this.address = peer.address
    this.port = peer.port
    this.secure = peer.secure
    this.#session = session
    this.#peer = peer
  }

  get tls(): ClientTls | undefined {
    return this.#session.destroyed ? undefined : this.#peer.tls
  }
}

function ignore(): void {}
