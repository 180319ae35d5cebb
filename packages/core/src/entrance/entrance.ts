/**
 * Where every exchange begins, whichever listener brought it: the head is checked, stripped and routed; then its route's
 * chain answers. Nothing that a client, a middleware or an upstream does gets past this as an exception.
 */
import type { Body, HeaderList } from '@sluice/wire'
import { maskOf, WireError, type WireErrorCode } from '@sluice/wire'
import type { Peer } from '../client.ts'
import type { DownstreamErrorCode } from '../error-codes.ts'
import { type AnyProxyError, DownstreamError, InternalError, ProxyError } from '../errors.ts'
import type { Downstream } from '../exchange-init.ts'
import { ExchangeRequest, type ReceivedRequest } from '../exchange-request.ts'
import { Exchange, type RouteInfo } from '../exchange.ts'
import { adoptGrpcTimeout, finishGrpcReply, isGrpc } from '../grpc/grpc-exchange.ts'
import type { DirectHandler, Handler } from '../middleware.ts'
import { problemReply } from '../problem.ts'
import type { ProxySettings } from '../proxy-settings.ts'
import type { Reply } from '../reply.ts'
import { ambiguityNames } from '../routing/canonical-path.ts'
import type { Router } from '../routing/router.ts'
import { handshakeFault, newKey } from '../tunnel/websocket-handshake.ts'
import { AwaitedChain } from './awaited-chain.ts'
import { stripHopByHop } from './hop-by-hop.ts'
import { answerHere } from './max-forwards.ts'
import { checkHead, type CheckedHead, dropUnderscoreFields } from './request-checks.ts'

/** A route that is ready to answer. */
export interface LinkedRoute extends RouteInfo {
  readonly handler: Handler
}

/** What a listener knows of a request when its head has arrived. */
export interface Arrival {
  readonly received: ReceivedRequest
  readonly body: Body
  readonly peer: Peer
  readonly downstream: Downstream
  /** The protocol to switch to, where the client asks for one and the listener can. */
  readonly upgrade: string | undefined
  /** What the listener has found wrong with the head already. */
  readonly fault?: AnyProxyError | undefined
}

/** An exchange that was let in, and what answers it. */
export interface Admission {
  readonly exchange: Exchange
  readonly handler: Handler
  /** Whether no route matched: a proxy that is mounted in a server may leave it to whoever comes next. */
  readonly isUnmatched: boolean
}

const EXPECT = maskOf('expect')
/** What a handler's reader can find wrong with the request's body is the client's fault. */
const REQUEST_BODY_FAULTS: Partial<Record<WireErrorCode, DownstreamErrorCode>> = {
  ERR_SLUICE_BODY_TOO_LARGE: 'ERR_SLUICE_BODY_TOO_LARGE',
  ERR_SLUICE_BODY_NOT_JSON: 'ERR_SLUICE_BODY_MALFORMED',
}
const UNROUTED: CheckedHead = { target: '/', authority: '', host: '' }

/** The entrance of one proxy. */
export class Entrance {
  readonly #settings: ProxySettings
  readonly #router: Router<LinkedRoute>
  readonly #noMatch: Handler

  constructor(settings: ProxySettings, router: Router<LinkedRoute>, noMatch: Handler) {
    this.#settings = settings
    this.#router = router
    this.#noMatch = noMatch
  }

  get settings(): ProxySettings {
    return this.#settings
  }

