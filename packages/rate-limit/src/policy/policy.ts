/** A limit, checked and resolved: plain numbers, as stores want them. */
import { ConfigError } from '@sluice/core'
import { flagOption, nameOption, positiveOption, wordOption } from '@sluice/core/options'
import type { Algorithm, PolicyOptions } from './policy-options.ts'

/** What a store knows of a limit. */
export interface Policy {
  readonly name: string
  /** Whether somebody has chosen the name: what is shared between processes must not go by an invented one. */
  readonly isNamed: boolean
  readonly algorithm: Algorithm
  readonly limit: number
  readonly windowMs: number
  /** The most units that can be spent at once. */
  readonly burst: number
  readonly shadow: boolean
  /**
   * Policies of the same number are always given the same key in a request, so that a store may keep them together. Missing: nothing is
   * known of it.
   */
  readonly keyGroup?: number | undefined
  /**
   * Each request takes the same whole number of units, and a reply nothing: so nobody is ever in debt, and nothing is given back. Missing:
   * nothing is known of it.
   */
  readonly hasWholeCost?: boolean | undefined
  /** Where it stands in the options, for errors. */
  readonly at: string
}

const ALGORITHMS: readonly Algorithm[] = ['token-bucket', 'gcra', 'sliding-window']
const DEFAULT_WINDOW_MS = 60_000
/** About a thousand years: beyond it a sum of times would have no milliseconds left. */
const MAX_WINDOW_MS = 2 ** 45

/**
 * Checks one policy, whose names are known; `isOnly` says whether it has the middleware to itself, `keyGroup` which others have its key.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function resolvePolicy<N>(options: PolicyOptions<N>, at: string, isOnly: boolean, keyGroup?: number): Policy {
  const algorithm = wordOption(options.algorithm, 'token-bucket', ALGORITHMS, `${at}.algorithm`)
  const limit = positiveOption(options.limit, undefined, `${at}.limit`)
  const windowMs = positiveOption(options.windowMs, DEFAULT_WINDOW_MS, `${at}.windowMs`)
  if (windowMs > MAX_WINDOW_MS) throw new ConfigError(`${at}.windowMs`, `must be at most ${MAX_WINDOW_MS}`)
  const fallback = isOnly ? 'default' : `${limit}-per-${windowMs / 1_000}s`
  return Object.freeze({
    name: nameOption(options.name ?? fallback, `${at}.name`),
    isNamed: options.name !== undefined,
    algorithm,
    limit,
    windowMs,
    burst: burstOf(options, algorithm, limit, at),
    shadow: flagOption(options.shadow, false, `${at}.shadow`),
    keyGroup,
    hasWholeCost: Number.isInteger(options.cost ?? 1) && options.replyCost === undefined,
    at,
  })
}

/** Whether `policy` counts in a bucket; the others remember when each unit was spent. */
export function isBucket({ algorithm }: Policy): boolean {
  return algorithm !== 'sliding-window'
}

/** Milliseconds in which a bucket gets one unit back. */
export function unitMs({ windowMs, limit }: Policy): number {
  return windowMs / limit
}

function burstOf<N>({ burst }: PolicyOptions<N>, algorithm: Algorithm, limit: number, at: string): number {
  if (algorithm === 'sliding-window') {
    if (burst !== undefined) throw new ConfigError(`${at}.burst`, 'is not for a sliding window: its limit is the burst')
    return limit
  }
  return positiveOption(burst, algorithm === 'gcra' ? 1 : Math.max(1, limit), `${at}.burst`)
}
