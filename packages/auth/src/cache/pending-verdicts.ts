/**
 * Verdicts that are being come to: of several who ask for the same at once one finds out, for all of them. Whoever comes when that has lasted
 * for long finds out for himself, so that one look-up that hangs is not the end of it for its client.
 */
import type { Verdict } from '../strategy.ts'

/** Beyond it a look-up is not waited for by those who come. */
const MAX_AGE_MS = 5_000

interface Pending {
  readonly since: number
  readonly verdict: Promise<Verdict>
}

export class PendingVerdicts {
  readonly #byKey = new Map<string, Pending>()

  /** What is under way, where it is. `now` is `clock.wallTime()`. */
  find(key: string, now: number): Promise<Verdict> | undefined {
    const found = this.#byKey.get(key)
    // A clock that was set back makes it none the older.
    return found === undefined || now - found.since >= MAX_AGE_MS ? undefined : found.verdict
  }

  /** Whether the one that was begun then is still the one that counts: what was found out later must not be overwritten. */
  isCurrent(key: string, since: number): boolean {
    return this.#byKey.get(key)?.since === since
  }

  /** Keeps it until it has settled. */
  add(key: string, since: number, verdict: Promise<Verdict>): void {
    const own: Pending = { since, verdict }
    this.#byKey.set(key, own)
    const forget = (): void => {
      // Somebody else may have begun anew.
      if (this.#byKey.get(key) === own) this.#byKey.delete(key)
    }
    verdict.then(forget, forget)
  }
}
