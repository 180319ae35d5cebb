/**
 * WebSocket on a route: who may open a tunnel, how many, and for how long. By default the bytes of a tunnel pass as they are
 * and nothing is parsed, which is what makes it cheap; with `frames` each message is taken apart.
 *
 *     const chat = webSocket({ origins: ['https://app.example.com'], maxPerClient: 20, idleTimeoutMs: 120_000 })
 *     proxy.route({ path: '/chat' }, (route) => route.use(chat).forward(rooms))
 *
 * What asks for no WebSocket passes through. The handshake itself is checked by core, for every route.
 */
import { defineMiddleware, type Exchange, type Handler, type Middleware, type Reply, UpstreamError } from '@sluice/core'
import { ClientCounts } from './client-counts.ts'
import { messagesCounted, type RefusalReason, tunnelRefused } from './events.ts'
import { Negotiation } from './frames/compression.ts'
import type { FramePlan } from './frames/frame-options.ts'
import { FramedEnd } from './frames/framed-end.ts'
import { addCounts, type CountedMessages, type MessageCounts, noMessages } from './frames/message-counts.ts'
import { refusal } from './refusal.ts'
import { type WebSocketOptions, type WebSocketPlan, webSocketPlan } from './web-socket-options.ts'

/** The state of a `webSocket` as plain data. */
export interface WebSocketSnapshot {
  /** Tunnels that are open, or being opened. */
  readonly tunnels: number
  /** Clients that have any. */
  readonly clients: number
  /** How many were refused so far. */
  readonly refused: Readonly<Record<RefusalReason, number>>
  /** Messages of closed tunnels; missing without `frames`. */
  readonly messages: { readonly fromClient: MessageCounts; readonly fromTarget: MessageCounts } | undefined
}

/** The middleware, with a look inside. */
export interface WebSocketMiddleware<N = unknown> extends Middleware<N> {
  snapshot(): WebSocketSnapshot
}

/**
 * Makes the middleware; one that stands in several routes counts for all of them.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function webSocket<N = unknown>(options: WebSocketOptions<N> = {}): WebSocketMiddleware<N> {
  const gatekeeper = new Gatekeeper<N>(webSocketPlan(options))
  const middleware = defineMiddleware<N>('webSocket', (exchange, next) =>
    exchange.request.upgrade === 'websocket' ? gatekeeper.admit(exchange, next) : next(exchange),
  )
  return Object.assign(middleware, { snapshot: () => gatekeeper.snapshot() })
}

const REFUSALS: Readonly<Record<RefusalReason, readonly [status: number, detail: string]>> = {
  origin: [403, 'This origin may not open a WebSocket here.'],
  subprotocol: [400, 'None of these subprotocols is spoken here.'],
  extension: [400, 'The offered extensions are malformed.'],
  'client-limit': [429, 'This client has as many WebSockets as it may.'],
}

class Gatekeeper<N> {
  readonly #plan: WebSocketPlan<N>
  readonly #clients: ClientCounts
  readonly #refused: Record<RefusalReason, number> = { origin: 0, subprotocol: 0, extension: 0, 'client-limit': 0 }
  readonly #fromClient: CountedMessages = noMessages()
  readonly #fromTarget: CountedMessages = noMessages()
  #tunnels = 0

  constructor(plan: WebSocketPlan<N>) {
    this.#plan = plan
    this.#clients = new ClientCounts(plan.maxPerClient)
  }

  snapshot(): WebSocketSnapshot {
    const { frames } = this.#plan
    return {
      tunnels: this.#tunnels,
      clients: this.#clients.size,
      refused: { ...this.#refused },
      messages:
        frames === undefined ? undefined : { fromClient: { ...this.#fromClient }, fromTarget: { ...this.#fromTarget } },
    }
  }

  admit(exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> {
    // Of one that is over already nobody would ever give the place back.
    if (exchange.aborted !== undefined) throw exchange.aborted
    const { allowsOrigin, allowsSubprotocols, frames } = this.#plan
    if (allowsOrigin?.(exchange) === false) return this.#refuse(exchange, 'origin')
    if (allowsSubprotocols?.(exchange.request.headers) === false) return this.#refuse(exchange, 'subprotocol')
    const negotiation = frames === undefined ? undefined : new Negotiation(frames)
    if (negotiation?.offer(exchange.request.headers) === false) return this.#refuse(exchange, 'extension')
    const key = this.#plan.clientKey(exchange)
    if (key !== undefined && !this.#clients.take(key)) return this.#refuse(exchange, 'client-limit')
    this.#tunnels++
    exchange.onEnd(() => {
      this.#tunnels--
      if (key !== undefined) this.#clients.free(key)
    })
    return this.#open(exchange, next, negotiation)
  }

  async #open(exchange: Exchange<N>, next: Handler, negotiation: Negotiation | undefined): Promise<Reply> {
    const { frames, handshakeTimeoutMs, idleTimeoutMs, maxAgeMs } = this.#plan
    const reply = await (handshakeTimeoutMs > 0 ? within(handshakeTimeoutMs, exchange, next) : next(exchange))
    const { tunnel } = reply
    if (reply.status !== 101 || tunnel === undefined) return reply
    if (idleTimeoutMs !== undefined) tunnel.idleTimeoutMs = idleTimeoutMs
    if (maxAgeMs !== undefined) tunnel.maxAgeMs = maxAgeMs
    if (frames !== undefined) this.#takeApart(frames, exchange, reply, negotiation!)
    return reply
  }

  #takeApart(frames: FramePlan<N>, exchange: Exchange<N>, reply: Reply, negotiation: Negotiation): void {
    const tunnel = reply.tunnel!
    const end = new FramedEnd(frames, exchange, tunnel, negotiation.agree(reply.headers))
    tunnel.target = end
    exchange.onEnd(() => {
      const { client, target } = end
      addCounts(this.#fromClient, client.counts)
      addCounts(this.#fromTarget, target.counts)
      if (!messagesCounted.hasSubscribers) return
      messagesCounted.publish({ exchange, fromClient: client.counts, fromTarget: target.counts })
    })
  }

  #refuse(exchange: Exchange<N>, reason: RefusalReason): Reply {
    this.#refused[reason]++
    if (tunnelRefused.hasSubscribers) tunnelRefused.publish({ exchange, reason })
    return refusal(...REFUSALS[reason])
  }
}

/** On a branch, so that the time of the handshake is not the time of what follows. */
async function within<N>(limitMs: number, exchange: Exchange<N>, next: Handler): Promise<Reply> {
  const branch = exchange.branch()
  const limit = exchange.clock.schedule(limitMs, () =>
    branch.abort(new UpstreamError('ERR_SLUICE_HEAD_TIMEOUT', { stage: 'upgrade' })),
  )
  try {
    return await next(branch)
  } finally {
    limit.cancel()
  }
}
