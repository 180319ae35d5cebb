/**
 * Units of one policy that this process has taken from Redis in blocks and spends by itself. A key that is asked for once costs
 * one unit and no block; one that is asked for again within the lease gets blocks that double, up to a bound.
 */

/** What is known of one key. */
export interface Lease {
  /** Units that are left of the block. */
  units: number
  /** Until when they may be spent. */
  expiresAt: number
  /** How many units the next block has, beyond what is spent at once. */
  size: number
  /** Whether Redis is being asked for a block: one at a time is enough. */
  isAsking: boolean
  /** What Redis had left behind the block, and when it would have had all again. */
  levelBehind: number
  resetAt: number
}

export class LeaseBook {
  readonly #maxUnits: number
  readonly #leaseMs: number
  readonly #maxKeys: number
  readonly #leases = new Map<string, Lease>()

  constructor(maxUnits: number, leaseMs: number, maxKeys: number) {
    this.#maxUnits = maxUnits
    this.#leaseMs = leaseMs
    this.#maxKeys = maxKeys
  }

  get isEmpty(): boolean {
    return this.#leases.size === 0
  }

  /** The lease that can pay `cost`. */
  payer(key: string, cost: number, now: number): Lease | undefined {
    const lease = this.#leases.get(key)
    return lease !== undefined && lease.units >= cost && lease.expiresAt > now ? lease : undefined
  }

  /** How many units to ask Redis for, of which `cost` are spent at once. */
  want(key: string, cost: number, now: number): number {
    const lease = this.#leases.get(key)
    if (lease === undefined) {
      if (this.#leases.size < this.#maxKeys) this.#leases.set(key, newLease(now + this.#leaseMs))
      return cost
    }
    // What is still there is used up first: the next to ask will find nothing.
    if (lease.isAsking || lease.units > 0) return cost
    lease.isAsking = true
    lease.size = Math.min(this.#maxUnits, Math.max(1, lease.size * 2))
    return cost + lease.size
  }

  /** Redis has answered: with `surplus` units beyond the cost, of which it has `level` left. */
  granted(key: string, surplus: number, level: number, resetMs: number, now: number): void {
    const lease = this.#leases.get(key)
    if (lease === undefined) return
    lease.isAsking = false
    lease.units += surplus
    lease.expiresAt = now + this.#leaseMs
    lease.levelBehind = level
    lease.resetAt = now + resetMs
  }

  /** Redis could not be asked. */
  failed(key: string): void {
    const lease = this.#leases.get(key)
    if (lease !== undefined) lease.isAsking = false
  }

  /** Forgets what has expired, and gives the units that were not spent. */
  expire(now: number): { key: string; units: number }[] {
    const unspent: { key: string; units: number }[] = []
    for (const [key, lease] of this.#leases) {
      if (lease.expiresAt > now || lease.isAsking) continue
      if (lease.units > 0) unspent.push({ key, units: lease.units })
      this.#leases.delete(key)
    }
    return unspent
  }
}

function newLease(expiresAt: number): Lease {
  return { units: 0, expiresAt, size: 0, isAsking: false, levelBehind: 0, resetAt: 0 }
}
