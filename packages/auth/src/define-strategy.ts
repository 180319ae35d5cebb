/** Makes a strategy of its parts: the middleware that sets the identity or answers, and the counts. */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  type Handler,
  identity,
  type Identity,
  type Reply,
} from '@sluice/core'
import type { AuthCache } from './cache/auth-cache.ts'
import { accepted, refused } from './events.ts'
import { maybePromise } from './maybe-promise.ts'
import { refusalReply } from './refusal-reply.ts'
import type { Identified, Refusal, Strategy, StrategySnapshot, Verdict } from './strategy.ts'

/** The parts of a strategy. */
export interface StrategyDefinition<I extends Identity> {
  /** The identity's `scheme`. */
  readonly scheme: string
  /** What `explain()`, events and logs call it. @default `scheme` */
  readonly name?: string
  /**
   * Looks at the credentials, in `exchange.request`. For what a client sends it comes to a verdict and does not throw. Where it does
   * throw or reject, because something that it asks has failed, the request gets 503, and `onError` of the proxy the error.
   */
  readonly authenticate: (exchange: Exchange) => Verdict<I> | Promise<Verdict<I>>
  /** What a request without credentials is challenged with (RFC 9110, section 11.6.1). @default nothing */
  readonly challenge?: (exchange: Exchange) => string | readonly string[] | undefined
  /** Takes the credentials off the request; see {@link Strategy.strip}. @default leaves them */
  readonly strip?: ((exchange: Exchange, identity?: Identity) => void) | undefined
  /** Stands in the snapshot. @default none */
  readonly cache?: AuthCache | undefined
  /** What else the snapshot says. @default nothing */
  readonly details?: () => Readonly<Record<string, unknown>>
  /** @internal The strategies that it is composed of. */
  readonly strategies?: readonly Strategy[]
}

/**
 * Makes a strategy, for credentials of one's own.
 *
 *     const internal = defineStrategy<InternalIdentity>({
 *       scheme: 'internal',
 *       authenticate: (x) => x.client.address === '' ? { kind: 'accepted', identity: me } : { kind: 'absent' },
 *     })
 *
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function defineStrategy<I extends Identity>(definition: StrategyDefinition<I>): Strategy<I> {
  const { scheme, name = scheme, challenge = noChallenge, strip = nothing } = definition
  if (typeof definition.authenticate !== 'function')
    throw new ConfigError('defineStrategy.authenticate', 'must be a function')
  if (typeof scheme !== 'string' || scheme === '')
    throw new ConfigError('defineStrategy.scheme', 'must be a string that is not empty')
  const counts = { accepted: 0, refused: 0, absent: 0 }

  const count = (verdict: Verdict<I>): Verdict<I> => {
    counts[verdict.kind]++
    return verdict
  }
  const failed = (exchange: Exchange, error: unknown): Verdict<I> => {
    exchange.settings.onInternalError(error, exchange)
    return count(UNKNOWN)
  }
  const authenticate = (exchange: Exchange): Verdict<I> | Promise<Verdict<I>> => {
    try {
      const verdict = maybePromise(definition.authenticate(exchange))
      return verdict instanceof Promise
        ? verdict.then(count).catch((error: unknown) => failed(exchange, error))
        : count(verdict)
    } catch (error) {
      return failed(exchange, error)
    }
  }
  const decide = (exchange: Exchange, next: Handler<Identified<I>>, verdict: Verdict<I>): Reply | Promise<Reply> => {
    if (verdict.kind === 'accepted') {
      strip(exchange, verdict.identity)
      if (accepted.hasSubscribers) accepted.publish({ exchange, strategy: name, identity: verdict.identity })
      return next(exchange.set<'auth.identity', Identity, I>(identity, verdict.identity))
    }
    const refusal = verdict.kind === 'absent' ? MISSING : verdict
    if (refused.hasSubscribers)
      refused.publish({ exchange, strategy: name, status: refusal.status, reason: refusal.reason })
    return refusalReply(refusal, challenge(exchange), exchange.settings.name)
  }
  const wait = async (
    exchange: Exchange,
    next: Handler<Identified<I>>,
    pending: Promise<Verdict<I>>,
  ): Promise<Reply> => {
    const verdict = await pending
    if (exchange.aborted !== undefined) throw exchange.aborted
    return await decide(exchange, next, verdict)
  }

  const middleware = defineMiddleware<unknown, Identified<I>>(name, (exchange, next) => {
    const verdict = authenticate(exchange)
    return verdict instanceof Promise ? wait(exchange, next, verdict) : decide(exchange, next, verdict)
  })
  const snapshot = (): StrategySnapshot => {
    const { cache, details, strategies } = definition
    return {
      name,
      scheme,
      ...counts,
      ...(cache === undefined ? {} : { cache: cache.snapshot() }),
      ...(details === undefined ? {} : { details: details() }),
      ...(strategies === undefined ? {} : { strategies: strategies.map((each) => each.snapshot()) }),
    }
  }
  return Object.assign(middleware, { scheme, authenticate, challenge, strip, snapshot })
}

/** Where there are no credentials at all. */
const MISSING: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'missing' })
const UNKNOWN: Refusal = Object.freeze({ kind: 'refused', status: 503, reason: 'unavailable' })

function noChallenge(): undefined {}

function nothing(): void {}
