/** What a request takes from its limits: known beforehand, or from the reply. */
import { ConfigError, type Exchange, type Reply } from '@sluice/core'
import { fieldOption, strictOption } from '@sluice/core/options'
import type { CostOption, ReplyCostOption } from './policy-options.ts'
import type { Policy } from './policy.ts'

export type CostOf<N> = (exchange: Exchange<N>) => number
export type ReplyCostOf<N> = (exchange: Exchange<N>, reply: Reply) => number

/** The fixed cost, or the function with its result checked. @throws {ConfigError} */
export function compileCost<N>(cost: CostOption<N> = 1, policy: Policy): CostOf<N> | number {
  const at = `${policy.at}.cost`
  if (typeof cost === 'function') return (exchange) => checkedCost(cost(exchange), policy)
  if (!(Number.isFinite(cost) && cost >= 0)) throw new ConfigError(at, 'must be a number of at least 0, or a function')
  if (cost > policy.burst) throw new ConfigError(at, `must be at most ${policy.burst}, or no request would ever pass`)
  return cost
}

/** Missing where the reply costs nothing. @throws {ConfigError} */
export function compileReplyCost<N>(
  option: ReplyCostOption<N> | undefined,
  { at, name }: Policy,
): ReplyCostOf<N> | undefined {
  if (option === undefined) return undefined
  if (typeof option === 'function') {
    return (exchange, reply) => {
      const cost = option(exchange, reply) ?? 0
      if (Number.isFinite(cost)) return cost
      throw new TypeError(`the replyCost of the limit "${name}" gave ${cost}`)
    }
  }
  const field = fieldOption(strictOption(option, ['header'], `${at}.replyCost`).header, `${at}.replyCost.header`)
  return (_exchange, { headers }) => {
    const value = headers.get(field)
    return value !== undefined && /^\d{1,15}(?:\.\d{1,6})?$/.test(value) ? Number(value) : 0
  }
}

/** A cost that is none would corrupt what is counted for the key: it is a fault of whoever wrote the function. */
function checkedCost(cost: number, { name }: Policy): number {
  if (Number.isFinite(cost) && cost >= 0) return cost
  throw new TypeError(`the cost of the limit "${name}" gave ${cost}`)
}
