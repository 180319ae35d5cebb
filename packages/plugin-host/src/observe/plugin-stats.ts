/** What a plugin has done, in numbers; kept across its versions. Counting costs additions and nothing else. */
import { HOOK_NAMES, type HookName } from '../abi/sluice-v1.ts'
import type { FaultKind } from '../fault.ts'

/** One hook. */
export interface HookStats {
  readonly calls: number
  /** Sum and largest, pauses included. */
  readonly durationMs: number
  readonly maxDurationMs: number
  /** Instructions: sum and largest. */
  readonly fuel: number
  readonly maxFuel: number
}

interface HookCounts {
  calls: number
  durationMs: number
  maxDurationMs: number
  fuel: number
  maxFuel: number
}

/** Of one plugin. */
export class PluginStats {
  readonly #hooks: Record<HookName, HookCounts>
  readonly #faults: Partial<Record<FaultKind, number>> = {}
  localReplies = 0
  skips = 0
  swaps = 0
  /** Of versions that serve no more. */
  denials = 0
  /** Instances that were made. */
  instances = 0
  /** The largest memory that an instance was seen with. */
  maxPages = 0

  constructor() {
    const entries = HOOK_NAMES.map((name) => [name, { calls: 0, durationMs: 0, maxDurationMs: 0, fuel: 0, maxFuel: 0 }])
    this.#hooks = Object.fromEntries(entries) as Record<HookName, HookCounts>
  }

  ended(hook: HookName, durationMs: number, fuel: number, pages: number): void {
    const counts = this.#hooks[hook]
    counts.calls++
    counts.durationMs += durationMs
    counts.fuel += fuel
    if (durationMs > counts.maxDurationMs) counts.maxDurationMs = durationMs
    if (fuel > counts.maxFuel) counts.maxFuel = fuel
    if (pages > this.maxPages) this.maxPages = pages
  }

  faulted(kind: FaultKind): void {
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1
  }

  /** Hooks that were called. */
  get hooks(): Readonly<Partial<Record<HookName, HookStats>>> {
    return Object.fromEntries(
      Object.entries(this.#hooks)
        .filter(([, { calls }]) => calls > 0)
        .map(([name, counts]) => [name, { ...counts }]),
    )
  }

  get faults(): Readonly<Partial<Record<FaultKind, number>>> {
    return { ...this.#faults }
  }
}
