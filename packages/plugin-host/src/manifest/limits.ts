/** The numbers of a manifest, resolved: one place for every default. */
import { MAX_FUEL } from '../wasm/fuel-gauge.ts'
import type { PluginBreaker, PluginInstances, PluginLimits } from './manifest.ts'

/** 4 GiB: what 32-bit addresses reach. */
export const MAX_MEMORY_PAGES = 65_536

export type ResolvedLimits = Readonly<Required<PluginLimits>>
export type ResolvedInstances = Readonly<Required<PluginInstances>>
export type ResolvedBreaker = Readonly<Required<PluginBreaker>>

const INLINE_LIMITS: ResolvedLimits = Object.freeze({
  memoryPages: 256,
  fuel: 10_000_000,
  fuelPerBodyByte: 1_000,
  initFuel: 50_000_000,
  computeMs: 1_000,
  wallMs: 5_000,
  bodyBytes: 1_048_576,
  outputBytes: 1_048_576,
  headerBytes: 32_768,
  stateBytes: 65_536,
  logBytes: 8_192,
})

/** By isolation: on a thread of its own the clock ends what computes too long, and fuel need not. */
export const DEFAULT_LIMITS: Readonly<Record<'inline' | 'worker', ResolvedLimits>> = Object.freeze({
  inline: INLINE_LIMITS,
  worker: Object.freeze({ ...INLINE_LIMITS, fuel: MAX_FUEL }),
})

export const DEFAULT_INSTANCES: ResolvedInstances = Object.freeze({ max: 8, spares: 1 })

export const DEFAULT_BREAKER: ResolvedBreaker = Object.freeze({ faults: 10, windowMs: 10_000, openMs: 30_000 })

export const DEFAULT_TICK_MS = 1_000

export const DEFAULT_KV_BYTES = 1_048_576
export const DEFAULT_KV_ENTRIES = 10_000

export const DEFAULT_METRICS = 100

export const DEFAULT_HTTP: {
  readonly methods: readonly string[]
  readonly timeoutMs: number
  readonly maxReplyBytes: number
  readonly maxRequestBytes: number
  readonly maxCalls: number
} = Object.freeze({
  methods: Object.freeze(['GET', 'HEAD', 'POST']),
  timeoutMs: 2_000,
  maxReplyBytes: 262_144,
  maxRequestBytes: 65_536,
  maxCalls: 4,
})
