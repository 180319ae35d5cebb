/**
 * The terminal that most chains end in: it carries the exchange to a target and brings the reply back.
 *
 *   pick target -> edit the head for it -> send -> reply head -> strip -> Reply, its body still flowing
 *
 * An attempt that reached no target is made again at another one, whatever the method; one that a reused connection lost
 * before any byte of a reply is made once more on a new connection, where the method is idempotent (RFC 9110, section
 * 9.2.2) and the body can be sent again. Everything beyond that is for the retry middleware to decide.
 */
import type { HeaderList, ScheduledCall } from '@sluice/wire'
import { acceptsTrailers, stripHopByHop } from './entrance/hop-by-hop.ts'
import type { UpstreamErrorCode } from './error-codes.ts'
import { type AnyProxyError, ConfigError, InternalError, UpstreamError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { compileForward, type ForwardOptions, type ForwardPlan } from './forward-plan.ts'
import { isIdempotent } from './idempotent.ts'
import type { DirectHandler, Handler } from './middleware.ts'
import { problemReply } from './problem.ts'
import type { Reply } from './reply.ts'
import { switchFault } from './tunnel/switch-check.ts'
import { Attempt, type AttemptOwner } from './upstream/attempt.ts'
import { wasTried } from './upstream/balancer.ts'
import type { PendingExchange } from './upstream/pending-queue.ts'
import { retryBudget } from './upstream/retry-budget.ts'
import type { Target } from './upstream/target.ts'
import type { Upstream } from './upstream/upstream.ts'
import { addVia } from './via.ts'

/** When a queue is full nobody knows when it will not be. */
const RETRY_AFTER_QUEUE_MS = 1_000

/**
 * A handler that forwards to an upstream. Answers 503 where no target is admissible (`ERR_SLUICE_NO_TARGET`, with `Retry-After`
 * where a gate knows when one will be) or too many exchanges wait for a busy one (`ERR_SLUICE_QUEUE_FULL`), and throws
 * {@link UpstreamError} where attempts fail.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function forward(upstream: Upstream, options: ForwardOptions = {}): DirectHandler {
  if (typeof upstream?.pick !== 'function') throw new ConfigError('forward', 'needs an upstream: see createUpstream()')
  const plan = compileForward(options, upstream.timeouts, 'forward')
  const direct: DirectHandler['direct'] = (exchange, resolve, reject) =>
    new Forwarding(exchange, upstream, plan, resolve, reject).start()
  const handler: Handler = (exchange) => new Promise<Reply>((resolve, reject) => direct(exchange, resolve, reject))
  return Object.assign(handler, { direct })
}

/** One passage of an exchange through `forward`: up to a few attempts, of which the last decides. */
class Forwarding implements AttemptOwner, PendingExchange {
  readonly #exchange: Exchange
  readonly #upstream: Upstream
  readonly #plan: ForwardPlan
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: Error) => void
  #attempts = 0
  #usedFreshConnection = false
  #deadline: ScheduledCall | undefined = undefined
  #current: Attempt | undefined = undefined
  /** Takes it out of the queue when the exchange is given up; set while it waits there. */
  #stopWaiting: (() => void) | undefined = undefined
  /** Whether it has called back. */
  #isSettled = false

  constructor(
    exchange: Exchange,
    upstream: Upstream,
    plan: ForwardPlan,
    resolve: (reply: Reply) => void,
    reject: (error: Error) => void,
  ) {
    this.#exchange = exchange
    this.#upstream = upstream
    this.#plan = plan
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { totalTimeoutMs } = this.#plan
    if (this.#exchange.aborted !== undefined) return this.#give(this.#exchange.aborted)
    const target = this.#upstream.pick(this.#exchange)
    if (this.#exchange.request.upgrade !== undefined) this.#awaitSwitch()
    else if (totalTimeoutMs > 0) this.#deadline = this.#exchange.clock.schedule(totalTimeoutMs, () => this.#expire())
    if (target === undefined) return this.#wait()
    this.#tryAt(target)
  }

  /** All are busy, or none is there. */
  #wait(): void {
    const upstream = this.#upstream
    if (!upstream.isBusy) return this.#refuse('ERR_SLUICE_NO_TARGET', upstream.admitsAgainInMs)
    if (!upstream.queue.enter(this)) return this.#refuse('ERR_SLUICE_QUEUE_FULL', RETRY_AFTER_QUEUE_MS)
    const { signal } = this.#exchange
    const leave = () => {
      upstream.queue.leave(this)
      this.#give(this.#exchange.aborted!)
    }
    signal.addEventListener('abort', leave, { once: true })
    const stopWaiting = () => {
      signal.removeEventListener('abort', leave)
      this.#stopWaiting = undefined
    }
    this.#stopWaiting = stopWaiting
  }

  proceed(): boolean {
    try {
      const target = this.#upstream.pick(this.#exchange)
      if (target === undefined && this.#upstream.isBusy) return false
      this.#stopWaiting?.()
      if (target === undefined) this.#refuse('ERR_SLUICE_NO_TARGET', this.#upstream.admitsAgainInMs)
      else this.#attempt(target, false)
    } catch (cause) {
      // Whoever has freed the place is not who should hear that a balancer or an edit of the user's threw.
      this.#give(cause as Error)
    }
    return true
  }

  expired(): void {
    this.#stopWaiting?.()
    this.#refuse('ERR_SLUICE_QUEUE_FULL', RETRY_AFTER_QUEUE_MS)
  }

  /** An expected refusal is a reply. */
  #refuse(code: 'ERR_SLUICE_NO_TARGET' | 'ERR_SLUICE_QUEUE_FULL', retryAfterMs: number | undefined): void {
    this.#deadline?.cancel()
    const error =
      code === 'ERR_SLUICE_QUEUE_FULL'
        ? new UpstreamError(code, { retryAfterMs })
        : new InternalError(code, { retryAfterMs })
    this.#answer(problemReply(error, this.#exchange.settings.name))
  }

  replied(attempt: Attempt, reply: Reply): void {
    const { settings } = this.#exchange
    if (this.#exchange.request.upgrade !== undefined && !this.#adoptSwitch(attempt, reply)) return
    stripHopByHop(reply.headers)
    addVia(reply.headers, settings, reply.httpVersion)
    try {
      this.#upstream.replied(this.#exchange, attempt, reply)
    } catch (cause) {
      this.#give(cause as Error)
      return attempt.cancel(new InternalError('ERR_SLUICE_INTERNAL', { cause }))
    }
    // A stream of events has no total duration; the others have to end in time, body included.
    if (this.#deadline !== undefined && isEventStream(reply)) this.#deadline.cancel()
    if (attempt.endedAt !== undefined) return this.#answer(reply)
    // What has come with the head is read first: then the two leave together as well.
    this.#isSettled = true
    queueMicrotask(() => this.#resolve(reply))
  }

  finished(attempt: Attempt): void {
    this.#deadline?.cancel()
    // Does nothing where the reply is out; where a gate threw when it was told of the head, the reply never will be.
    if (attempt.error !== undefined) this.#give(attempt.error)
  }

  failed(attempt: Attempt, error: AnyProxyError): void {
    try {
      const again = this.#nextTarget(attempt, error)
      if (again !== undefined) return this.#attempt(again, this.#usedFreshConnection)
    } catch (cause) {
      // A balancer or an edit of the user's threw, and the transport that has called is not who should hear of it.
      return this.#give(cause as Error)
    }
    this.#give(error)
  }

  #give(error: Error): void {
    this.#deadline?.cancel()
    this.#stopWaiting?.()
    if (this.#isSettled) return
    this.#isSettled = true
    this.#reject(error)
  }

  #answer(reply: Reply): void {
    if (this.#isSettled) return reply.body.cancel()
    this.#isSettled = true
    this.#resolve(reply)
  }

  informational(status: number, headers: HeaderList): void {
    stripHopByHop(headers)
    this.#exchange.downstream.informational(status, headers)
  }

  /** The first attempt. An edit of the user's, or a gate, may throw. */
  #tryAt(target: Target): void {
    try {
      this.#attempt(target, false)
    } catch (cause) {
      this.#give(cause as Error)
    }
  }

  #attempt(target: Target, freshConnection: boolean): void {
    const { request } = this.#exchange
    const attempt = new Attempt(this.#upstream, target, this, request.body)
    const head = this.#plan.headFor(this.#exchange, target)
    this.#current = attempt
    if (this.#attempts++ === 0) this.#upstream.retryBudget.request(attempt.startedAt)
    this.#exchange.began(attempt)
    attempt.send({
      method: head.method,
      path: head.path,
      headers: head.headers,
      body: request.body,
      upgrade: request.upgrade,
      connectTimeoutMs: this.#plan.connectTimeoutMs,
      headTimeoutMs: this.#plan.headTimeoutMs,
      bodyIdleTimeoutMs: this.#plan.bodyIdleTimeoutMs,
      freshConnection,
      acceptsTrailers: acceptsTrailers(this.#exchange.received.headers),
    })
  }

  /** Where another attempt makes sense by itself: the target for it. */
  #nextTarget(attempt: Attempt, error: AnyProxyError): Target | undefined {
    if (this.#exchange.aborted !== undefined || !attempt.canReplay) return undefined
    if (error.retry === 'safe' && this.#attempts < this.#plan.maxConnectAttempts) {
      const other = this.#upstream.pick(this.#exchange)
      if (other === undefined || wasTried(other, this.#exchange.attempts)) return undefined
      const budget = this.#exchange.peek(retryBudget) ?? this.#upstream.retryBudget
      return budget.withdraw(this.#upstream.clock.now()) ? other : undefined
    }
    if (error.retry !== 'if-reused' || !attempt.reused || this.#usedFreshConnection) return undefined
    if (!isIdempotent(this.#exchange.request.method)) return undefined
    this.#usedFreshConnection = true
    return attempt.target
  }

  /** However long each step may take, the way to another protocol takes no longer than this. */
  #awaitSwitch(): void {
    const { handshakeTimeoutMs, totalTimeoutMs } = this.#plan
    const delayMs = Math.min(handshakeTimeoutMs || totalTimeoutMs, totalTimeoutMs || handshakeTimeoutMs)
    if (delayMs === 0) return
    const code = delayMs === handshakeTimeoutMs ? 'ERR_SLUICE_HEAD_TIMEOUT' : 'ERR_SLUICE_TOTAL_TIMEOUT'
    this.#deadline = this.#exchange.clock.schedule(delayMs, () => this.#expire(code))
  }

  /** The answer to a request for another protocol: that one, or an ordinary reply. `false` where it can be neither. */
  #adoptSwitch(attempt: Attempt, reply: Reply): boolean {
    const { tunnel } = reply
    const { totalTimeoutMs, tunnelIdleTimeoutMs, tunnelMaxAgeMs } = this.#plan
    this.#deadline?.cancel()
    if (tunnel === undefined) {
      // Its body gets the whole time for itself.
      if (totalTimeoutMs > 0) this.#deadline = this.#exchange.clock.schedule(totalTimeoutMs, () => this.#expire())
      return true
    }
    const fault = switchFault(this.#exchange, reply)
    if (fault !== undefined) {
      attempt.cancel(new UpstreamError('ERR_SLUICE_UPGRADE_FAILED', { message: fault, target: attempt.target.key }))
      return false
    }
    tunnel.idleTimeoutMs = tunnelIdleTimeoutMs
    tunnel.maxAgeMs = tunnelMaxAgeMs
    // Where a middleware puts another reply in its place nobody opens it.
    this.#exchange.onEnd(() => tunnel.destroy())
    return true
  }

  #expire(code: UpstreamErrorCode = 'ERR_SLUICE_TOTAL_TIMEOUT'): void {
    const error = new UpstreamError(code, { target: this.#current?.target.key })
    if (this.#stopWaiting === undefined) return this.#current?.cancel(error)
    this.#upstream.queue.leave(this)
    this.#give(error)
  }
}

function isEventStream(reply: Reply): boolean {
  return reply.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') ?? false
}
