/**
 * Points of targets on a circle: D. Karger and others, "Consistent hashing and random trees" (STOC 1997), with many points
 * a target as in Ketama (Last.fm, 2007). A target's points depend on nothing but itself, so one that leaves hands over its
 * own keys and moves no others.
 *
 * A change touches only the points of the targets that it is about: the rest are copied in order, never sorted again. Where
 * a target leaves that may return, as one that a gate has closed, nothing is copied: its points sleep, and whoever goes
 * along the ring passes them by. Of ten thousand targets a thousand may leave within a second.
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
  /**
   * Points, rising, of 31 bits, each with its owner's slot behind it: one look into memory brings both, and with millions of
   * points that is what a pick costs.
   */
  #points: Int32Array = new Int32Array(0)
  /** For each value of a hash's upper bits, the place of the first point at or after it. */
  #starts: Int32Array = new Int32Array(1)
  /** How many lower bits there are. */
  #shift = 31
  readonly #slots: (Target | undefined)[] = []
  #places: ReadonlyMap<Target, Place> = new Map()
  /** By slot: 1 for targets that take part. */
  #isAwake: Uint8Array = new Uint8Array(0)
  #awakePoints = 0

  constructor(pointsPerWeight: number, seed: number, maxPoints: number = MAX_POINTS) {
    this.#pointsPerWeight = pointsPerWeight
    this.#seed = seed
    this.#maxPoints = maxPoints
  }

  /** All places, those that sleep included. */
  get size(): number {
    return this.#points.length >> 1
  }

  get awakePoints(): number {
    return this.#awakePoints
  }

  /** The place on the ring of the first point at or after a hash. Constant time: points are spread evenly. */
  find(hash: number): number {
    const points = this.#points
    let at = 2 * this.#starts[hash >>> this.#shift]!
    while (at < points.length && points[at]! < hash) at += 2
    return at === points.length ? 0 : at >> 1
  }

  /** Whose point it is. */
  ownerAt(place: number): Target {
    return this.#slots[this.#points[2 * place + 1]!]!
  }

  /** Whether the target of a place takes part. */
  isAwakeAt(place: number): boolean {
    return this.#isAwake[this.#points[2 * place + 1]!] === 1
  }

  /**
   * O(targets) where all have been there before with the same configured weight, else O(points). The points of those that
   * `mayReturn` are kept asleep, unless there would be more of them than of others.
   */
  update(targets: readonly Target[], mayReturn: (target: Target) => boolean = () => false): void {
    const counts = this.#countPoints(targets)
    const fresh: Target[] = []
    const isAwake = new Uint8Array(this.#slots.length)
    const isChanged = new Uint8Array(this.#slots.length)
    this.#awakePoints = 0
    for (let i = 0; i < targets.length; i++) {
      const place = this.#places.get(targets[i]!)
      const isSame = place !== undefined && place.points === counts[i]
      if (!isSame) fresh.push(targets[i]!)
      if (place !== undefined) (isSame ? isAwake : isChanged)[place.slot] = 1
      this.#awakePoints += counts[i]!
    }
    const others = [...this.#places.values()].filter(({ slot }) => isAwake[slot] === 0)
    const able = others.filter(({ target, slot }) => isChanged[slot] === 0 && mayReturn(target))
    const asleep = able.reduce((sum, { points }) => sum + points, 0) > this.#awakePoints ? [] : able
    if (fresh.length > 0 || asleep.length < others.length) {
      const isKept = Uint8Array.from(isAwake)
      for (const { slot } of asleep) isKept[slot] = 1
      const added = this.#settle(fresh, new Map(targets.map((target, i) => [target, counts[i]!])))
      this.#replace(added, isKept)
    }
    this.#isAwake = new Uint8Array(this.#slots.length)
    this.#isAwake.set(isAwake)
    for (const target of fresh) this.#isAwake[this.#places.get(target)!.slot] = 1
  }

  #replace(added: readonly Place[], isKept: Uint8Array): void {
    const places = new Map<Target, Place>()
    this.#merge(added, isKept)
    for (const place of this.#places.values()) {
      if (isKept[place.slot] === 1) places.set(place.target, place)
      else this.#slots[place.slot] = undefined
    }
    for (const place of added) places.set(place.target, place)
    this.#places = places
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
    const old = this.#points
    const fresh = pointsOf(added, this.#seed)
    let size = fresh.length
    for (let i = 0; i < old.length; i += 2) size += 2 * isKept[old[i + 1]!]!
    const points = new Int32Array(size)
    let next = 0
    let at = 0
    for (let i = 0; i < old.length; i += 2) {
      const point = old[i]!
      const owner = old[i + 1]!
      if (isKept[owner] === 0) continue
      for (; next < fresh.length && this.#isBefore(fresh, next, point, owner); next += 2) {
        points[at++] = fresh[next]!
        points[at++] = fresh[next + 1]!
      }
      points[at++] = point
      points[at++] = owner
    }
    points.set(fresh.subarray(next), at)
    this.#points = points
    this.#index()
  }

  /** About two points for each start. */
  #index(): void {
    const points = this.#points
    const size = points.length >> 1
    const bits = Math.max(0, Math.ceil(Math.log2(size + 1)) - 1)
    const starts = new Int32Array(2 ** bits)
    const shift = 31 - bits
    let place = 0
    for (let start = 0; start < starts.length; start++) {
      while (place < size && points[2 * place]! >>> shift < start) place++
      starts[start] = place
    }
    this.#starts = starts
    this.#shift = shift
  }

  /** Where two points coincide, the keys decide, so that all proxies have the same ring. */
  #isBefore(fresh: Int32Array, index: number, point: number, owner: number): boolean {
    const other = fresh[index]!
    if (other !== point) return other < point
    return this.#slots[fresh[index + 1]!]!.key < this.#slots[owner]!.key
  }
}

/**
 * Points with their slots. Sorted as numbers that hold both: 31 bits of point, and the place in the list of targets, of at
 * most 22 bits.
 */
function pointsOf(places: readonly Place[], seed: number): Int32Array {
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
  const points = new Int32Array(2 * size)
  for (let i = 0; i < size; i++) {
    points[2 * i] = Math.floor(packed[i]! / 2 ** 22)
    points[2 * i + 1] = places[packed[i]! % 2 ** 22]!.slot
  }
  return points
}
