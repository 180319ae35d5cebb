/**
 * Asks a service about a request. The call goes the way of every other exchange, through a proxy of its own without a listener: so the upstream's
 * balancing, health, TLS and connections are the ones that are known from elsewhere.
 */
import { createProxy, type Exchange, type Proxy } from '@sluice/core'
import { HeaderList } from '@sluice/wire'
import { requestAuthority, requestTarget } from '../request-uri.ts'
import type { ForwardAuthPlan } from './forward-auth-options.ts'

/** What the service said. */
export interface Answer {
  readonly status: number
  readonly headers: HeaderList
  /** Empty where it was too long, or broke off. */
  readonly body: Uint8Array
}

const NOTHING = new Uint8Array(0)

export class Asker {
  readonly #plan: ForwardAuthPlan
  readonly #proxy: Proxy
  asked = 0
  failed = 0

  constructor(plan: ForwardAuthPlan) {
    this.#plan = plan
    const { upstream, timeoutMs } = plan
    // What is written into X-Forwarded-* here is to arrive as it is.
    this.#proxy = createProxy({
      clock: upstream.clock,
      random: upstream.random,
      via: false,
      forwarded: { trust: 'all', fields: 'none' },
    }).forward(upstream, { host: 'target', totalTimeoutMs: timeoutMs })
  }

  /** A status of 500 or more where there is no answer. Never rejects. Given up with `signal`. */
  async ask(exchange: Exchange, signal: AbortSignal | undefined): Promise<Answer> {
    this.asked++
    const { method, target: path, maxBodyBytes } = this.#plan
    const init = { method, path, headers: this.#fieldsFor(exchange) }
    const reply = await this.#proxy.inject(signal === undefined ? init : { ...init, signal })
    let body: Uint8Array = NOTHING
    try {
      body = await reply.body.bytes({ maxBytes: maxBodyBytes })
    } catch {
      // Its head has come, and that is what decides.
    }
    if (reply.status >= 500) this.failed++
    return { status: reply.status, headers: reply.headers, body }
  }

  #fieldsFor(exchange: Exchange): HeaderList {
    const { request, client } = exchange
    const headers = new HeaderList()
    for (const field of this.#plan.requestFields) {
      // HTTP/2 has it in crumbs, which only belong together there (RFC 9113, section 8.2.3).
      const values = field === 'cookie' ? [request.headers.get('cookie') ?? []].flat() : request.headers.getAll(field)
      for (const value of values) headers.append(field, value)
    }
    headers.set('X-Forwarded-Method', request.method)
    headers.set('X-Forwarded-Proto', client.scheme)
    headers.set('X-Forwarded-Host', requestAuthority(exchange))
    headers.set('X-Forwarded-Uri', requestTarget(exchange))
    if (client.address !== '') headers.set('X-Forwarded-For', client.address)
    return headers
  }
}
