/** Targets that are to become empty: drained, or removed with attempts still under way. */
import type { Target } from './target.ts'

export class Departures {
  readonly #leaving = new Set<Target>()
  /** Who waits for the last attempt at a target to end. */
  readonly #onEmpty = new Map<Target, (() => void)[]>()

  /** Removed, and not empty yet. */
  get leaving(): ReadonlySet<Target> {
    return this.#leaving
  }

  /** Calls `forget` when nothing is under way at the removed target any more. */
  async letGo(target: Target, forget: (target: Target) => void): Promise<void> {
    this.#leaving.add(target)
    await this.whenEmpty(target)
    this.#leaving.delete(target)
    forget(target)
  }

  /** Resolves when nothing is under way at the target. */
  async whenEmpty(target: Target): Promise<void> {
    if (target.active === 0) return
    await new Promise<void>((resolve) => {
      const waiting = this.#onEmpty.get(target)
      if (waiting === undefined) this.#onEmpty.set(target, [resolve])
      else waiting.push(resolve)
    })
  }

  /** An attempt has ended. */
  vacated(target: Target): void {
    if (target.active > 0 || this.#onEmpty.size === 0) return
    const waiting = this.#onEmpty.get(target)
    this.#onEmpty.delete(target)
    for (const resolve of waiting ?? []) resolve()
  }
}
