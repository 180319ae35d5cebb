/** A limiter for each key, for as long as somebody uses it. */
import { Limiter, type LimitRule, type WaitingRules } from './limiter.ts'

/** A key's state as plain data. */
export interface KeySnapshot {
  readonly key: string
  readonly inFlight: number
  readonly pending: number
}

export class KeyedLimiters {
  readonly #rule: LimitRule
  readonly #rules: WaitingRules
  readonly #rest: Limiter
  readonly #maxKeys: number
  readonly #limiters = new Map<string, Limiter>()

  /** `rest` is for those that no limiter of their own can be had for. */
  constructor(rule: LimitRule, rules: WaitingRules, rest: Limiter, maxKeys: number) {
    this.#rule = rule
    this.#rules = rules
    this.#rest = rest
    this.#maxKeys = maxKeys
  }

  /** To be used at once: one that nobody uses is forgotten with the next end of another. */
  of(key: string): Limiter {
    const known = this.#limiters.get(key)
    if (known !== undefined) return known
    if (this.#limiters.size >= this.#maxKeys) return this.#rest
    const limiter = new Limiter(this.#rule, this.#rules, () => this.#limiters.delete(key))
    this.#limiters.set(key, limiter)
    return limiter
  }

  get inFlight(): number {
    return this.#sum((limiter) => limiter.inFlight)
  }

  get pending(): number {
    return this.#sum((limiter) => limiter.pending)
  }

  snapshot(): KeySnapshot[] {
    return [...this.#limiters].map(([key, { inFlight, pending }]) => ({ key, inFlight, pending }))
  }

  #sum(count: (limiter: Limiter) => number): number {
    let sum = count(this.#rest)
    for (const limiter of this.#limiters.values()) sum += count(limiter)
    return sum
  }
}
