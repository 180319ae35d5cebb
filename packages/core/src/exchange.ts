/**
 * One client request with its reply and all its attempts: the object that every middleware receives. Its fields are all
 * there from the constructor on; whatever not every request needs (parameters, signal, slots) is made at first use.
 */
import type { Body, Clock, HeaderList } from '@sluice/wire'
import type { Client } from './client.ts'
import { type AnyProxyError, DownstreamError, InternalError } from './errors.ts'
import { exchangeEnded } from './events.ts'
import type { ExchangeRequest, ReceivedRequest } from './exchange-request.ts'
import type { ProxySettings } from './proxy-settings.ts'
import type { Reply } from './reply.ts'
import type { CompiledMatch } from './routing/route-match.ts'
import { pathParams } from './routing/router.ts'
import type { Slot } from './slot.ts'
import type { Attempt } from './upstream/attempt.ts'

/** What an exchange was routed to. */
export interface RouteInfo {
  readonly name: string
  readonly match: CompiledMatch
}

/** How an exchange ended; see {@link Exchange.onEnd}. */
export interface ExchangeEnd {
  /** What was answered; missing where the client left before. */
  readonly reply: Reply | undefined
  /** Missing where the whole reply was handed to the client's connection. */
  readonly error: AnyProxyError | Error | undefined
  /** From the request head to here. */
  readonly durationMs: number
  /** Bytes of the reply's body that were sent. */
  readonly bodyBytes: number
}

/** The listener's side of an exchange. */
export interface Downstream {
  /** Sends a 1xx reply ahead of the final one (RFC 9110, section 15.2), where the client's protocol can carry it. */
  informational(status: number, headers: HeaderList): void
}

/** What a listener hands over when a request head has arrived. */
export interface ExchangeInit {
  readonly received: ReceivedRequest
  readonly request: ExchangeRequest
  readonly client: Client
  readonly downstream: Downstream
}

const NO_ATTEMPTS: readonly Attempt[] = Object.freeze([])

/** `S` is the state set so far; see {@link Slot}. */
export class Exchange<out S = unknown> {
  /** @internal Only a type. */
  declare readonly '~state': S
  /** The request as received. */
  readonly received: ReceivedRequest
  /** The request as it will be forwarded. */
  readonly request: ExchangeRequest
  readonly client: Client
  readonly downstream: Downstream
  readonly settings: ProxySettings
  /** When the head had arrived, by `clock.now()`. */
  readonly startedAt: number
  /** @internal Its place among the exchanges in flight; -1 for none. */
  inFlightIndex = -1
  /** Where it was routed to; missing where nothing matched. */
  route: RouteInfo | undefined = undefined
  #params: Readonly<Record<string, string>> | undefined = undefined
  #matchedPath = ''
  #attempts: Attempt[] | undefined = undefined
  #slots: unknown[] | undefined = undefined
  #aborted: AnyProxyError | undefined = undefined
  #controller: AbortController | undefined = undefined
  #onEnd: ((end: ExchangeEnd) => void)[] | undefined = undefined
  #ended = false

  constructor(settings: ProxySettings, init: ExchangeInit) {
    this.settings = settings
    this.received = init.received
    this.request = init.request
    this.client = init.client
    this.downstream = init.downstream
    this.startedAt = settings.clock.now()
  }

  get clock(): Clock {
    return this.settings.clock
  }

  get body(): Body {
    return this.request.body
  }

  /** The path parameters of the route, decoded. */
  get params(): Readonly<Record<string, string>> {
    return (this.#params ??= this.route === undefined ? NO_PARAMS : pathParams(this.route.match, this.#matchedPath))
  }

  /** Every try so far, in order. */
  get attempts(): readonly Attempt[] {
    return this.#attempts ?? NO_ATTEMPTS
  }

  /** Sets a slot, and returns the exchange with a type that says so. */
  set<Name extends string, T>(slot: Slot<Name, T>, value: NoInfer<T>): Exchange<S & { readonly [N in Name]: T }> {
    const slots = (this.#slots ??= [])
    slots[slot.index] = value
    return this as unknown as Exchange<S & { readonly [N in Name]: T }>
  }

  /**
   * The value of a slot that the type says is set.
   * @throws {InternalError} `ERR_SLUICE_SLOT_MISSING` where a cast has lied about it
   */
  get<Name extends string, T>(
    // Only the slot says what `T` is: the state would offer the types of all slots that are set.
    this: Exchange<{ readonly [N in NoInfer<Name>]: NoInfer<T> }>,
    slot: Slot<Name, T>,
  ): T {
    const value = this.#slots?.[slot.index]
    if (value === undefined)
      throw new InternalError('ERR_SLUICE_SLOT_MISSING', { message: `the slot "${slot.name}" is not set` })
    return value as T
  }

  /** The value of a slot, or `undefined` where nothing has set it. */
  peek<T>(slot: Slot<string, T>): T | undefined {
    return this.#slots?.[slot.index] as T | undefined
  }

  /** Why the exchange was given up, once it was. */
  get aborted(): AnyProxyError | undefined {
    return this.#aborted
  }

  /** Aborted when the client leaves or the exchange is given up; for work of your own that should stop with it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
    return this.#controller.signal
  }

  /** Gives the exchange up: every attempt that is under way is cancelled at once. Listeners call it when a client leaves. */
  abort(error: AnyProxyError = new DownstreamError('ERR_SLUICE_CLIENT_ABORT')): void {
    if (this.#aborted !== undefined || this.#ended) return
    this.#aborted = error
    this.#controller?.abort(error)
    this.request.body.cancel(error)
    for (const attempt of this.attempts) attempt.cancel(error)
  }

  /** Calls back once, when the reply's last byte was handed over or the exchange has failed. */
  onEnd(callback: (end: ExchangeEnd) => void): void {
    this.#onEnd = this.#onEnd === undefined ? [callback] : [...this.#onEnd, callback]
  }

  /** @internal Called by the entrance. */
  routeTo(route: RouteInfo): void {
    this.route = route
    this.#matchedPath = this.request.path
  }

  /** @internal Called by `forward`. */
  began(attempt: Attempt): void {
    if (this.#attempts === undefined) this.#attempts = [attempt]
    else this.#attempts.push(attempt)
  }

  /** @internal Called by listeners, once. */
  end(reply: Reply | undefined, bodyBytes: number, error?: AnyProxyError | Error): void {
    if (this.#ended) return
    this.#ended = true
    this.settings.inFlight.delete(this)
    for (const attempt of this.attempts) attempt.release()
    if (this.#onEnd === undefined && !exchangeEnded.hasSubscribers) return
    const end: ExchangeEnd = { reply, error, durationMs: this.clock.now() - this.startedAt, bodyBytes }
    if (exchangeEnded.hasSubscribers) exchangeEnded.publish({ exchange: this, ...end })
    for (const callback of this.#onEnd ?? []) {
      try {
        callback(end)
      } catch (cause) {
        this.settings.onInternalError(cause, this)
      }
    }
  }
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null))
