/** Requests without a socket: the same pipeline, for tests and for calls from within. */
import { Body, HeaderList, type HeaderListInit, type ReadBodyOptions } from '@sluice/wire'
import type { Peer } from './client.ts'
import type { Arrival, Entrance } from './entrance/entrance.ts'
import { requestedUpgrade } from './entrance/hop-by-hop.ts'
import { ConfigError } from './errors.ts'
import { ReceivedRequest } from './exchange-request.ts'
import type { Exchange } from './exchange.ts'
import { limitBody } from './limited-body.ts'
import { observeBody } from './observed-body.ts'
import { strictOption } from './options/option-checks.ts'
import { frameReply } from './reply-framing.ts'
import type { Reply } from './reply.ts'

/** A request that is made here. */
export interface InjectedRequest {
  /** @default 'GET' */
  readonly method?: string
  /** The request target: path and query, or another form of RFC 9112, section 3.2. @default '/' */
  readonly path?: string
  /** `Host: localhost` is added where there is none, and the length of the body. */
  readonly headers?: HeaderListInit
  readonly body?: string | Uint8Array | Body
  /** @default '1.1' */
  readonly httpVersion?: '1.0' | '1.1' | '2.0'
  /** Who the client appears to be. @default { address: '127.0.0.1', port: 0, secure: false } */
  readonly peer?: Partial<Peer>
  /** Gives the request up when it is aborted, as where a client leaves. @default never */
  readonly signal?: AbortSignal
}

/** A 1xx reply that came ahead of the final one. */
export interface InformationalReply {
  readonly status: number
  readonly headers: HeaderList
}

/**
 * What came back. The body flows from the upstream as it is read, and until it was read or cancelled (`reply.body.cancel()`) the exchange
 * is under way, for limits and for `close()` too.
 */
export class InjectedReply {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Body
  readonly informational: readonly InformationalReply[]
  /** The whole exchange, with its route and its attempts. */
  readonly exchange: Exchange
  /** Trailer fields, once the body was read and had any. */
  trailers: HeaderList | undefined = undefined

  constructor(exchange: Exchange, reply: Reply, informational: readonly InformationalReply[]) {
    this.status = reply.status
    this.headers = reply.headers
    this.exchange = exchange
    this.informational = informational
    // What is in memory is here: whether anybody reads it makes no difference to the exchange.
    if (reply.body.inMemory !== undefined) {
      this.body = reply.body
      exchange.end(reply, reply.body.inMemory.byteLength)
      return
    }
    this.body = observeBody(reply.body, (bytes, error, trailers) => {
      this.trailers = trailers
      exchange.end(reply, bytes, error)
    })
  }

  /** The whole body as text. See {@link Body.text}. */
  async text(options?: ReadBodyOptions): Promise<string> {
    return await this.body.text(options)
  }

  /** The whole body as JSON. See {@link Body.json}. */
  async json(options?: ReadBodyOptions): Promise<unknown> {
    return await this.body.json(options)
  }
}

/** Runs a request through the pipeline. Resolves with the reply's head; never rejects for what the request or an upstream does. */
export function inject(entrance: Entrance, init: InjectedRequest): Promise<InjectedReply> {
  const informational: InformationalReply[] = []
  const arrival = arrivalOf(init, (status, headers) => informational.push({ status, headers }))
  const admission = entrance.admit({ ...arrival, body: limitBody(arrival.body, entrance.settings.maxBodyBytes) })
  if (init.signal !== undefined) abortWith(admission.exchange, init.signal)
  return new Promise((resolve) => {
    entrance.answer(admission, (reply) => {
      frameReply(reply, arrival.received.method)
      resolve(new InjectedReply(admission.exchange, reply, informational))
    })
  })
}

function abortWith(exchange: Exchange, signal: AbortSignal): void {
  const leave = (): void => exchange.abort()
  if (signal.aborted) return leave()
  signal.addEventListener('abort', leave, { once: true })
  exchange.onEnd(() => signal.removeEventListener('abort', leave))
}

/** What a listener would have made of it. */
export function arrivalOf(
  init: InjectedRequest,
  onInformational: (status: number, headers: HeaderList) => void,
): Arrival {
  assertRequest(init)
  const headers = new HeaderList(init.headers)
  const body = init.body instanceof Body ? init.body : init.body === undefined ? Body.empty : Body.of(init.body)
  if (!headers.has('host') && init.httpVersion !== '1.0') headers.append('Host', 'localhost')
  if (!headers.has('content-length') && !headers.has('transfer-encoding')) {
    if (body.length === undefined) headers.append('Transfer-Encoding', 'chunked')
    else if (body.length > 0) headers.append('Content-Length', String(body.length))
  }
  const received = new ReceivedRequest(init.method ?? 'GET', init.path ?? '/', headers, init.httpVersion ?? '1.1')
  return {
    received,
    body,
    peer: { address: '127.0.0.1', port: 0, secure: false, ...init.peer },
    downstream: { informational: onInformational },
    upgrade: requestedUpgrade(headers, init.httpVersion ?? '1.1'),
  }
}

const NAMES: readonly (keyof InjectedRequest)[] = ['method', 'path', 'headers', 'body', 'httpVersion', 'peer', 'signal']

/** What is misspelt would be a GET of `/`, and a test that passes for no reason. */
function assertRequest(init: InjectedRequest): void {
  if (typeof init === 'string') throw new ConfigError('inject', 'must be an object, such as { path: "/users/1" }')
  const { body } = strictOption(init, NAMES, 'inject')
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array || body instanceof Body) return
  throw new ConfigError('inject.body', 'must be text, bytes or a Body')
}
