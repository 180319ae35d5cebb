/** The same target for the same key, by a table: constant time, and as even as a table can be. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  ConfigError,
  type Exchange,
  mayPick,
  type Target,
} from '@sluice/core'
import { type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import { Chance, firstFrom } from './chance.ts'
import { maglevTable } from './maglev-table.ts'
import { HASH_NAMES, type HashOptions, MISSING, RequestHash, type RequestKey } from './request-hash.ts'

/** Options of {@link maglev}. */
export interface MaglevOptions extends HashOptions {
  /** What requests are told apart by. */
  readonly key: RequestKey
  /** Entries of the table, a prime up to 5,000,011: a hundred times the number of targets or more. @default 65_537 */
  readonly tableSize?: number
}

const NAMES: OptionNames<MaglevOptions> = {
  ...HASH_NAMES,
  key: true,
  tableSize: true,
}

/** So many entries are looked at before all targets are. */
const MAX_STEPS = 32

/** From so many targets on, which fail in numbers and not one by one, building the table for each would leave time for little else. */
const MANY_TARGETS = 1_000
/** How long a table stays then. */
const PAUSE_MS = 250

/**
 * Google's Maglev hashing. Keys are spread more evenly than on a ring (with a hundred entries a target, shares differ by
 * about 1 %), and a pick is a hash and a look-up. In return, when a target leaves, a few keys of others move with its own.
 *
 * The table goes by configured weights, so a slow start moves no keys. It is built again when a target comes or goes: some
 * milliseconds. With a thousand targets or more that happens four times a second at most: until then the keys of one that
 * has left go to the next entry's, and one that has come gets none. A key whose target was tried or is full goes to the
 * next entry's as well, the same one each time.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `maglev.key`, `.tableSize`, `.seed`, `.ipv4PrefixLength`, `.ipv6PrefixLength`
 */
export function maglev(options: MaglevOptions): BalancerFactory {
  strictOption(options, NAMES, 'maglev')
  return tableHash('maglev', options, 'maglev')
}

/** Makes a balancer with a Maglev table; `at` is the name of the function, for messages. */
export function tableHash(name: string, options: MaglevOptions, at: string): BalancerFactory {
  const size = wholeOption(options.tableSize, 65_537, `${at}.tableSize`, 3, 5_000_011)
  if (!isPrime(size)) throw new ConfigError(`${at}.tableSize`, `${size} is no prime`)
  const hash = (): RequestHash => new RequestHash(options.key, options, at)
  hash()
  return (services) => new TableHash(name, services, hash(), size)
}

class TableHash implements Balancer {
  readonly name: string
  readonly #clock: BalancerServices['clock']
  readonly #hash: RequestHash
  readonly #size: number
  /** For requests without a key. */
  readonly #chance: Chance
  /** Those that the table was built of, and their weights then. */
  #targets: readonly Target[] = []
  #weights: readonly number[] = []
  #table: Uint16Array | Int32Array = new Uint16Array(0)
  #builtAt = Number.NEGATIVE_INFINITY
  #indexes: ReadonlyMap<Target, number> = new Map()
  /** Beside the targets: 1 for those that have left since. */
  #isOut: Uint8Array = new Uint8Array(0)
  #rebuild: { cancel(): void } | undefined = undefined

  constructor(name: string, services: BalancerServices, hash: RequestHash, size: number) {
    this.name = name
    this.#clock = services.clock
    this.#hash = hash
    this.#size = size
    this.#chance = new Chance(services.random)
  }

  update(targets: readonly Target[]): void {
    this.#chance.update(targets)
    const members = this.#chance.targets
    const isSame =
      members.length === this.#targets.length &&
      members.every((target, i) => target === this.#targets[i] && target.weight === this.#weights[i])
    if (isSame) return this.#putOff(undefined)
    const waitMs = this.#builtAt + PAUSE_MS - this.#clock.now()
    const isUrgent = members.length < MANY_TARGETS || this.#targets.length === 0 || waitMs <= 0
    if (isUrgent) this.#build()
    else this.#putOff(waitMs)
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const hash = this.#hash.of(exchange)
    if (hash === MISSING) return this.#chance.pick(tried)
    const targets = this.#targets
    if (targets.length === 0) return undefined
    const size = this.#size
    let entry = hash % size
    for (let step = 0; step < MAX_STEPS; step++) {
      const index = this.#table[entry]!
      if (this.#isOut[index] === 0 && mayPick(targets[index]!, tried)) return targets[index]
      entry = entry + 1 === size ? 0 : entry + 1
    }
    return firstFrom(hash, this.#chance.targets, tried)
  }

  #build(): void {
    const { targets } = this.#chance
    this.#targets = targets
    this.#weights = targets.map((target) => target.weight)
    const table = maglevTable(targets, this.#size, this.#hash.seed)
    // Half the bytes, so that more of it is in the processor's cache: that is what a pick costs.
    this.#table = targets.length <= 2 ** 16 ? Uint16Array.from(table) : table
    this.#builtAt = this.#clock.now()
    this.#indexes = new Map(targets.map((target, i) => [target, i]))
    this.#putOff(undefined)
  }

  /** Keeps the table for so long; without a time, until there is another change. */
  #putOff(waitMs: number | undefined): void {
    this.#isOut = new Uint8Array(this.#targets.length)
    if (waitMs === undefined) {
      this.#rebuild?.cancel()
      this.#rebuild = undefined
      return
    }
    this.#isOut.fill(1)
    for (const target of this.#chance.targets) {
      const index = this.#indexes.get(target)
      if (index !== undefined) this.#isOut[index] = 0
    }
    this.#rebuild ??= this.#clock.schedule(waitMs, () => this.#build())
  }
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false
  return true
}
