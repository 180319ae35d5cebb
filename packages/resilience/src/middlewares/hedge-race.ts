/** One exchange's tries that run side by side: the first good reply wins, the others are given up. */
import { type Exchange, type Handler, type Reply, type RetryBudget, retryBudget } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import { hedged, hedgeWon } from '../events.ts'
import { discardBranch } from './discard-reply.ts'
import type { LatencyWindow } from './latency-window.ts'

/** What a race is run by. */
export interface RaceRules {
  readonly delayMs: number
  readonly maxHedges: number
  readonly budget: RetryBudget
  /** Learns how long first tries take. */
  readonly latencies: LatencyWindow | undefined
}

export class HedgeRace {
  readonly #exchange: Exchange
  readonly #next: Handler
  readonly #rules: RaceRules
  readonly #startedAt: number
  readonly #branches: Exchange[] = []
  #pending = 0
  #isOver = false
  #timer: ScheduledCall | undefined = undefined
  /** The first reply that is none to be glad of, for when there is no better one. */
  #badReply: Reply | undefined = undefined
  #badBranch: Exchange | undefined = undefined
  #error: Error | undefined = undefined
  #resolve!: (reply: Reply) => void
  #reject!: (error: Error) => void

  constructor(exchange: Exchange, next: Handler, rules: RaceRules) {
    this.#exchange = exchange
    this.#next = next
    this.#rules = rules
    this.#startedAt = exchange.clock.now()
  }

  run(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#launch()
    })
  }

  #launch(): void {
    const branch = this.#exchange.branch()
    branch.set(retryBudget, this.#rules.budget)
    this.#branches.push(branch)
    this.#pending++
    if (this.#branches.length <= this.#rules.maxHedges)
      this.#timer = this.#exchange.clock.schedule(this.#rules.delayMs, () => this.#hedge())
    const call = async (): Promise<Reply> => await this.#next(branch)
    call().then(
      (reply) => this.#replied(branch, reply),
      (error: unknown) => this.#failed(branch, error as Error),
    )
  }

  #hedge(): void {
    const exchange = this.#exchange
    if (exchange.aborted !== undefined || !this.#rules.budget.withdraw(exchange.clock.now())) return
    if (hedged.hasSubscribers)
      hedged.publish({ exchange, tryNumber: this.#branches.length + 1, delayMs: this.#rules.delayMs })
    this.#launch()
  }

  #replied(branch: Exchange, reply: Reply): void {
    if (this.#isOver) return discardBranch(branch, reply)
    this.#pending--
    if (reply.status < 500) return this.#win(branch, reply)
    if (this.#badReply === undefined) {
      this.#badReply = reply
      this.#badBranch = branch
    } else discardBranch(branch, reply)
    this.#giveUpIfLast()
  }

  #failed(_branch: Exchange, error: Error): void {
    if (this.#isOver) return
    this.#pending--
    this.#error ??= error
    this.#giveUpIfLast()
  }

  /** With none under way there is nothing to wait for: what is left to try is for a retry to decide. */
  #giveUpIfLast(): void {
    if (this.#pending > 0) return
    this.#finish()
    if (this.#badReply !== undefined) this.#resolve(this.#badReply)
    else this.#reject(this.#error!)
  }

  #win(winner: Exchange, reply: Reply): void {
    this.#finish()
    const exchange = this.#exchange
    const now = exchange.clock.now()
    // A first try that lost would have taken longer than this, and so than the percentile: that much is known of it, and
    // leaving it out would have the percentile sink, and ever more be hedged.
    this.#rules.latencies?.record(now, now - this.#startedAt)
    if (winner !== this.#branches[0] && hedgeWon.hasSubscribers)
      hedgeWon.publish({ exchange, tryNumber: this.#branches.indexOf(winner) + 1, durationMs: now - this.#startedAt })
    for (const branch of this.#branches) {
      if (branch !== winner) discardBranch(branch, branch === this.#badBranch ? this.#badReply : undefined)
    }
    this.#resolve(reply)
  }

  #finish(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }
}
