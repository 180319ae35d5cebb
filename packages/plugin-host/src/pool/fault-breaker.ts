/**
 * Keeps a plugin that faults again and again from being called: so many faults within a window, and it rests; then one call
 * decides. A spin costs its whole fuel each time, so what is left of a proxy's time depends on this.
 */
import type { ResolvedBreaker } from '../manifest/limits.ts'

/** Of one version of a plugin. Without a clock: every call says what time it is. */
export class FaultBreaker {
  readonly #limits: ResolvedBreaker
  readonly #changed: (isOpen: boolean) => void
  /** When the last faults were, oldest first from `#next` on. */
  readonly #times: number[]
  #next = 0
  #state: 'closed' | 'open' | 'trial' = 'closed'
  #changesAt = 0

  constructor(limits: ResolvedBreaker, changed: (isOpen: boolean) => void) {
    this.#limits = limits
    this.#changed = changed
    this.#times = Array.from({ length: limits.faults }, () => Number.NEGATIVE_INFINITY)
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  get state(): 'closed' | 'open' | 'trial' {
    return this.#state
  }

  /** When one that is open lets a call through. */
  get changesAt(): number {
    return this.#changesAt
  }

  /** Whether a call may be made. Of one that is closed it need not be asked. */
  admits(now: number): boolean {
    if (this.#state === 'closed') return true
    if (now < this.#changesAt) return false
    this.#state = 'trial'
    // Where the trial's result never comes, another is made after as long again.
    this.#changesAt = now + this.#limits.openMs
    return true
  }

  succeeded(): void {
    if (this.#state !== 'trial') return
    this.#state = 'closed'
    this.#times.fill(Number.NEGATIVE_INFINITY)
    this.#changed(false)
  }

  faulted(now: number): void {
    const { faults, windowMs, openMs } = this.#limits
    if (faults === 0 || this.#state === 'open') return
    const wasTrial = this.#state === 'trial'
    this.#times[this.#next] = now
    this.#next = (this.#next + 1) % faults
    if (!wasTrial && now - this.#times[this.#next]! > windowMs) return
    this.#state = 'open'
    this.#changesAt = now + openMs
    if (!wasTrial) this.#changed(true)
  }
}
