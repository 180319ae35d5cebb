/** What the middleware `rateLimit` does for each exchange. */
import {
  ConfigError,
  type Exchange,
  type Handler,
  InternalError,
  problemReply,
  ProxyError,
  type Reply,
} from '@sluice/core'
import { type Bypasses, compileBypass } from './bypass.ts'
import { limitRefused } from './events.ts'
import { type LimitFace, limitFace, type LimitState } from './fields/limit-state.ts'
import { ReplyFields } from './fields/reply-fields.ts'
import { compileKey, keyGroupsOf, type KeyOf } from './keys/key-option.ts'
import { compileCost, compileReplyCost, type CostOf, type ReplyCostOf } from './policy/cost.ts'
import type { PolicyOptions } from './policy/policy-options.ts'
import { type Policy, resolvePolicy, unitMs } from './policy/policy.ts'
import type { PolicySnapshot, RateLimitOptions, RateLimitSnapshot } from './rate-limit.ts'
import { Refusals } from './refusal.ts'
import type { Decision, Keys, LimitAccount, RateLimitStore } from './store/store.ts'

/** One policy with all that belongs to it here. */
interface Rule<N> {
  readonly policy: Policy
  readonly face: LimitFace
  readonly keyOf: KeyOf<N>
  /** The first of the rules with this key: its own place, or one before. */
  readonly keyFrom: number
  readonly cost: CostOf<N> | number
  readonly replyCost: ReplyCostOf<N> | undefined
  admitted: number
  refused: number
}

/** A request that was counted. */
interface Counted {
  readonly keys: Keys
  readonly costs: readonly number[]
  readonly decision: Decision
}

export class LimitGuard<N> {
  readonly #rules: readonly Rule<N>[]
  readonly #account: LimitAccount
  readonly #bypasses: Bypasses<N> | undefined
  readonly #fields: ReplyFields
  readonly #hasReplyCosts: boolean
  readonly #refusals: Refusals = new Refusals()
  #bypassed = 0

  constructor(
    policies: readonly (readonly [PolicyOptions<N>, string])[],
    options: RateLimitOptions<N>,
    store: RateLimitStore,
  ) {
    const keyGroups = keyGroupsOf(policies.map(([policy]) => policy))
    this.#rules = policies.map(([policy, at], i) => ruleOf(policy, at, policies.length === 1, keyGroups[i]!))
    checkNames(this.#rules)
    this.#hasReplyCosts = this.#rules.some(({ replyCost }) => replyCost !== undefined)
    this.#bypasses = compileBypass(options.bypass, 'rateLimit.bypass')
    const shown = this.#rules.filter(({ policy }) => !policy.shadow)
    this.#fields = new ReplyFields(
      options.fields,
      shown.map(({ face }) => face),
      'rateLimit.fields',
    )
    if (typeof store?.openLimits !== 'function') throw new ConfigError('rateLimit.store', 'must be a store')
    this.#account = store.openLimits(this.#rules.map(({ policy }) => policy))
  }

