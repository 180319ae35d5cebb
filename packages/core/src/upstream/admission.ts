/**
 * Which targets may be picked: those that are `up` and that all gates admit, as a list that is brought up to date when
 * something changes. What concerns one target is asked about that one alone: of ten thousand, a thousand may fail within a
 * second.
 */
import type { GateRow } from './gate-row.ts'
import type { Target } from './target.ts'

const NOBODY: readonly Target[] = Object.freeze([])

export class Admission {
  readonly #gates: GateRow
  readonly #panicThreshold: number
  #targets: readonly Target[] = NOBODY
  #upCount = 0
  /** By the gates alone, whatever the panic threshold says. `NOBODY` until there were targets. */
  #admitted: readonly Target[] = NOBODY
  #isAdmitted = new Set<Target>()
  #admissible: readonly Target[] = NOBODY
  #isPanicking = false

  constructor(gates: GateRow, panicThreshold: number) {
    this.#gates = gates
    this.#panicThreshold = panicThreshold
  }

  get admissible(): readonly Target[] {
    return this.#admissible
  }

  /** Whether the word of the gates counts for nothing at the moment. */
  get isPanicking(): boolean {
    return this.#isPanicking
  }

  /** Looks at all of them, and at their weights. */
  refresh(targets: readonly Target[]): void {
    const up = targets.filter((target) => target.state === 'up')
    const admitted = up.filter((target) => this.#gates.admits(target))
    const before = this.#admitted
    this.#targets = targets
    this.#upCount = up.length
    this.#isPanicking = admitted.length < up.length * this.#panicThreshold
    this.#admissible = this.#isPanicking ? up : admitted
    // What a source finds after there was nothing is what the upstream begins with.
    this.#admitted = targets.length === 0 ? NOBODY : admitted
    const known = this.#isAdmitted
    this.#isAdmitted = new Set(admitted)
    // Nobody has become admissible who was there from the start.
    if (before !== NOBODY) for (const target of admitted) if (!known.has(target)) this.#gates.entered(target)
    for (const target of targets) target.effectiveWeight = this.#gates.weightOf(target)
  }

  /** Looks at one of them; says whether anything is different now. */
  reconsider(target: Target): boolean {
    const admits = target.state === 'up' && this.#gates.admits(target)
    const isAdmitted = this.#isAdmitted.has(target)
    if (admits === isAdmitted && target.effectiveWeight === this.#gates.weightOf(target)) return false
    // It may have left.
    if (!this.#targets.includes(target)) return false
    const count = this.#admitted.length + Number(admits) - Number(isAdmitted)
    if (this.#isPanicking || count < this.#upCount * this.#panicThreshold) {
      this.refresh(this.#targets)
      return true
    }
    if (admits && !isAdmitted) {
      this.#isAdmitted.add(target)
      this.#admitted = this.#targets.filter((each) => this.#isAdmitted.has(each))
    } else if (!admits && isAdmitted) {
      this.#isAdmitted.delete(target)
      this.#admitted = this.#admitted.filter((each) => each !== target)
    }
    this.#admissible = this.#admitted
    if (admits && !isAdmitted) this.#gates.entered(target)
    target.effectiveWeight = this.#gates.weightOf(target)
    return true
  }
}
