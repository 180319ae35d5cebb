/**
 * The flights that are under way, by key. Not a Map: one that is added to and deleted from all the time replaces its table again and again, and
 * V8 links each old table to the next, so that one which was promoted keeps every later one, with all that hangs on its flights, alive until
 * the next full collection. That was half of what a miss cost.
 */
import { hashOf } from '../key/key-hash.ts'
import type { Flight } from './flight.ts'

const BUCKETS = 4_096
const MASK = BUCKETS - 1

export class FlightTable {
  readonly #buckets: (Flight | undefined)[] = Array.from({ length: BUCKETS })
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): Flight | undefined {
    if (this.#size === 0) return undefined
    let flight = this.#buckets[hashOf(key) & MASK]
    while (flight !== undefined && flight.key !== key) flight = flight.nextInTable
    return flight
  }

  /** In place of another one with this key. */
  set(flight: Flight): void {
    const other = this.get(flight.key)
    if (other !== undefined) this.delete(other)
    const bucket = flight.hash & MASK
    flight.nextInTable = this.#buckets[bucket]
    this.#buckets[bucket] = flight
    this.#size++
  }

  /** Does nothing where it is not there, or not any more. */
  delete(flight: Flight): void {
    const bucket = flight.hash & MASK
    let before: Flight | undefined
    let each = this.#buckets[bucket]
    while (each !== undefined && each !== flight) {
      before = each
      each = each.nextInTable
    }
    if (each === undefined) return
    if (before === undefined) this.#buckets[bucket] = flight.nextInTable
    else before.nextInTable = flight.nextInTable
    flight.nextInTable = undefined
    this.#size--
  }
}