  pass(exchange: Exchange<N>, next: Handler): Reply | Promise<Reply> {
    if (this.#bypasses?.(exchange) === true) {
      this.#bypassed++
      return next(exchange)
    }
    const keys = this.#keysOf(exchange)
    if (keys.every((key) => key === undefined)) return next(exchange)
    const costs = this.#rules.map(({ cost }, i) =>
      typeof cost === 'number' ? cost : keys[i] === undefined ? 0 : cost(exchange),
    )
    const decision = this.#account.check(keys, costs, exchange.clock)
    if (decision instanceof Promise) return this.#waiting(exchange, next, keys, costs, decision)
    return this.#decided(exchange, next, { keys, costs, decision })
  }

  /** Made at its length: an array that grows would begin with room for seventeen. */
  #keysOf(exchange: Exchange<N>): (string | undefined)[] {
    if (this.#rules.length === 1) return [checkedKey(this.#rules[0]!.keyOf(exchange))]
    const keys: (string | undefined)[] = this.#rules.map(() => undefined)
    // Asked once for all that share it: a function may give something else the second time.
    this.#rules.forEach(({ keyOf, keyFrom }, i) => {
      keys[i] = keyFrom === i ? checkedKey(keyOf(exchange)) : keys[keyFrom]
    })
    return keys
  }

  snapshot(): RateLimitSnapshot {
    return {
      policies: this.#rules.map(({ policy, admitted, refused }): PolicySnapshot => {
        const { name, algorithm, limit, windowMs, burst, shadow } = policy
        return { name, algorithm, limit, windowMs, burst, shadow, admitted, refused }
      }),
      bypassed: this.#bypassed,
      store: this.#account.snapshot(),
    }
  }

  async #waiting(
    exchange: Exchange<N>,
    next: Handler,
    keys: Keys,
    costs: readonly number[],
    pending: Promise<Decision>,
  ): Promise<Reply> {
    const decision = await pending
    if (exchange.aborted !== undefined) throw exchange.aborted
    return await this.#decided(exchange, next, { keys, costs, decision })
  }

  #decided(exchange: Exchange<N>, next: Handler, counted: Counted): Reply | Promise<Reply> {
    this.#note(exchange, counted.decision)
    if (!counted.decision.admitted) return this.#refused(exchange, counted.decision)
    if (this.#fields.isEmpty && !this.#hasReplyCosts) return next(exchange)
    let reply: Reply | Promise<Reply>
    try {
      reply = next(exchange)
    } catch (error) {
      return this.#failed(exchange, counted, error)
    }
    return reply instanceof Promise ? this.#settle(exchange, counted, reply) : this.#finish(exchange, counted, reply)
  }

  async #settle(exchange: Exchange<N>, counted: Counted, pending: Promise<Reply>): Promise<Reply> {
    let reply: Reply
    try {
      reply = await pending
    } catch (error) {
      return this.#failed(exchange, counted, error)
    }
    return this.#finish(exchange, counted, reply)
  }

  /** What fails becomes its reply here already: it was counted, and its client is told so. */
  #failed(exchange: Exchange<N>, counted: Counted, error: unknown): Reply {
    if (!ProxyError.is(error)) throw error
    return this.#finish(exchange, counted, problemReply(error, exchange.settings.name))
  }

  #finish(exchange: Exchange<N>, counted: Counted, reply: Reply): Reply {
    // What a middleware that forgot its `return` gives is for the entrance to speak of.
    if (reply?.headers === undefined) return reply
    try {
      const added = this.#hasReplyCosts ? this.#chargeReply(exchange, counted, reply) : undefined
      this.#tell(exchange, counted.decision, reply, added)
      return reply
    } catch (error) {
      // A function of the options has thrown: nobody will read this reply.
      reply.body.cancel()
      reply.tunnel?.destroy()
      throw error
    }
  }

  #refused(exchange: Exchange<N>, decision: Decision): Reply {
    const { name } = exchange.settings
    if (decision.isUnavailable === true)
      return problemReply(new InternalError('ERR_SLUICE_LIMIT_UNKNOWN', { retryAfterMs: RETRY_UNKNOWN_MS }), name)
    const { names, retryAfterMs } = this.#violated(decision, false)
    const reply = this.#refusals.reply(names, retryAfterMs, name)
    this.#tell(exchange, decision, reply, undefined)
    return reply
  }

  /** Counts and publishes. */
  #note(exchange: Exchange<N>, decision: Decision): void {
    let hasShadows = false
    decision.outcomes.forEach((outcome, i) => {
      if (outcome === undefined) return
      const rule = this.#rules[i]!
      if (outcome.admitted) rule.admitted++
      else {
        rule.refused++
        hasShadows ||= rule.policy.shadow
      }
    })
    if ((decision.admitted && !hasShadows) || !limitRefused.hasSubscribers) return
    for (const shadow of [false, true]) {
      const { names, retryAfterMs } = this.#violated(decision, shadow)
      if (names.length > 0) limitRefused.publish({ exchange, policies: names, shadow, retryAfterMs })
    }
  }

  #violated(decision: Decision, shadow: boolean): { names: string[]; retryAfterMs: number } {
    const names: string[] = []
    let retryAfterMs = 0
    decision.outcomes.forEach((outcome, i) => {
      const { policy } = this.#rules[i]!
      if (outcome === undefined || outcome.admitted || policy.shadow !== shadow) return
      names.push(policy.name)
      retryAfterMs = Math.max(retryAfterMs, outcome.retryAfterMs)
    })
    return { names, retryAfterMs }
  }

  #chargeReply(exchange: Exchange<N>, { keys, costs, decision }: Counted, reply: Reply): readonly number[] {
    const added = this.#rules.map(({ replyCost }, i) => {
      // What a shadow has not admitted was not charged to begin with.
      if (replyCost === undefined || keys[i] === undefined || decision.outcomes[i]?.admitted === false) return 0
      // Nobody can get back more than was taken.
      return Math.max(-costs[i]!, replyCost(exchange, reply))
    })
    if (added.some((cost) => cost !== 0)) this.#account.charge(keys, added, exchange.clock)
    return added
  }

  #tell(exchange: Exchange<N>, { outcomes }: Decision, reply: Reply, added: readonly number[] | undefined): void {
    if (this.#fields.isEmpty) return
    const states: LimitState[] = []
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]
      const { policy, face } = this.#rules[i]!
      if (outcome === undefined || policy.shadow) continue
      const extra = added?.[i] ?? 0
      const resetMs = outcome.admitted ? Math.max(0, outcome.resetMs + extra * unitMs(policy)) : outcome.retryAfterMs
      states.push({ face, remaining: outcome.remaining - extra, resetMs })
    }
    this.#fields.write(reply.headers, states, exchange.settings.name, exchange.clock.wallTime())
  }
}

/** When to come back to a gateway whose store is away. */
const RETRY_UNKNOWN_MS = 1_000

function ruleOf<N>(options: PolicyOptions<N>, at: string, isOnly: boolean, keyGroup: number): Rule<N> {
  const policy = resolvePolicy(options, at, isOnly, keyGroup)
  const { name, limit, windowMs } = policy
  return {
    policy,
    face: limitFace(name, limit, windowMs),
    keyOf: compileKey(options.key, options, at),
    keyFrom: keyGroup,
    cost: compileCost(options.cost, policy),
    replyCost: compileReplyCost(options.replyCost, policy),
    admitted: 0,
    refused: 0,
  }
}

/** Anything else would be the same key for everybody. */
function checkedKey(key: string | undefined): string | undefined {
  if (key === undefined || typeof key === 'string') return key
  throw new TypeError('the key of a limit must be a string')
}

function checkNames<N>(rules: readonly Rule<N>[]): void {
  const seen = new Set<string>()
  for (const { policy } of rules) {
    if (seen.has(policy.name)) throw new ConfigError(`${policy.at}.name`, `is not the only policy "${policy.name}"`)
    seen.add(policy.name)
  }
}
