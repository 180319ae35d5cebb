/**
 * The limits of one middleware, shared through Redis. This process also counts what Redis has admitted for it: what it has
 * spent by itself is never more than what all have spent, so that whoever is over the limit here need not be looked up, and
 * when Redis is away the count goes on from there; nobody gets a second burst.
 */
import type { Clock } from '@sluice/wire'
import { LimitTable } from '../memory/limit-table.ts'
import { isBucket, type Policy, unitMs } from '../policy/policy.ts'
import type { Decision, Keys, LimitAccount, Outcome, StoreSnapshot } from '../store/store.ts'
import { LeaseBook } from './lease-book.ts'
import { LIMIT_SCRIPT } from './limit-script.ts'
import { redisKey } from './redis-keys.ts'
import type { RedisLink } from './redis-link.ts'
import type { RedisPlan } from './redis-options.ts'
import type { ScriptCall } from './redis-script.ts'

/** A policy as the script wants it. */
interface RedisPolicy {
  readonly policy: Policy
  readonly args: readonly [kind: 'b' | 'w', step: number, size: number]
  readonly leases: LeaseBook | undefined
}

/** How many values the script gives for each policy. */
const VALUES = 5
/** The share of a burst that one process may take in a block. */
const MAX_BLOCK_SHARE = 0.1

export class RedisLimits implements LimitAccount {
  readonly #plan: RedisPlan
  readonly #link: RedisLink
  readonly #policies: readonly RedisPolicy[]
  readonly #own: LimitTable
  #isExpiring = false

  constructor(policies: readonly Policy[], link: RedisLink) {
    this.#plan = link.plan
    this.#link = link
    // A share of a limit makes parts of a unit.
    const counted = policies.map((policy) => ({ ...policy, hasWholeCost: false }))
    this.#own = new LimitTable(counted, link.plan.localMaxKeys)
    this.#policies = policies.map((policy) => redisPolicy(policy, link.plan))
  }

  check(keys: Keys, costs: readonly number[], clock: Clock): Decision | Promise<Decision> {
    if (!this.#link.canAsk(clock)) return this.#withoutRedis(keys, costs, clock)
    const own = this.#own.decide(keys, costs, clock.now(), true)
    if (!own.admitted) return own
    const paid = this.#payFromLeases(keys, costs, clock.now())
    if (paid !== undefined && paid.every((outcome, i) => outcome !== undefined || keys[i] === undefined))
      return { admitted: true, outcomes: paid }
    return this.#ask(keys, costs, clock, own, paid)
  }

  charge(keys: Keys, costs: readonly number[], clock: Clock): void {
    const canAsk = this.#link.canAsk(clock)
    const share = canAsk ? 1 : this.#plan.localShare
    this.#own.settle(keys, share === 1 ? costs : costs.map((cost) => cost / share), clock.now(), canAsk)
    if (canAsk) this.#force(keys, costs)
  }

  snapshot(): StoreSnapshot {
    return { kind: 'redis', state: this.#link.state, keys: this.#own.keys }
  }

  async #ask(
    keys: Keys,
    costs: readonly number[],
    clock: Clock,
    own: Decision,
    paid: readonly (Outcome | undefined)[] | undefined,
  ): Promise<Decision> {
    // Those that a lease has paid for are not asked about.
    const asked = paid === undefined ? keys : keys.map((key, i) => (paid[i] === undefined ? key : undefined))
    let decision: Decision
    try {
      const wants = costs.map((cost, i) =>
        asked[i] === undefined ? cost : (this.#policies[i]!.leases?.want(asked[i], cost, clock.now()) ?? cost),
      )
      const result = (await this.#link.call(this.#call(asked, costs, wants))) as (string | number)[]
      decision = this.#decision(asked, costs, result, clock.now())
    } catch {
      asked.forEach((key, i) => key === undefined || this.#policies[i]!.leases?.failed(key))
      this.#reconcile(keys, costs, clock, own, undefined, paid)
      return this.#withoutRedis(keys, costs, clock)
    }
    if (paid !== undefined) decision = { ...decision, outcomes: decision.outcomes.map((each, i) => each ?? paid[i]) }
    this.#reconcile(keys, costs, clock, own, decision, paid)
    this.#expireLater(clock)
    return decision
  }

  /** What was counted here before Redis was asked is taken back where Redis has not charged it. */
  #reconcile(
    keys: Keys,
    costs: readonly number[],
    clock: Clock,
    own: Decision,
    decision: Decision | undefined,
    paid: readonly (Outcome | undefined)[] | undefined,
  ): void {
    const isCharged = (i: number): boolean => decision?.admitted === true && decision.outcomes[i]?.admitted === true
    const back = costs.map((cost, i) => (own.outcomes[i]?.admitted === true && !isCharged(i) ? -cost : 0))
    if (back.some((cost) => cost !== 0)) this.#own.settle(keys, back, clock.now(), true)
    if (paid === undefined || decision?.admitted === true) return
    paid.forEach((outcome, i) => {
      const key = keys[i]
      if (outcome === undefined || key === undefined) return
      const lease = this.#policies[i]!.leases!.payer(key, 0, clock.now())
      if (lease === undefined)
        this.#force(
          only(keys, i),
          only(costs, i).map((cost) => -(cost ?? 0)),
        )
      else lease.units += costs[i]!
    })
  }

  #withoutRedis(keys: Keys, costs: readonly number[], clock: Clock): Decision {
    const { onStoreError, localShare } = this.#plan
    if (onStoreError === 'allow') return { admitted: true, outcomes: [] }
    if (onStoreError === 'deny') {
      // Shadows refuse nobody, whatever happens to them.
      const isOpen = this.#policies.every(({ policy }, i) => policy.shadow || keys[i] === undefined)
      return { admitted: isOpen, outcomes: [], isUnavailable: !isOpen }
    }
    if (localShare === 1) return this.#own.check(keys, costs, clock)
    // A share of a limit is the limit with everything dearer. What is more than a burst then is owed.
    const dear = costs.map((cost) => cost / localShare)
    const payable = dear.map((cost, i) => Math.min(cost, Math.max(costs[i]!, this.#policies[i]!.policy.burst)))
    const decision = this.#own.check(keys, payable, clock)
    if (decision.admitted)
      this.#own.charge(
        keys,
        dear.map((cost, i) => (decision.outcomes[i]?.admitted === true ? cost - payable[i]! : 0)),
        clock,
      )
    return {
      admitted: decision.admitted,
      outcomes: decision.outcomes.map((each) => each && { ...each, remaining: each.remaining * localShare }),
    }
  }

  /** What leases could pay for, which is spent; `undefined` where there are no leases at all. */
  #payFromLeases(keys: Keys, costs: readonly number[], now: number): (Outcome | undefined)[] | undefined {
    if (this.#plan.leaseUnits === 0) return undefined
    return this.#policies.map(({ leases }, i) => {
      const key = keys[i]
      const lease = key === undefined ? undefined : leases?.payer(key, costs[i]!, now)
      if (lease === undefined) return undefined
      lease.units -= costs[i]!
      const remaining = lease.levelBehind + lease.units
      return { admitted: true, remaining, resetMs: Math.max(0, lease.resetAt - now), retryAfterMs: 0 }
    })
  }

  /** Charges whatever there is. What gets lost on the way is counted by this process alone. */
  #force(keys: Keys, costs: readonly number[]): void {
    this.#link.call(this.#call(keys, costs, costs, 'f')).catch(() => {})
  }

