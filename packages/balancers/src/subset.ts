/** Requests go to those targets whose metadata they ask for: a version, a shard, a tenant's own. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  ConfigError,
  type Exchange,
  type Reply,
  type Target,
} from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import { innerBalancer, type Part, PartedBalancer } from './parted-balancer.ts'
import { RequestValue, type ValueSource } from './request-value.ts'

/** The values by which a subset is selected, by metadata key. */
export type SubsetValues = Readonly<Record<string, string | undefined>>

/** Options of {@link subset}. */
export interface SubsetOptions {
  /** Keys of the targets' metadata. Targets that have the same value for each form a subset. */
  readonly by: readonly string[]
  /**
   * Where the values come from: for each key of `by` a part of the request, or a function that gives them all. Where one
   * is missing, no subset is selected.
   */
  readonly select: Readonly<Record<string, ValueSource>> | ((exchange: Exchange) => SubsetValues | undefined)
  /**
   * Where no subset is selected, or it has no target that may be picked: `any` target, `none` (so the answer is 503), or
   * the subset with these values.
   * @default 'any'
   */
  readonly fallback?: 'any' | 'none' | Readonly<Record<string, string>>
  /** Picks within a subset; each has one of its own, and so has `any`. @default roundRobin() */
  readonly balancer?: BalancerFactory
}

const NAMES: OptionNames<SubsetOptions> = {
  by: true,
  select: true,
  fallback: true,
  balancer: true,
}

/**
 * Subsets by metadata, as in Envoy ("Load balancer subsets"). A target without one of the keys is in no subset.
 *
 *     subset({ by: ['version'], select: { version: { header: 'x-version' } }, fallback: { version: 'stable' } })
 *
 * Clients choose by what they send: where they must not, set the field in a middleware, or select with a function.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `subset.by`, `subset.select`, `subset.fallback`, `subset.balancer`
 */
export function subset(options: SubsetOptions): BalancerFactory {
  const { by, select, fallback = 'any' } = strictOption(options, NAMES, 'subset')
  if (!Array.isArray(by) || by.length === 0 || !by.every((key) => typeof key === 'string' && key !== ''))
    throw new ConfigError('subset.by', 'must name one key of the metadata or more')
  if (typeof select === 'object' && select !== null) checkKeys(Object.keys(select), by, 'subset.select')
  else if (typeof select !== 'function') throw new ConfigError('subset.select', 'must be an object or a function')
  if (typeof fallback === 'object' && fallback !== null) checkKeys(Object.keys(fallback), by, 'subset.fallback')
  else if (fallback !== 'any' && fallback !== 'none')
    throw new ConfigError('subset.fallback', 'must be "any", "none" or the values of a subset')
  const balancer = innerBalancer(options.balancer, 'subset.balancer')
  const values = (): readonly RequestValue[] | undefined =>
    typeof select === 'function'
      ? undefined
      : by.map((key) => new RequestValue(select[key] as ValueSource, `subset.select.${key}`))
  values()
  return (services) => new Subset(services, balancer, options, values())
}

/** A subset, or a branch on the way to some. */
type Branch = Map<string, Branch | Balancer>

class Subset extends PartedBalancer {
  readonly name = 'subset'
  readonly #by: readonly string[]
  readonly #select: ((exchange: Exchange) => SubsetValues | undefined) | undefined
  /** Beside the keys, where they are found without a function. */
  readonly #values: readonly RequestValue[] | undefined
  readonly #fallback: Readonly<Record<string, string>> | undefined
  readonly #any: Balancer | undefined
  #sizes: readonly SubsetSnapshot[] = []
  #root: Branch = new Map()
  #default: Balancer | undefined

  constructor(
    services: BalancerServices,
    balancer: BalancerFactory,
    { by, select, fallback = 'any' }: SubsetOptions,
    values: readonly RequestValue[] | undefined,
  ) {
    super(services, balancer)
    this.#by = by
    this.#select = typeof select === 'function' ? select : undefined
    this.#values = values
    this.#fallback = typeof fallback === 'object' ? fallback : undefined
    this.#any = fallback === 'any' ? balancer(services) : undefined
  }

  override update(targets: readonly Target[]): void {
    super.update(targets)
    this.#any?.update(targets)
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const selected = this.#selected(exchange)
    const target = selected?.pick(exchange, tried)
    if (target !== undefined) return target
    if (this.#any !== undefined) return this.#any.pick(exchange, tried)
    return this.#default === selected ? undefined : this.#default?.pick(exchange, tried)
  }

  override began(target: Target, attempt: Attempt): void {
    super.began(target, attempt)
    this.#any?.began?.(target, attempt)
  }

  override ended(target: Target, attempt: Attempt): void {
    super.ended(target, attempt)
    this.#any?.ended?.(target, attempt)
  }

  override observe(target: Target, attempt: Attempt): void {
    super.observe(target, attempt)
    this.#any?.observe?.(target, attempt)
  }

  override replied(exchange: Exchange, attempt: Attempt, reply: Reply): void {
    super.replied(exchange, attempt, reply)
    this.#any?.replied?.(exchange, attempt, reply)
  }

  snapshot(): readonly SubsetSnapshot[] {
    return this.#sizes
  }

  protected partOf(target: Target): string | undefined {
    const values = valuesOf(target.metadata, this.#by)
    return values === undefined ? undefined : JSON.stringify(values)
  }

  protected dealt(parts: readonly Part[]): void {
    this.#root = new Map()
    for (const { key, balancer } of parts) {
      const path: readonly string[] = JSON.parse(key)
      let branch = this.#root
      for (const value of path.slice(0, -1)) {
        if (!branch.has(value)) branch.set(value, new Map())
        branch = branch.get(value) as Branch
      }
      branch.set(path.at(-1)!, balancer)
    }
    const fallback = this.#fallback === undefined ? undefined : JSON.stringify(valuesOf(this.#fallback, this.#by))
    this.#default = parts.find(({ key }) => key === fallback)?.balancer
    this.#sizes = parts.map(({ key, members, targets }) => {
      const values: readonly string[] = JSON.parse(key)
      return {
        values: Object.fromEntries(this.#by.map((name, i) => [name, values[i]!])),
        targets: members.length,
        admissible: targets.length,
      }
    })
  }

  #selected(exchange: Exchange): Balancer | undefined {
    const given = this.#select?.(exchange)
    let at: Branch | Balancer | undefined = this.#root
    for (let i = 0; i < this.#by.length; i++) {
      const value = this.#values === undefined ? given?.[this.#by[i]!] : textOf(this.#values[i]!, exchange)
      if (value === undefined || at === undefined) return undefined
      at = (at as Branch).get(value)
    }
    return at as Balancer | undefined
  }
}

/** A subset's state as plain data. */
export interface SubsetSnapshot {
  readonly values: Readonly<Record<string, string>>
  readonly targets: number
  readonly admissible: number
}

function textOf(value: RequestValue, exchange: Exchange): string | undefined {
  return value.find(exchange) ? value.toString() : undefined
}

/** In the order of the keys; `undefined` where one is missing. */
function valuesOf(from: SubsetValues, by: readonly string[]): readonly string[] | undefined {
  const values = by.map((key) => (Object.hasOwn(from, key) ? from[key] : undefined))
  return values.every((value) => value !== undefined) ? values : undefined
}

function checkKeys(keys: readonly string[], by: readonly string[], at: string): void {
  if (keys.length !== by.length || !by.every((key) => keys.includes(key)))
    throw new ConfigError(at, `must have exactly the keys of subset.by: ${by.join(', ')}`)
}
