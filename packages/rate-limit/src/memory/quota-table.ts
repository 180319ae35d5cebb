/** How many are under way for each key, in this process: no key stands in it longer than somebody is. */
import type { Place, QuotaAccount, QuotaRule, StoreSnapshot } from '../store/store.ts'

export class QuotaTable implements QuotaAccount {
  readonly #max: number
  readonly #counts = new Map<string, number>()

  constructor({ max }: QuotaRule) {
    this.#max = max
  }

  take(key: string): Place {
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#max) return REFUSED
    this.#counts.set(key, count + 1)
    let isFree = false
    const free = (): void => {
      if (isFree) return
      isFree = true
      const count = this.#counts.get(key)! - 1
      if (count === 0) this.#counts.delete(key)
      else this.#counts.set(key, count)
    }
    return { admitted: true, remaining: this.#max - count - 1, free }
  }

  snapshot(): StoreSnapshot {
    return { kind: 'memory', state: 'up', keys: this.#counts.size }
  }
}

/** What everybody gets for whom there is no place. */
export const REFUSED: Place = Object.freeze({ admitted: false, remaining: 0, free: () => {} })
