/** One try at one target: the record that logs, gates and `explain` read, and the observer of its transport. */
import type { Body, HeaderList } from '@sluice/wire'
import { type AnyProxyError, InternalError } from '../errors.ts'
import { attemptEnded } from '../events.ts'
import type { Reply } from '../reply.ts'
import type { TransportCall, TransportObserver, TransportRequest } from '../transport/transport.ts'
import type { Target } from './target.ts'
import type { Upstream } from './upstream.ts'

/**
 * `pending`: no head yet. `replied`: the head has come, the body is under way. `complete`, `failed` and `cancelled` (the
 * client left, the proxy shut down, or another attempt was faster) are final.
 */
export type AttemptPhase = 'pending' | 'replied' | 'complete' | 'failed' | 'cancelled'

/** What becomes of an attempt; `forward` is the one who asks. */
export interface AttemptOwner {
  /** The head is here. */
  replied(attempt: Attempt, reply: Reply): void
  /** After `replied`: the body is complete, or broke. */
  finished(attempt: Attempt): void
  /** It failed before there was a head. */
  failed(attempt: Attempt, error: AnyProxyError): void
  informational(status: number, headers: HeaderList): void
}

/** Times are milliseconds of the upstream's clock. */
export class Attempt implements TransportObserver {
  readonly target: Target
  readonly upstream: Upstream
  readonly startedAt: number
  phase: AttemptPhase = 'pending'
  /** When the reply's head had come. */
  headAt: number | undefined = undefined
  endedAt: number | undefined = undefined
  status: number | undefined = undefined
  error: AnyProxyError | undefined = undefined
  readonly #owner: AttemptOwner
  #call: TransportCall | undefined = undefined
  #body: Body
  #replyBody: Body | undefined = undefined

  constructor(upstream: Upstream, target: Target, owner: AttemptOwner, body: Body) {
    this.upstream = upstream
    this.target = target
    this.startedAt = upstream.clock.now()
    this.#owner = owner
    this.#body = body
  }

  /** Whether its connection may have served others before. */
  get reused(): boolean {
    return this.#call?.reused ?? false
  }

  /** Whether the request's body could be sent once more. */
  get canReplay(): boolean {
    return this.#body.canReplay
  }

  send(request: TransportRequest): void {
    try {
      this.upstream.began(this)
      this.#call = this.upstream.transport.send(this.target, request, this)
    } catch (cause) {
      this.#neverSent(cause)
      throw cause
    }
  }

  /** A gate, a balancer or the transport threw, and nobody will call back. */
  #neverSent(cause: unknown): void {
    const error = new InternalError('ERR_SLUICE_INTERNAL', { cause, target: this.target.key })
    if (this.endedAt === undefined) this.#end(error, this.upstream.clock.now())
    this.upstream.vacated(this.target)
  }

  /** Gives it up, and frees its connection. Harmless once it has ended. */
  cancel(error: AnyProxyError): void {
    if (this.endedAt === undefined) this.#call?.cancel(error)
  }

  /**
   * Frees the connection of a reply that nobody has read and nobody will, since its exchange is over: a middleware threw,
   * or put another reply in its place.
   */
  release(): void {
    const body = this.#replyBody
    if (this.endedAt === undefined && body !== undefined && !body.isUsed && !body.isEmpty) body.cancel()
  }

  informational(status: number, headers: HeaderList): void {
    this.#owner.informational(status, headers)
  }

  reply(reply: Reply, isWhole = false): void {
    this.phase = 'replied'
    this.headAt = this.upstream.clock.now()
    this.status = reply.status
    this.#replyBody = reply.body
    this.upstream.observe(this)
    // What is told of the attempt is told before anybody goes on with its reply, and finds it complete.
    if (isWhole) this.#end(undefined, this.headAt)
    this.#owner.replied(this, reply)
    if (!isWhole) return
    this.#owner.finished(this)
    this.upstream.vacated(this.target)
  }

  done(error: AnyProxyError | undefined): void {
    const hadReply = this.headAt !== undefined
    // A hook that threw at the end of a whole reply has left it ended, but not settled.
    if (this.endedAt === undefined) this.#end(error, this.upstream.clock.now())
    else this.error = error
    if (hadReply) this.#owner.finished(this)
    else if (error !== undefined) this.#owner.failed(this, error)
    this.upstream.vacated(this.target)
  }

  #end(error: AnyProxyError | undefined, now: number): void {
    this.endedAt = now
    this.error = error
    // Only what the target did counts against it: a shutdown, a client that leaves, or a queue of ours that is full, says
    // nothing about its health.
    const isItsDoing = error !== undefined && error.source === 'upstream' && error.stage !== 'queue'
    this.phase = error === undefined ? 'complete' : isItsDoing ? 'failed' : 'cancelled'
    if (isItsDoing) this.upstream.observe(this)
    this.upstream.ended(this)
    if (attemptEnded.hasSubscribers) attemptEnded.publish(this)
  }
}
