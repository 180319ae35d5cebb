/** The same target for the same key, by a table: constant time, and as even as a table can be. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  ConfigError,
  type Exchange,
  mayPick,
  type Random,
  type Target,
} from '@sluice/core'
import { Chance, firstFrom } from './chance.ts'
import { maglevTable } from './maglev-table.ts'
import { wholeNumberIn } from './option-checks.ts'
import { type HashOptions, MISSING, RequestHash, type RequestKey } from './request-hash.ts'

/** Options of {@link maglev}. */
export interface MaglevOptions extends HashOptions {
  /** What requests are told apart by. */
  readonly key: RequestKey
  /** Entries of the table, a prime up to 5,000,011: a hundred times the number of targets or more. @default 65_537 */
  readonly tableSize?: number
}

/** So many entries are looked at before all targets are. */
const MAX_STEPS = 32

/**
 * Google's Maglev hashing. Keys are spread more evenly than on a ring (with a hundred entries a target, shares differ by
 * about 1 %), and a pick is a hash and a look-up. In return, when a target leaves, a few keys of others move with its own.
 *
 * The table goes by configured weights, so a slow start moves no keys. It is built again when a target comes or goes: some
 * milliseconds. A key whose target was tried or is full goes to the next entry's, the same one each time.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `maglev.key`, `.tableSize`, `.seed`, `.ipv4PrefixLength`, `.ipv6PrefixLength`
 */
export function maglev(options: MaglevOptions): BalancerFactory {
  return tableHash('maglev', options, 'maglev')
}

/** Makes a balancer with a Maglev table; `at` is the name of the function, for messages. */
export function tableHash(name: string, options: MaglevOptions, at: string): BalancerFactory {
  const size = wholeNumberIn(3, 5_000_011, options.tableSize ?? 65_537, `${at}.tableSize`)
  if (!isPrime(size)) throw new ConfigError(`${at}.tableSize`, `${size} is no prime`)
  const hash = (): RequestHash => new RequestHash(options.key, options, at)
  hash()
  return (services) => new TableHash(name, services.random, hash(), size)
}

class TableHash implements Balancer {
  readonly name: string
  readonly #hash: RequestHash
  readonly #size: number
  /** For requests without a key. */
  readonly #chance: Chance
  #targets: readonly Target[] = []
  #weights: readonly number[] = []
  #table: Int32Array = new Int32Array(0)

  constructor(name: string, random: Random, hash: RequestHash, size: number) {
    this.name = name
    this.#hash = hash
    this.#size = size
    this.#chance = new Chance(random)
  }

  update(targets: readonly Target[]): void {
    this.#chance.update(targets)
    const members = this.#chance.targets
    const isSame =
      members.length === this.#targets.length &&
      members.every((target, i) => target === this.#targets[i] && target.weight === this.#weights[i])
    if (isSame) return
    this.#targets = members
    this.#weights = members.map((target) => target.weight)
    this.#table = maglevTable(members, this.#size, this.#hash.seed)
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const hash = this.#hash.of(exchange)
    if (hash === MISSING) return this.#chance.pick(tried)
    const targets = this.#targets
    if (targets.length === 0) return undefined
    const size = this.#size
    let entry = hash % size
    for (let step = 0; step < MAX_STEPS; step++) {
      const target = targets[this.#table[entry]!]!
      if (mayPick(target, tried)) return target
      entry = entry + 1 === size ? 0 : entry + 1
    }
    return firstFrom(hash, targets, tried)
  }
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false
  return true
}
