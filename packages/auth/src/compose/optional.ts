/** Routes that serve strangers as well, and those who are known better. */
import {
  defineMiddleware,
  type Exchange,
  type Handler,
  identity,
  type Identity,
  type Middleware,
  type Reply,
} from '@sluice/core'
import { strictOption, wordOption } from '@sluice/core/options'
import { accepted, refused } from '../events.ts'
import { refusalReply } from '../refusal-reply.ts'
import type { IdentityOf, Strategy, StrategySnapshot, Verdict } from '../strategy.ts'
import { checkStrategies } from './any-of.ts'

/** The state behind `optional`: `exchange.peek(identity)` gives the identity or `undefined`; `get` does not compile. */
export interface MaybeIdentified<I extends Identity = Identity> {
  readonly 'auth.identity'?: I
}

/** Options of {@link optional}. */
export interface OptionalOptions {
  /**
   * What happens to credentials that are not good, or of which nobody could say: `refuse` answers as the strategy would; `ignore` goes on as if there were none.
   * They are taken off the request then, where the strategy's options say so. @default 'refuse'
   */
  readonly onRefused?: 'refuse' | 'ignore'
}

/** The middleware, with a look inside. */
export interface OptionalStrategy<I extends Identity = Identity> extends Middleware<unknown, MaybeIdentified<I>> {
  snapshot(): StrategySnapshot
}

/**
 * Goes on without an identity where there are no credentials. Bad ones are refused by default: whoever has shown some wants to be known by
 * them, and had better hear that they have expired.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function optional<S extends Strategy>(
  strategy: S,
  options: OptionalOptions = {},
): OptionalStrategy<IdentityOf<S>> {
  checkStrategies([strategy], 'optional')
  const { onRefused } = strictOption(options, ['onRefused'], 'optional')
  const ignores = wordOption(onRefused, 'refuse', ['refuse', 'ignore'], 'optional.onRefused') === 'ignore'

  const decide = (exchange: Exchange, next: Handler, verdict: Verdict): Reply | Promise<Reply> => {
    if (verdict.kind === 'absent') {
      // Of what a composition asks for, a part may be there.
      strategy.strip(exchange)
      return next(exchange)
    }
    if (verdict.kind === 'accepted') {
      strategy.strip(exchange, verdict.identity)
      if (accepted.hasSubscribers) accepted.publish({ exchange, strategy: strategy.name, identity: verdict.identity })
      return next(exchange.set(identity, verdict.identity))
    }
    if (refused.hasSubscribers)
      refused.publish({ exchange, strategy: strategy.name, status: verdict.status, reason: verdict.reason })
    if (!ignores) return refusalReply(verdict, strategy.challenge(exchange), exchange.settings.name)
    strategy.strip(exchange)
    return next(exchange)
  }
  const wait = async (exchange: Exchange, next: Handler, pending: Promise<Verdict>): Promise<Reply> => {
    const verdict = await pending
    if (exchange.aborted !== undefined) throw exchange.aborted
    return await decide(exchange, next, verdict)
  }

  const middleware: Middleware<unknown, MaybeIdentified<IdentityOf<S>>> = (exchange, next) => {
    const verdict = strategy.authenticate(exchange)
    return verdict instanceof Promise
      ? wait(exchange, next as Handler, verdict)
      : decide(exchange, next as Handler, verdict)
  }
  return Object.assign(defineMiddleware(`optional(${strategy.name})`, middleware), {
    snapshot: () => strategy.snapshot(),
  })
}