  #call(keys: Keys, costs: readonly number[], wants: readonly number[], mode?: 'f'): ScriptCall {
    const names: string[] = []
    const args: (string | number)[] = []
    this.#policies.forEach(({ policy, args: [kind, step, size] }, i) => {
      const key = keys[i]
      if (key === undefined) return
      names.push(redisKey(this.#plan.prefix, kind === 'b' ? 'bucket' : 'window', policy.name, key))
      args.push(kind, step, size, costs[i]!, wants[i]!, mode ?? (policy.shadow ? 's' : 'e'))
    })
    return LIMIT_SCRIPT.call(names, args)
  }

  #decision(keys: Keys, costs: readonly number[], result: readonly (string | number)[], now: number): Decision {
    let at = 1
    const outcomes = this.#policies.map(({ leases }, i): Outcome | undefined => {
      const key = keys[i]
      if (key === undefined) return undefined
      const [fits, left, resetMs, retryAfterMs, taken] = result.slice(at, at + VALUES).map(Number) as Five
      at += VALUES
      const surplus = Math.max(0, taken - costs[i]!)
      leases?.granted(key, surplus, left, resetMs, now)
      return { admitted: fits === 1, remaining: left + surplus, resetMs, retryAfterMs }
    })
    return { admitted: Number(result[0]) === 1, outcomes }
  }

  /** Gives back what nobody has spent, while there is any. */
  #expireLater(clock: Clock): void {
    if (this.#isExpiring || this.#policies.every(({ leases }) => leases?.isEmpty ?? true)) return
    this.#isExpiring = true
    clock.schedule(this.#plan.leaseMs, () => {
      this.#isExpiring = false
      this.#policies.forEach(({ leases }, i) => {
        const unspent = leases?.expire(clock.now()) ?? []
        if (!this.#link.canAsk(clock)) return
        for (const { key, units } of unspent)
          this.#force(
            this.#policies.map((_, j) => (j === i ? key : undefined)),
            this.#policies.map(() => -units),
          )
      })
      this.#expireLater(clock)
    })
  }
}

type Five = [number, number, number, number, number]

function redisPolicy(policy: Policy, { leaseUnits, leaseMs, localMaxKeys }: RedisPlan): RedisPolicy {
  if (!isBucket(policy)) return { policy, args: ['w', policy.windowMs, policy.limit], leases: undefined }
  const block = Math.min(leaseUnits, Math.floor(policy.burst * MAX_BLOCK_SHARE))
  const leases = block > 0 ? new LeaseBook(block, leaseMs, localMaxKeys) : undefined
  return { policy, args: ['b', unitMs(policy), policy.burst], leases }
}

function only<T>(values: readonly T[], index: number): (T | undefined)[] {
  return values.map((value, i) => (i === index ? value : undefined))
}
