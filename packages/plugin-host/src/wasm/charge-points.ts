/**
 * Where a function is charged, and how much.
 *
 * A charge point pays in advance for all the code that is run whenever it is run: the straight line behind it, and what
 * follows a block that can't be left past its end. Code that may be skipped is paid for at the point before it, as long as
 * no more than `SLACK` is paid in vain there; otherwise it gets a point of its own. So what is charged is never less than
 * what is run, and the same in each run.
 *
 * "Points" and "blocks" as in the passes that other hosts use; those charge each piece of code by itself (`SLACK` 0), which
 * costs a JSON parser 29 % where this one costs 10 %.
 */

/**
 * The most that may be charged in vain at one point, in instructions. A parser in C gains 1 % over 16, Rust's formatting, which is made of
 * many small ways, 10 %; branchy code counts up to a third more.
 */
const SLACK = 64

/** No point pays yet: the next stretch of code gets one. */
export const NO_POINT = -1

/** The points of all functions of a module, one function after the other. */
export class ChargePoints {
  /** Where they stand, in the order of the code. */
  readonly places: number[] = []
  readonly costs: number[] = []
  /** The point that pays for the stretch of code at hand; {@link NO_POINT} behind the head of a loop. */
  point: number = NO_POINT
  /** Whether this stretch is run whenever its point is. */
  isCertain = false
  /** Nothing leads here, so nothing is charged. */
  isDead = false
  readonly #vain: number[] = []
  #place = 0
  #cost = 0

  /** Begins a function, whose first point also pays `cost`. */
  beginFunction(place: number, cost: number): void {
    this.point = NO_POINT
    this.isDead = false
    this.begin(place, false)
    this.#cost = cost
  }

  add(cost: number): void {
    if (!this.isDead) this.#cost += cost
  }

  /** Begins a stretch of code. The one before has been settled. */
  begin(place: number, isCertain: boolean): void {
    this.#place = place
    this.isCertain = isCertain
  }

  /** Begins one that a point of its own has to pay for: a loop's. */
  beginLoop(place: number): void {
    this.begin(place, false)
    this.point = NO_POINT
    // Even an empty loop is charged for each round.
    this.add(1)
  }

  /** Finds who pays for the stretch at hand; what follows at `place` continues it. */
  settle(place: number): void {
    const cost = this.#cost
    if (cost > 0) {
      this.#cost = 0
      const { point } = this
      if (point !== NO_POINT && this.isCertain) this.costs[point]! += cost
      else if (point !== NO_POINT && this.#vain[point]! + cost <= SLACK) {
        this.costs[point]! += cost
        this.#vain[point]! += cost
      } else {
        this.point = this.places.length
        this.places.push(this.#place)
        this.costs.push(cost)
        this.#vain.push(0)
        this.isCertain = true
      }
    }
    this.#place = place
  }
}
