/** Options of an upstream, checked and resolved once. */
import { atLeast } from '../at-least.ts'
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import type { TargetConfig } from './target.ts'
import type { UpstreamOptions } from './upstream-options.ts'

export interface UpstreamPlan {
  /** What is written down; nothing where a source finds them. */
  readonly targets: readonly (string | TargetConfig)[]
  readonly maxActive: number
  readonly maxActivePerTarget: number
  readonly panicThreshold: number
  readonly queue: { readonly maxPending: number; readonly timeoutMs: number; readonly order: 'fifo' | 'lifo' }
}

const NAMES: OptionNames<UpstreamOptions> = {
  targets: true,
  balancer: true,
  gates: true,
  panicThreshold: true,
  maxActive: true,
  maxActivePerTarget: true,
  maxPending: true,
  pendingTimeoutMs: true,
  pendingOrder: true,
  headTimeoutMs: true,
  bodyIdleTimeoutMs: true,
  totalTimeoutMs: true,
  retryBudget: true,
  transport: true,
  clock: true,
  random: true,
}

/** `at` is their place, for messages. */
export function resolveUpstreamOptions(options: UpstreamOptions, at: string): UpstreamPlan {
  strictOption(options, NAMES, at)
  for (const name of ['headTimeoutMs', 'bodyIdleTimeoutMs', 'totalTimeoutMs'] as const)
    atLeast(0, options[name] ?? 0, `${at}.${name}`)
  const order = options.pendingOrder ?? 'fifo'
  if (order !== 'fifo' && order !== 'lifo') throw new ConfigError(`${at}.pendingOrder`, 'must be "fifo" or "lifo"')
  return {
    targets: writtenTargets(options.targets, `${at}.targets`),
    maxActive: limit(options.maxActive, `${at}.maxActive`),
    maxActivePerTarget: limit(options.maxActivePerTarget, `${at}.maxActivePerTarget`),
    panicThreshold: share(options.panicThreshold ?? 0, `${at}.panicThreshold`),
    queue: {
      maxPending: atLeast(0, options.maxPending ?? 1_024, `${at}.maxPending`),
      timeoutMs: atLeast(0, options.pendingTimeoutMs ?? 10_000, `${at}.pendingTimeoutMs`),
      order,
    },
  }
}

function writtenTargets(targets: UpstreamOptions['targets'], at: string): UpstreamPlan['targets'] {
  if (typeof targets === 'function') return []
  if (Array.isArray(targets) && targets.length > 0) return targets
  throw new ConfigError(at, 'needs at least one target, or a source of targets')
}

function limit(value: number | undefined, at: string): number {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
  return atLeast(1, value, at)
}

function share(value: number, at: string): number {
  if (value >= 0 && value <= 1) return value
  throw new ConfigError(at, 'must be a number from 0 to 1')
}
