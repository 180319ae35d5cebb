/**
 * The terminal that most chains end in: it carries the exchange to a target and brings the reply back.
 *
 *   pick target -> edit the head for it -> send -> reply head -> strip -> Reply, its body still flowing
 *
 * An attempt that reached no target is made again at another one, whatever the method; one that a reused connection lost
 * before any byte of a reply is made once more on a new connection, where the method is idempotent (RFC 9110, section
 * 9.2.2) and the body can be sent again. Everything beyond that is for the retry middleware to decide.
 */
import { fieldName, type HeaderList, type ScheduledCall } from '@sluice/wire'
import { stripHopByHop } from './entrance/hop-by-hop.ts'
import { type AnyProxyError, InternalError, UpstreamError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { compileForward, type ForwardOptions, type ForwardPlan } from './forward-plan.ts'
import { isIdempotent } from './idempotent.ts'
import type { Handler } from './middleware.ts'
import { problemReply } from './problem.ts'
import type { Reply } from './reply.ts'
import { Attempt, type AttemptOwner } from './upstream/attempt.ts'
import { wasTried } from './upstream/balancer.ts'
import type { Target } from './upstream/target.ts'
import type { Upstream } from './upstream/upstream.ts'

const VIA = fieldName('Via')

/**
 * A handler that forwards to an upstream. Answers 503 (`ERR_SLUICE_NO_TARGET`) where no target is admissible, and throws
 * {@link UpstreamError} where attempts fail.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function forward(upstream: Upstream, options: ForwardOptions = {}): Handler {
  const plan = compileForward(options, 'forward')
  return (exchange) =>
    new Promise<Reply>((resolve, reject) => new Forwarding(exchange, upstream, plan, resolve, reject).start())
}

/** One passage of an exchange through `forward`: up to a few attempts, of which the last decides. */
class Forwarding implements AttemptOwner {
  readonly #exchange: Exchange
  readonly #upstream: Upstream
  readonly #plan: ForwardPlan
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: Error) => void
  #attempts = 0
  #usedFreshConnection = false
  #deadline: ScheduledCall | undefined = undefined
  #current: Attempt | undefined = undefined

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
    if (this.#exchange.aborted !== undefined) return this.#reject(this.#exchange.aborted)
    const target = this.#upstream.pick(this.#exchange)
    if (target === undefined) {
      return this.#resolve(problemReply(new InternalError('ERR_SLUICE_NO_TARGET'), this.#exchange.settings.name))
    }
    if (totalTimeoutMs > 0) this.#deadline = this.#exchange.clock.schedule(totalTimeoutMs, () => this.#expire())
    this.#attempt(target, false)
  }

  replied(_attempt: Attempt, reply: Reply): void {
    const { settings } = this.#exchange
    stripHopByHop(reply.headers)
    if (settings.via) reply.headers.appendUnchecked(VIA, `1.1 ${settings.name}`)
    // A stream of events has no total duration; the others have to end in time, body included.
    if (this.#deadline !== undefined && isEventStream(reply)) this.#deadline.cancel()
    this.#resolve(reply)
  }

  finished(): void {
    this.#deadline?.cancel()
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
    this.#reject(error)
  }

  informational(status: number, headers: HeaderList): void {
    stripHopByHop(headers)
    this.#exchange.downstream.informational(status, headers)
  }

  #attempt(target: Target, freshConnection: boolean): void {
    const { request } = this.#exchange
    const attempt = new Attempt(this.#upstream, target, this, request.body)
    const head = this.#plan.headFor(this.#exchange, target)
    this.#current = attempt
    this.#attempts++
    this.#exchange.began(attempt)
    attempt.send({
      method: head.method,
      path: head.path,
      headers: head.headers,
      body: request.body,
      upgrade: request.upgrade,
      headTimeoutMs: this.#plan.headTimeoutMs,
      bodyIdleTimeoutMs: this.#plan.bodyIdleTimeoutMs,
      freshConnection,
    })
  }

  /** Where another attempt makes sense by itself: the target for it. */
  #nextTarget(attempt: Attempt, error: AnyProxyError): Target | undefined {
    if (this.#exchange.aborted !== undefined || !attempt.canReplay) return undefined
    if (error.retry === 'safe' && this.#attempts < this.#plan.maxConnectAttempts) {
      const other = this.#upstream.pick(this.#exchange)
      return other === undefined || wasTried(other, this.#exchange.attempts) ? undefined : other
    }
    if (error.retry !== 'if-reused' || !attempt.reused || this.#usedFreshConnection) return undefined
    if (!isIdempotent(this.#exchange.request.method)) return undefined
    this.#usedFreshConnection = true
    return attempt.target
  }

  #expire(): void {
    this.#current?.cancel(new UpstreamError('ERR_SLUICE_TOTAL_TIMEOUT', { target: this.#current.target.key }))
  }
}

function isEventStream(reply: Reply): boolean {
  return reply.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') ?? false
}
