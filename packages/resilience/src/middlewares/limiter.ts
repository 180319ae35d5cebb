/**
 * A number of places, and those who wait for one. Whoever gets a place gives it back exactly once, and whoever waits can
 * leave at any time: a place that was lost would be lost until the process ends.
 */
import type { Clock, ScheduledCall } from '@sluice/wire'

/** How many places there are. */
export interface LimitRule {
  readonly limit: number
  /** Learns how long one took whose place was the `inFlight`-th. */
  sample?(rttMs: number, inFlight: number, isDropped: boolean): void
}

/** How long, and in which order, one waits. */
export interface WaitingRules {
  readonly maxPending: number
  readonly order: 'fifo' | 'lifo'
  readonly pendingTimeoutMs: number
}

/** `granted`: it has a place. `expired`: it waited too long. `left`: it gave up by itself. */
export type WaitEnd = 'granted' | 'expired' | 'left'

/** What an exchange holds, or waits for. */
export class Place {
  readonly limiter: Limiter
  state: 'new' | 'pending' | 'held' | 'over' = 'new'
  /** How many places were taken when it was, itself included. */
  inFlight = 0
  timer: ScheduledCall | undefined = undefined
  settle: ((end: WaitEnd) => void) | undefined = undefined
  // The queue is a linked list: whoever leaves it is taken out of the middle at no cost.
  older: Place | undefined = undefined
  newer: Place | undefined = undefined

  constructor(limiter: Limiter) {
    this.limiter = limiter
  }

  /** Gives the place back, or stops waiting for it. Harmless when it has done so. */
  free(): void {
    this.limiter.free(this)
  }
}

export class Limiter {
  readonly #rule: LimitRule
  readonly #rules: WaitingRules
  readonly #emptied: (() => void) | undefined
  #inFlight = 0
  #pending = 0
  #oldest: Place | undefined = undefined
  #newest: Place | undefined = undefined

  /** `emptied` is called whenever nobody has a place or waits for one any more. */
  constructor(rule: LimitRule, rules: WaitingRules, emptied?: () => void) {
    this.#rule = rule
    this.#rules = rules
    this.#emptied = emptied
  }

  get limit(): number {
    return this.#rule.limit
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get pending(): number {
    return this.#pending
  }

  /** Takes a place, where one is free and nobody waits for it. */
  take(place: Place): boolean {
    if (this.#pending > 0 || this.#inFlight >= this.#rule.limit) return false
    this.#grant(place)
    return true
  }

  /** Waits for a place, where there is room to wait. `settle` is called once, never from within this call. */
  wait(place: Place, clock: Clock, settle: (end: WaitEnd) => void): boolean {
    const { maxPending, pendingTimeoutMs } = this.#rules
    if (this.#pending >= maxPending) return false
    place.state = 'pending'
    place.settle = settle
    place.older = this.#newest
    if (this.#newest === undefined) this.#oldest = place
    else this.#newest.newer = place
    this.#newest = place
    this.#pending++
    if (pendingTimeoutMs > 0) place.timer = clock.schedule(pendingTimeoutMs, () => this.#dequeue(place, 'expired'))
    return true
  }

  free(place: Place): void {
    const { state } = place
    if (state === 'pending') this.#dequeue(place, 'left')
    else if (state === 'held') {
      place.state = 'over'
      this.#inFlight--
      this.#serve()
    } else place.state = 'over'
    if (state !== 'over' && this.#inFlight === 0 && this.#pending === 0) this.#emptied?.()
  }

  /** What became of one that has a place, for a limit that adapts. */
  sample(place: Place, rttMs: number, isDropped: boolean): void {
    if (this.#rule.sample === undefined) return
    this.#rule.sample(rttMs, place.inFlight, isDropped)
    this.#serve()
  }

  #grant(place: Place): void {
    place.state = 'held'
    place.inFlight = ++this.#inFlight
  }

  #serve(): void {
    while (this.#pending > 0 && this.#inFlight < this.#rule.limit) {
      this.#dequeue((this.#rules.order === 'fifo' ? this.#oldest : this.#newest)!, 'granted')
    }
  }

  #dequeue(place: Place, end: WaitEnd): void {
    if (place.older === undefined) this.#oldest = place.newer
    else place.older.newer = place.newer
    if (place.newer === undefined) this.#newest = place.older
    else place.newer.older = place.older
    place.older = place.newer = undefined
    place.timer?.cancel()
    this.#pending--
    if (end === 'granted') this.#grant(place)
    else place.state = 'over'
    place.settle!(end)
  }
}