  /** Checks, strips and routes. Never throws. */
  admit(arrival: Arrival): Admission {
    const { received } = arrival
    let head = UNROUTED
    let refusal: AnyProxyError | undefined
    try {
      if (arrival.fault !== undefined) throw arrival.fault
      head = checkHead(received, this.#settings.maxTargetBytes, arrival.upgrade)
      if (received.headers.hasAny(EXPECT)) checkExpectation(received)
      // A length that is announced can be refused before anything is sent upstream.
      if ((arrival.body.length ?? 0) > this.#settings.maxBodyBytes)
        throw new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE')
    } catch (error) {
      refusal = error as AnyProxyError
    }
    const exchange = this.#open(arrival, head)
    if (refusal !== undefined) return { exchange, handler: () => this.#refuse(refusal), isUnmatched: false }
    return this.#route(exchange, head)
  }

  /** Calls back with the reply, once. Never throws, and neither may the callback. */
  answer({ exchange, handler }: Admission, send: (reply: Reply) => void): void {
    this.#settings.inFlight.add(exchange)
    const respond = isGrpc(exchange.received.headers) ? this.#beginGrpc(exchange, send) : send
    try {
      if (isDirect(handler)) {
        const fail = (error: unknown) => respond(this.#failed(error, exchange))
        return handler.direct(exchange, respond, fail)
      }
      const reply = handler(exchange)
      if (reply instanceof Promise) this.#await(reply, exchange, respond)
      else respond(this.#checked(reply, exchange))
    } catch (error) {
      respond(this.#failed(error, exchange))
    }
  }

  #await(pending: Promise<Reply>, exchange: Exchange, respond: (reply: Reply) => void): void {
    const chain = new AwaitedChain(exchange, respond, (error) => this.#failed(error, exchange))
    pending.then(
      (reply) => chain.settle(this.#checked(reply, exchange)),
      (error: unknown) => chain.fail(error),
    )
  }

  #open({ received, body, peer, downstream, upgrade }: Arrival, head: CheckedHead): Exchange {
    const headers = received.headers.copy()
    stripHopByHop(headers)
    if (headers.hasAny(EXPECT)) headers.delete('expect')
    dropUnderscoreFields(headers, this.#settings.dropUnderscoreHeaders)
    const client = this.#settings.forwarded.admit(headers, peer)
    let { method } = received
    if (method === 'CONNECT' && upgrade === 'websocket') {
      // To all that follows it is what HTTP/1.1 has for it (RFC 8441, section 5), whatever the target speaks.
      method = 'GET'
      headers.set('Sec-WebSocket-Key', newKey(this.#settings.random))
    }
    const request = new ExchangeRequest(method, head.target, headers, body, head.authority, upgrade)
    return new Exchange(this.#settings, { received, request, client, downstream })
  }

  #beginGrpc(exchange: Exchange, send: (reply: Reply) => void): (reply: Reply) => void {
    adoptGrpcTimeout(exchange)
    return (reply) => {
      finishGrpcReply(reply, exchange)
      send(reply)
    }
  }

  #route(exchange: Exchange, head: CheckedHead): Admission {
    const { request } = exchange
    const local = answerHere(exchange)
    if (local !== undefined) return { exchange, handler: () => local, isUnmatched: false }
    const route = this.#router.find(request, head.host)
    const refused = request.ambiguities & ~(route?.match.allowedAmbiguities ?? 0)
    if (refused !== 0) {
      const error = new DownstreamError('ERR_SLUICE_AMBIGUOUS_PATH', {
        message: `the path has: ${ambiguityNames(refused).join(', ')}`,
      })
      return { exchange, handler: () => this.#problem(error), isUnmatched: route === undefined }
    }
    if (route === undefined) return { exchange, handler: this.#noMatch, isUnmatched: true }
    const fault = request.upgrade === 'websocket' ? handshakeFault(exchange.received) : undefined
    if (fault !== undefined) return { exchange, handler: () => this.#refuse(fault), isUnmatched: false }
    exchange.routeTo(route)
    return { exchange, handler: route.handler, isUnmatched: false }
  }

  /** What follows on the connection of a head that broke a rule is better not believed. */
  #refuse(error: AnyProxyError): Reply {
    const reply = this.#problem(error)
    reply.closesConnection = true
    return reply
  }

  #problem(error: AnyProxyError): Reply {
    return problemReply(error, this.#settings.name)
  }

  /** A middleware that forgot its `return` must not take the process with it. */
  #checked(reply: Reply | undefined, exchange: Exchange): Reply {
    // The `headers` of a Response, too, are something else.
    if (reply?.headers?.hasAny !== undefined) return reply
    const hint = reply === undefined ? 'is there a `return` missing?' : 'Reply.text() and the like make one'
    return this.#failed(new TypeError(`a middleware or handler returned no Reply: ${hint}`), exchange)
  }

  #failed(error: unknown, exchange: Exchange): Reply {
    if (ProxyError.is(error)) {
      if (MISTAKES.has(error.code)) this.#settings.onInternalError(error, exchange)
      return this.#problem(error)
    }
    const fault =
      WireError.is(error) && error.body === exchange.request.body ? REQUEST_BODY_FAULTS[error.code] : undefined
    if (fault !== undefined) return this.#problem(new DownstreamError(fault, { cause: error }))
    this.#settings.onInternalError(error, exchange)
    return this.#problem(new InternalError('ERR_SLUICE_INTERNAL', { cause: error }))
  }
}

/** What says how a chain was put together, and not what happened to a request: its client can't help it, whoever wrote it can. */
const MISTAKES: ReadonlySet<string> = new Set(['ERR_SLUICE_CONFIG', 'ERR_SLUICE_SLOT_MISSING'])

function isDirect(handler: Handler): handler is DirectHandler {
  return (handler as Partial<DirectHandler>).direct !== undefined
}

/** `100-continue` is answered by the listener when the body is first read; nothing else is known (RFC 9110, section 10.1.1). */
function checkExpectation({ headers, httpVersion }: { headers: HeaderList; httpVersion: string }): void {
  if (httpVersion !== '1.0' && headers.get('expect')!.toLowerCase() !== '100-continue')
    throw new DownstreamError('ERR_SLUICE_EXPECTATION_FAILED')
}
