/** The same target for the same key, by consistent hashing on a ring, and where it is wanted, none much busier than others. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  type Exchange,
  mayPick,
  type Target,
} from '@sluice/core'
import { numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import { Chance, firstFrom } from './chance.ts'
import { HashRing } from './hash-ring.ts'
import { HASH_NAMES, type HashOptions, MISSING, RequestHash, type RequestKey } from './request-hash.ts'

/** Options of {@link ringHash}. */
export interface RingHashOptions extends HashOptions {
  /** What requests are told apart by. */
  readonly key: RequestKey
  /**
   * Points on the ring for each unit of weight. More of them spread keys more evenly (the shares of targets differ by
   * about 1 / √replicas) and take more memory: about 12 bytes each. In all there are at most 2,097,152: beyond, every target
   * gets half of its points, or a quarter, and so on.
   * @default 160
   */
  readonly replicas?: number
  /**
   * A target gets a key only while it has less than so many times its fair share of the attempts under way; the next one
   * on the ring gets it otherwise. 1.25 is a good start; above 1. Without it, a key stays at its target however busy.
   */
  readonly boundedLoad?: number
}

const NAMES: OptionNames<RingHashOptions> = {
  ...HASH_NAMES,
  key: true,
  replicas: true,
  boundedLoad: true,
}

/** So many points are looked at before all targets are. */
const MAX_STEPS = 128

/**
 * Consistent hashing: Karger's ring with many points a target, as in Ketama (not its very points). When a target leaves, its
 * keys go to the others and no other key moves; when it returns it gets the same keys again. A key whose target was tried
 * or is full goes to the next on the ring, the same one each time.
 *
 * `boundedLoad` is that of V. Mirrokni, M. Thorup and M. Zadimoghaddam, "Consistent hashing with bounded loads" (SODA 2018):
 * with c, no target gets an attempt that would give it more than ⌈c × its share by weight of all that are under way⌉.
 *
 * The ring goes by configured weights, so a slow start moves no keys; `boundedLoad` goes by effective ones.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `ringHash.key`, `.replicas`, `.boundedLoad`, `.seed`, `.ipv4PrefixLength`,
 * `.ipv6PrefixLength`
 */
export function ringHash(options: RingHashOptions): BalancerFactory {
  strictOption(options, NAMES, 'ringHash')
  const hash = (): RequestHash => new RequestHash(options.key, options, 'ringHash')
  const replicas = wholeOption(options.replicas, 160, 'ringHash.replicas', 1, 10_000)
  const bound = options.boundedLoad ?? Number.POSITIVE_INFINITY
  if (options.boundedLoad !== undefined) numberOption(bound, 0, 'ringHash.boundedLoad', 1.01, 1000)
  hash()
  return (services) => new RingHash(services, hash(), replicas, bound)
}

class RingHash implements Balancer {
  readonly name = 'ring-hash'
  readonly #services: BalancerServices
  readonly #hash: RequestHash
  readonly #ring: HashRing
  readonly #bound: number
  readonly #isBounded: boolean
  /** For requests without a key. */
  readonly #chance: Chance
  /** All targets, those that gates have closed included: made anew when the upstream's list is another one. */
  #known: ReadonlySet<Target> = new Set()
  #knownList: readonly Target[] = []
  #totalWeight = 0
  /** Attempts under way at the targets that take part, counted only where there is a bound. */
  #active = 0
  /**
   * Targets with attempts under way that do not take part any more. Mostly there are none, so that a count needs no look
   * into a set of ten thousand.
   */
  #leavers: ReadonlySet<Target> = new Set()

  constructor(services: BalancerServices, hash: RequestHash, replicas: number, bound: number) {
    this.#services = services
    this.#hash = hash
    this.#ring = new HashRing(replicas, hash.seed)
    this.#bound = bound
    this.#isBounded = bound !== Number.POSITIVE_INFINITY
    this.#chance = new Chance(services.random)
  }

  update(targets: readonly Target[]): void {
    this.#chance.update(targets)
    const members = this.#chance.targets
    const before = this.#knownList
    const list = this.#services.targets()
    if (list !== before) {
      this.#knownList = list
      this.#known = new Set(list)
    }
    this.#ring.update(members, (target) => this.#known.has(target))
    if (!this.#isBounded) return
    this.#leavers = leaversOf(new Set(members), before, list, this.#leavers)
    this.#totalWeight = members.reduce((sum, target) => sum + target.effectiveWeight, 0)
    this.#active = members.reduce((sum, target) => sum + target.active, 0)
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const hash = this.#hash.of(exchange)
    if (hash === MISSING) return this.#chance.pick(tried)
    const ring = this.#ring
    const points = ring.size
    if (points === 0) return undefined
    let busy: Target | undefined
    let place = ring.find(hash)
    // What sleeps is as good as not there, so it doesn't count.
    for (let step = 0, passed = 0; step < MAX_STEPS && passed < points; passed++) {
      if (ring.isAwakeAt(place)) {
        const target = ring.ownerAt(place)
        if (mayPick(target, tried)) {
          if (this.#isWithinBound(target)) return target
          busy ??= target
        }
        step++
      }
      place = place + 1 === points ? 0 : place + 1
    }
    return this.#search(hash, tried) ?? busy ?? firstFrom(hash, this.#chance.targets, tried)
  }

  began(target: Target): void {
    if (this.#isBounded && (this.#leavers.size === 0 || !this.#leavers.has(target))) this.#active++
  }

  ended(target: Target): void {
    if (this.#isBounded && (this.#leavers.size === 0 || !this.#leavers.has(target))) this.#active--
  }

  snapshot(): { readonly points: number } {
    return { points: this.#ring.awakePoints }
  }

  #isWithinBound(target: Target): boolean {
    if (!this.#isBounded) return true
    const share = target.effectiveWeight / this.#totalWeight
    return target.active + 1 <= Math.ceil(this.#bound * share * (this.#active + 1))
  }

  /** One within the bound, wherever it is. */
  #search(hash: number, tried: readonly Attempt[]): Target | undefined {
    const { targets } = this.#chance
    for (let i = 0; i < targets.length; i++) {
      const target = targets[(hash + i) % targets.length]!
      if (mayPick(target, tried) && this.#isWithinBound(target)) return target
    }
    return undefined
  }
}

/** Of targets that are or were known, those that still have something to end. */
function leaversOf(members: ReadonlySet<Target>, ...known: readonly Iterable<Target>[]): ReadonlySet<Target> {
  const leavers = new Set<Target>()
  for (const list of known)
    for (const target of list) if (target.active > 0 && !members.has(target)) leavers.add(target)
  return leavers
}
