/**
 * One client request with its reply and all its attempts: the object that every middleware receives. Its fields are all
 * there from the constructor on; whatever not every request needs (parameters, signal, slots) is made at first use.
 */
import type { Body, Clock, ScheduledCall } from '@sluice/wire'
import type { Client } from './client.ts'
import { AwaitingDownstream, type DetachedOptions, NO_DOWNSTREAM } from './detached-exchange.ts'
import type { AwaitedChain } from './entrance/awaited-chain.ts'
import { type AnyProxyError, DownstreamError, InternalError } from './errors.ts'
import { exchangeEnded } from './events.ts'
import type { ExchangeEnd } from './exchange-end.ts'
import type { Downstream, ExchangeInit } from './exchange-init.ts'
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

/** How long a chain may take to answer once its deadline has passed. */
const GRACE_MS = 250

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
  /** Of a branch: the exchange that it belongs to. */
  readonly #parent: Exchange | undefined
  /** @internal Its place among the exchanges in flight; -1 for none. */
  inFlightIndex = -1
  /** @internal The chain that the entrance waits for. */
  awaited: AwaitedChain | undefined = undefined
  /** Where it was routed to; missing where nothing matched. */
  route: RouteInfo | undefined = undefined
  #params: Readonly<Record<string, string>> | undefined = undefined
  #matchedPath = ''
  #attempts: Attempt[] | undefined = undefined
  #slots: unknown[] | undefined = undefined
  /** They are another exchange's as well: copied before the first is set. */
  #sharesSlots = false
  #aborted: AnyProxyError | undefined = undefined
  #controller: AbortController | undefined = undefined
  #onEnd: ((end: ExchangeEnd) => void)[] | undefined = undefined
  #onAbort: ((error: AnyProxyError) => void)[] | undefined = undefined
  #ended = false
  #isDetached = false
  /** Those whose attempts are listed here too. */
  #awaited: Exchange[] | undefined = undefined
  #branches: Exchange[] | undefined = undefined
  #deadlineAt: number | undefined = undefined
  #deadline: ScheduledCall | undefined = undefined

  /** `twin` is another exchange of the same request; `isBranch`: this one is a part of it. */
  constructor(settings: ProxySettings, init: ExchangeInit, twin?: Exchange, isBranch: boolean = false) {
    this.#parent = isBranch ? twin : undefined
    this.settings = settings
    this.received = init.received
    this.request = init.request
    this.client = init.client
    this.downstream = init.downstream
    this.startedAt = twin === undefined ? settings.clock.now() : twin.startedAt
  }

  /**
   * One try of its own, for middlewares that call `next` more than once: what stands below sees the request as it is here,
   * whatever an earlier try has made of its copy, and aborting the branch cancels its attempts alone. It shares the body,
   * the client and the clock; slots are copied; `attempts` and `onEnd` are the whole exchange's.
   */
  branch(): Exchange<S> {
    const branch = this.#twin(this.downstream, true)
    if (this.#branches === undefined) this.#branches = [branch]
    else this.#branches.push(branch)
    return branch
  }

  /**
   * The same request as an exchange of its own, for a fetch that may outlive this one's client, or that nobody waits for: neither
   * ends or aborts with the other, and each has its own deadline, attempts and `onEnd`. Slots are copied; the body is shared,
   * so there had better be none, or one in memory. A proxy that closes waits for it. Who makes it calls {@link end}, once; it
   * is not told of as `exchange-ended`.
   */
  detached(options: DetachedOptions = {}): Exchange<S> {
    const isAwaited = options.awaited === true
    const detached = this.#twin(isAwaited ? new AwaitingDownstream(this) : NO_DOWNSTREAM, false)
    detached.#isDetached = true
    if (isAwaited) this.#await(detached)
    this.settings.inFlight.add(detached)
    return detached
  }

  #twin(downstream: Downstream, isBranch: boolean): Exchange<S> {
    const { received, client } = this
    const init = { received, request: this.request.copy(), client, downstream }
    const twin = new Exchange<S>(this.settings, init, this, isBranch)
    twin.route = this.route
    twin.#matchedPath = this.#matchedPath
    // Shared until one of the two sets a slot, which mostly neither does.
    twin.#slots = this.#slots
    twin.#sharesSlots = this.#sharesSlots = true
    return twin
  }

  /** Of a branch the attempts are the whole exchange's. */
  #await(detached: Exchange): void {
    if (this.#parent !== undefined) return this.#parent.#await(detached)
    if (this.#awaited === undefined) this.#awaited = [detached]
    else this.#awaited.push(detached)
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

  /** Every try so far, in order; also those of other branches. */
  get attempts(): readonly Attempt[] {
    if (this.#parent !== undefined) return this.#parent.attempts
    const own = this.#attempts ?? NO_ATTEMPTS
    return this.#awaited === undefined ? own : [...own, ...this.#awaited.flatMap(({ attempts }) => attempts)]
  }

  /**
   * Sets a slot, and returns the exchange with a type that says so. `V` is for a value that is more than the slot asks for, where
   * those behind should know: it is what the slot holds, or what `next` wants to be told of.
   */
  set<Name extends string, T, V extends T = T>(
    slot: Slot<Name, T>,
    value: NoInfer<V>,
  ): Exchange<S & { readonly [N in Name]: V }> {
    if (this.#slots === undefined) this.#slots = []
    else if (this.#sharesSlots) this.#slots = this.#slots.slice()
    this.#sharesSlots = false
    this.#slots[slot.index] = value
    return this as unknown as Exchange<S & { readonly [N in Name]: V }>
  }

  /**
   * The value of a slot that the type says is set, of the type that it was set with.
   * @throws {InternalError} `ERR_SLUICE_SLOT_MISSING` where a cast has lied about it
   */
  get<Name extends string, T, S2 extends { readonly [N in Name]: T }>(
    this: Exchange<S2>,
    slot: Slot<Name, T>,
  ): S2[Name] {
    const value = this.#slots?.[slot.index]
    if (value === undefined)
      throw new InternalError('ERR_SLUICE_SLOT_MISSING', { message: `the slot "${slot.name}" is not set` })
    return value as S2[Name]
  }

  /** The value of a slot, or `undefined` where nothing has set it. */
  peek<Name extends string, T, S2>(
    this: Exchange<S2>,
    slot: Slot<Name, T>,
  ): (Name extends keyof S2 ? S2[Name] : T) | undefined {
    return this.#slots?.[slot.index] as (Name extends keyof S2 ? S2[Name] : T) | undefined
  }

  /** Why the exchange was given up, once it was. */
  get aborted(): AnyProxyError | undefined {
    return this.#aborted ?? this.#parent?.aborted
  }

  /** When the exchange is given up at the latest, by `clock.now()`; missing where it may take any time. */
  get deadlineAt(): number | undefined {
    return this.#parent === undefined ? this.#deadlineAt : this.#parent.deadlineAt
  }

  /** Milliseconds to the deadline; Infinity without one. */
  get remainingMs(): number {
    const at = this.deadlineAt
    return at === undefined ? Number.POSITIVE_INFINITY : Math.max(0, at - this.clock.now())
  }

  /**
   * Gives the exchange up at `at`, by `clock.now()`, whatever it is doing then: waiting for a place, for a target, between
   * two tries. Of several deadlines the earliest counts. The client gets 504 `ERR_SLUICE_DEADLINE_EXCEEDED`, or a reset where the head
   * was out.
   */
  expireAt(at: number): void {
    if (this.#parent !== undefined) return this.#parent.expireAt(at)
    if (this.#ended || (this.#deadlineAt !== undefined && this.#deadlineAt <= at)) return
    this.#deadline?.cancel()
    this.#deadlineAt = at
    this.#deadline = this.clock.schedule(Math.max(0, at - this.clock.now()), () => this.#expired())
  }

  /** What is under way is cancelled, and its chain has a moment to make something of that; a chain that hangs is left behind. */
  #expired(): void {
    const error = new InternalError('ERR_SLUICE_DEADLINE_EXCEEDED')
    this.abort(error)
    if (this.awaited !== undefined) this.#deadline = this.clock.schedule(GRACE_MS, () => this.awaited?.fail(error))
  }

  /** Takes the deadline away, as for a stream without an end. */
  liftDeadline(): void {
    if (this.#parent !== undefined) return this.#parent.liftDeadline()
    this.#deadline?.cancel()
    this.#deadline = this.#deadlineAt = undefined
  }

  /** Aborted when the client leaves or the exchange is given up; for work of your own that should stop with it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.aborted !== undefined) this.#controller.abort(this.aborted)
    return this.#controller.signal
  }

  /**
   * Gives the exchange up: every attempt that is under way is cancelled at once. Listeners call it when a client leaves. Of a
   * branch only its own attempts are, and the request's body is left for the others.
   */
  abort(error: AnyProxyError = new DownstreamError('ERR_SLUICE_CLIENT_ABORT')): void {
    if (this.#aborted !== undefined || this.#ended) return
    this.#aborted = error
    this.#controller?.abort(error)
    for (const callback of this.#onAbort ?? []) callback(error)
    for (const branch of this.#branches ?? []) branch.abort(error)
    if (this.#parent === undefined) this.request.body.cancel(error)
    for (const attempt of this.#attempts ?? NO_ATTEMPTS) attempt.cancel(error)
  }

  /**
   * Calls back once, when the exchange is given up: {@link signal} for those who need no more than that, at a fraction of the
   * cost. Not where that was before. The callback must not throw.
   */
  onAbort(callback: (error: AnyProxyError) => void): void {
    if (this.#onAbort === undefined) this.#onAbort = [callback]
    else this.#onAbort.push(callback)
  }

  /**
   * Calls back once, when the reply's last byte was handed over or the exchange has failed. Not where that was before: what
   * waits for something first had better look at {@link aborted}.
   */
  onEnd(callback: (end: ExchangeEnd) => void): void {
    if (this.#parent !== undefined) return this.#parent.onEnd(callback)
    this.#onEnd = this.#onEnd === undefined ? [callback] : [...this.#onEnd, callback]
  }

  /** @internal Called by the entrance. */
  routeTo(route: RouteInfo): void {
    this.route = route
    this.#matchedPath = this.request.path
  }

  /** @internal Called by `forward`. */
  began(attempt: Attempt): void {
    this.#parent?.began(attempt)
    if (this.#attempts === undefined) this.#attempts = [attempt]
    else this.#attempts.push(attempt)
  }

  /** Called by listeners, and by who has made a {@link detached} one; once. */
  end(reply: Reply | undefined, bodyBytes: number, error?: AnyProxyError | Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#deadline?.cancel()
    this.settings.inFlight.delete(this)
    for (const attempt of this.#attempts ?? NO_ATTEMPTS) attempt.release()
    const isTold = exchangeEnded.hasSubscribers && !this.#isDetached
    if (this.#onEnd === undefined && !isTold) return
    const end: ExchangeEnd = { reply, error, durationMs: this.clock.now() - this.startedAt, bodyBytes }
    if (isTold) exchangeEnded.publish({ exchange: this, ...end })
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
