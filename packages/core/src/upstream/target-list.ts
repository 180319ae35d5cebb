/** The targets of an upstream as a list that changes: checked as a whole before anything changes. */
import { ConfigError } from '../errors.ts'
import { Target, type TargetConfig } from './target.ts'

/** What is different between two lists. */
export interface TargetListChange {
  /** The new list: targets that stay are the same objects. */
  readonly targets: readonly Target[]
  readonly removed: readonly Target[]
}

/**
 * Makes the list that `configs` describe out of the one that is there. `maxActive` is for those that have none of their own.
 * @throws {ConfigError} where one is wrong or there twice; nothing has changed then
 */
export function changeTargets(
  current: readonly Target[],
  configs: readonly (string | TargetConfig)[],
  at: string,
  maxActive: number,
): TargetListChange {
  const old = new Map(current.map((target) => [target.key, target]))
  const kept = new Map<Target, Target>()
  const keys = new Set<string>()
  const targets = configs.map((config, index) => {
    const place = `${at}[${index}]`
    const wanted = new Target(typeof config === 'string' ? { url: config } : config, place, maxActive)
    if (keys.has(wanted.key)) throw new ConfigError(place, `"${wanted.key}" is there twice`)
    keys.add(wanted.key)
    const present = old.get(wanted.key)
    if (present === undefined) return wanted
    kept.set(present, wanted)
    return present
  })
  for (const [present, wanted] of kept) present.become(wanted)
  return { targets, removed: current.filter((target) => !keys.has(target.key)) }
}
