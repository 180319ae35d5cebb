/**
 * Points of targets on a circle: D. Karger and others, "Consistent hashing and random trees" (STOC 1997), with many points
 * a target as in Ketama (Last.fm, 2007). A target's points depend on nothing but itself, so one that leaves hands over its
 * own keys and moves no others.
 *
 * A change touches only the points of the targets that it is about: the rest are copied in order, never sorted again.
 */
import type { Target } from '@sluice/core'
import { finish, hashText, mixIn } from './murmur3.ts'

/** Points take about 12 bytes each; beyond this all targets get a half, a quarter, ... of theirs. */
const MAX_POINTS = 2 ** 21

interface Place {
  readonly target: Target
  /** Stands for the target among the owners. */
  readonly slot: number
  readonly points: number
}

export class HashRing {
  readonly #pointsPerWeight: number
  readonly #seed: number
  readonly #maxPoints: number
  /** Rising, 31 bits. */
  #points: Int32Array = new Int32Array(0)
  /** Slots, beside the points. */
  #owners: Int32Array = new Int32Array(0)
  /** For each value of a hash's upper bits, the place of the first point at or after it. */
  #starts: Int32Array = new Int32Array(1)
  /** How many lower bits there are. */
  #shift = 31
  readonly #slots: (Target | undefined)[] = []
  #places: ReadonlyMap<Target, Place> = new Map()

  constructor(pointsPerWeight: number, seed: number, maxPoints: number = MAX_POINTS) {
    this.#pointsPerWeight = pointsPerWeight
    this.#seed = seed
    this.#maxPoints = maxPoints
  }

  get size(): number {
    return this.#points.length
  }

  /** The place on the ring of the first point at or after a hash. Constant time: points are spread evenly. */
  find(hash: number): number {
    const points = this.#points
    let place = this.#starts[hash >>> this.#shift]!
    while (place < points.length && points[place]! < hash) place++
    return place === points.length ? 0 : place
  }

  /** Whose point it is. */
  ownerAt(place: number): Target {
    return this.#slots[this.#owners[place]!]!
  }

  /** O(points); nothing happens where neither targets nor their configured weights have changed. */
  update(targets: readonly Target[]): void {
    const counts = this.#countPoints(targets)
    const kept = new Map<Target, Place>()
    const fresh: Target[] = []
    for (const [i, target] of targets.entries()) {
      const place = this.#places.get(target)
      if (place !== undefined && place.points === counts[i]) kept.set(target, place)
      else fresh.push(target)
    }
    if (fresh.length === 0 && kept.size === this.#places.size) return
    const added = this.#settle(fresh, new Map(targets.map((target, i) => [target, counts[i]!])))
    const isKept = new Uint8Array(this.#slots.length)
    for (const { slot } of kept.values()) isKept[slot] = 1
    this.#merge(added, isKept)
    for (const { target, slot } of this.#places.values()) if (!kept.has(target)) this.#slots[slot] = undefined
    for (const place of added) kept.set(place.target, place)
    this.#places = kept
  }

  #countPoints(targets: readonly Target[]): number[] {
    const total = targets.reduce((sum, target) => sum + target.weight * this.#pointsPerWeight, 0)
    // By halves, so that small changes of the sum leave all others as they are.
    const scale = Math.min(1, 2 ** -Math.ceil(Math.log2(total / this.#maxPoints)))
    return targets.map((target) => Math.max(1, Math.round(target.weight * this.#pointsPerWeight * scale)))
  }

  /** Gives slots to targets that have none, in an order that all proxies share. */
  #settle(targets: readonly Target[], counts: ReadonlyMap<Target, number>): readonly Place[] {
    let slot = -1
    return targets
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
      .map((target) => {
        do slot++
        while (this.#slots[slot] !== undefined)
        this.#slots[slot] = target
        return { target, slot, points: counts.get(target)! }
      })
  }

  /** The points that stay, and new ones, in order. */
  #merge(added: readonly Place[], isKept: Uint8Array): void {
    const fresh = pointsOf(added, this.#seed)
    let size = fresh.points.length
    for (const owner of this.#owners) size += isKept[owner]!
    const points = new Int32Array(size)
    const owners = new Int32Array(size)
    let next = 0
    let at = 0
    for (let i = 0; i < this.#points.length; i++) {
      const owner = this.#owners[i]!
      if (isKept[owner] === 0) continue
      const point = this.#points[i]!
      while (next < fresh.points.length && this.#isBefore(fresh, next, point, owner)) {
        points[at] = fresh.points[next]!
        owners[at++] = fresh.owners[next++]!
      }
      points[at] = point
      owners[at++] = owner
    }
    for (; next < fresh.points.length; next++) {
      points[at] = fresh.points[next]!
      owners[at++] = fresh.owners[next]!
    }
    this.#points = points
    this.#owners = owners
    this.#index()
  }

  /** About two points for each start. */
  #index(): void {
    const points = this.#points
    const bits = Math.max(0, Math.ceil(Math.log2(points.length + 1)) - 1)
    const starts = new Int32Array(2 ** bits)
    const shift = 31 - bits
    let place = 0
    for (let start = 0; start < starts.length; start++) {
      while (place < points.length && points[place]! >>> shift < start) place++
      starts[start] = place
    }
    this.#starts = starts
    this.#shift = shift
  }

  /** Where two points coincide, the keys decide, so that all proxies have the same ring. */
  #isBefore(fresh: Points, index: number, point: number, owner: number): boolean {
    const other = fresh.points[index]!
    if (other !== point) return other < point
    return this.#slots[fresh.owners[index]!]!.key < this.#slots[owner]!.key
  }
}

interface Points {
  readonly points: Int32Array
  readonly owners: Int32Array
}

/** Sorted as numbers that hold both: 31 bits of point, and the place in the list of targets, of at most 22 bits. */
function pointsOf(places: readonly Place[], seed: number): Points {
  const size = places.reduce((sum, place) => sum + place.points, 0)
  const packed = new Float64Array(size)
  let at = 0
  for (const [i, { target, points }] of places.entries()) {
    const { key } = target
    const one = hashText(key, 0, key.length, seed)
    const two = hashText(key, 0, key.length, ~seed)
    for (let point = 0; point < points; point++) {
      packed[at++] = (finish(mixIn(mixIn(one, two), point)) >>> 1) * 2 ** 22 + i
    }
  }
  packed.sort()
  const points = new Int32Array(size)
  const owners = new Int32Array(size)
  for (let i = 0; i < size; i++) {
    points[i] = Math.floor(packed[i]! / 2 ** 22)
    owners[i] = places[packed[i]! % 2 ** 22]!.slot
  }
  return { points, owners }
}
