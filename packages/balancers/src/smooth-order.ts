/**
 * nginx's smooth weighted round-robin (src/http/ngx_http_upstream_round_robin.c), for any number of targets at
 * the price of the number of different weights.
 *
 * nginx: at each pick, every target's credit grows by its weight; the one with the highest credit (the first in the list
 * among equals) is picked and pays the sum of all weights. Targets of one weight have equal credits but for those that were
 * picked already in this round, so they come one after the other, in the order of the list. One credit and one place stand
 * for all of them, and the order is the very same.
 *
 * A target that may not be picked when its turn comes has lost that turn. A weight none of whose targets may be picked
 * takes no part, as a peer of nginx that is full: the others share what it would have got in proportion to theirs.
 */
import { type Attempt, mayPick, type Target } from '@sluice/core'

export class SmoothOrder {
  readonly #targets: readonly Target[]
  readonly #total: number
  /** All arrays below are by group: the targets of one weight. */
  readonly #weights: Float64Array
  readonly #credits: Float64Array
  /** Indexes of targets, in order. */
  readonly #members: readonly Int32Array[]
  /** Whose turn it is among the members. */
  readonly #next: Int32Array
  /** What the members before that one have to pay: for all of them together, once the group comes round. */
  readonly #owed: Float64Array
  /** Those that can't take part in the pick under way. */
  readonly #isOut: Uint8Array

  /** Targets that are in `before` keep their credits. */
  constructor(targets: readonly Target[], before?: SmoothOrder) {
    const groups = Map.groupBy(targets.keys(), (index) => targets[index]!.effectiveWeight)
    this.#targets = targets
    this.#total = targets.reduce((sum, target) => sum + target.effectiveWeight, 0)
    this.#weights = Float64Array.from(groups.keys())
    this.#next = new Int32Array(groups.size)
    this.#owed = new Float64Array(groups.size)
    this.#isOut = new Uint8Array(groups.size)
    const standings = before === undefined ? NO_STANDINGS : before.#standings()
    const standingOf = (index: number): Standing => standings.get(targets[index]!) ?? NEW
    const members = [...groups.values()]
    this.#members = members.map((group) =>
      Int32Array.from(group.toSorted((a, b) => inTurn(standingOf(a), standingOf(b)))),
    )
    // The members share what they have together.
    this.#credits = Float64Array.from(
      members,
      (group) => (group.reduce((sum, index) => sum + standingOf(index).share, 0) / group.length) * this.#total,
    )
  }

  pick(tried: readonly Attempt[]): Target | undefined {
    const best = this.#accrue()
    if (best < 0) return undefined
    const target = this.#targets[this.#head(best)]!
    if (!mayPick(target, tried)) return this.#pickPast(best, tried)
    this.#advance(best, this.#total)
    return target
  }

  #accrue(): number {
    const credits = this.#credits
    let best = -1
    for (let group = 0; group < credits.length; group++) {
      credits[group] = credits[group]! + this.#weights[group]!
      if (best < 0 || this.#isAhead(group, best)) best = group
    }
    return best
  }

  /** The one whose turn it is may not be picked. */
  #pickPast(first: number, tried: readonly Attempt[]): Target | undefined {
    this.#isOut.fill(0)
    let present = this.#total
    for (let group = first; group >= 0; group = this.#bestOfRest()) {
      const members = this.#members[group]!
      for (let skipped = 0; skipped < members.length; skipped++) {
        const target = this.#targets[members[(this.#next[group]! + skipped) % members.length]!]!
        if (!mayPick(target, tried)) continue
        if (skipped > 0) this.#accrueLostTurns(skipped)
        for (let turn = 0; turn <= skipped; turn++) this.#advance(group, present)
        return target
      }
      this.#isOut[group] = 1
      this.#credits[group] = this.#credits[group]! - this.#weights[group]!
      present -= this.#weights[group]! * members.length
    }
    return undefined
  }

  #bestOfRest(): number {
    let best = -1
    for (let group = 0; group < this.#credits.length; group++) {
      if (this.#isOut[group] === 0 && (best < 0 || this.#isAhead(group, best))) best = group
    }
    return best
  }

  /** A turn that was lost is paid for like any other, so it has to be earned as well. */
  #accrueLostTurns(turns: number): void {
    for (let group = 0; group < this.#credits.length; group++) {
      if (this.#isOut[group] === 0) this.#credits[group] = this.#credits[group]! + turns * this.#weights[group]!
    }
  }

  #advance(group: number, price: number): void {
    const size = this.#members[group]!.length
    const next = this.#next[group]! + 1
    const owed = this.#owed[group]! + price
    const isRound = next === size
    this.#next[group] = isRound ? 0 : next
    this.#owed[group] = isRound ? 0 : owed
    if (isRound) this.#credits[group] = this.#credits[group]! - owed / size
  }

  #isAhead(one: number, other: number): boolean {
    const a = this.#credits[one]!
    const b = this.#credits[other]!
    return a > b || (a === b && this.#head(one) < this.#head(other))
  }

  #head(group: number): number {
    return this.#members[group]![this.#next[group]!]!
  }

  #standings(): ReadonlyMap<Target, Standing> {
    const standings = new Map<Target, Standing>()
    for (const [group, members] of this.#members.entries()) {
      const next = this.#next[group]!
      const credit = this.#credits[group]!
      const owing = credit - this.#owed[group]! / Math.max(1, next)
      for (const [place, index] of members.entries()) {
        const isWaiting = place >= next
        standings.set(this.#targets[index]!, {
          share: (isWaiting ? credit : owing) / this.#total,
          rank: isWaiting ? place - next : place - next + members.length,
        })
      }
    }
    return standings
  }
}

/** What is kept of a target when the order is made anew. */
interface Standing {
  /** Its credit, as a share of the sum of weights. */
  readonly share: number
  /** How many of its group come before it. */
  readonly rank: number
}

const NEW: Standing = { share: 0, rank: 0 }
const NO_STANDINGS: ReadonlyMap<Target, Standing> = new Map()

/** Those with more credit first; the sort keeps the order of the list where all else is equal. */
function inTurn(a: Standing, b: Standing): number {
  return b.share - a.share || a.rank - b.rank
}
