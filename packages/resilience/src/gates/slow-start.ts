/**
 * Slow start (Envoy, nginx): a target that comes in, new or recovered, gets little at first and its full weight only after
 * a while, so that cold caches and cold code meet a trickle and not a flood.
 */
import type { Gate, GateFactory, GateServices, Target } from '@sluice/core'
import { numberOption, type OptionNames, strictOption } from '@sluice/core/options'
import type { ScheduledCall } from '@sluice/wire'

/** Options of {@link slowStart}. */
export interface SlowStartOptions {
  /** How long a target takes to its full weight, in milliseconds. @default 30_000 */
  readonly windowMs?: number
  /** The factor that its weight begins with, above 0 and at most 1. @default 0.1 */
  readonly minWeight?: number
  /** The factor is `(time / windowMs) ** (1 / aggression)`: above 1 it rises faster at first, below 1 later. @default 1 */
  readonly aggression?: number
}

const NAMES: OptionNames<SlowStartOptions> = {
  windowMs: true,
  minWeight: true,
  aggression: true,
}

/** A target's state as plain data. */
export interface SlowStartSnapshot {
  readonly weight: number
  /** When it has its full weight, by the clock. */
  readonly until: number
}

/** The list of an upstream is made anew this many times while a target warms up. */
const STEPS = 20
/** Shorter rests are over: a sum of fractions may fall short of the time by a hair. */
const ROUNDING_MS = 0.001

/**
 * Lets targets that come in begin slowly. Those that an upstream begins with have their full weight: they are all cold.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known
 */
export function slowStart(options: SlowStartOptions = {}): GateFactory {
  strictOption(options, NAMES, 'slowStart')
  const settings: Required<SlowStartOptions> = {
    windowMs: numberOption(options.windowMs, 30_000, 'slowStart.windowMs', 1),
    minWeight: numberOption(options.minWeight, 0.1, 'slowStart.minWeight', 0.001, 1),
    aggression: numberOption(options.aggression, 1, 'slowStart.aggression', 0.01, 100),
  }
  return (services) => new SlowStartGate(services, settings)
}

class SlowStartGate implements Gate {
  readonly name = 'slow-start'
  readonly #services: GateServices
  readonly #settings: Required<SlowStartOptions>
  /** When each that is warming up came in; the one that came first is first. */
  readonly #since = new Map<Target, number>()
  #tick: ScheduledCall | undefined = undefined
  #isClosed = false

  constructor(services: GateServices, settings: Required<SlowStartOptions>) {
    this.#services = services
    this.#settings = settings
  }

  admits(): boolean {
    return true
  }

  observe(): void {}

  entered(target: Target): void {
    if (this.#isClosed) return
    // Taken out first, so that it moves to the end. The upstream asks for weights after this call.
    this.#since.delete(target)
    this.#since.set(target, this.#services.clock.now())
    if (this.#tick === undefined) this.#scheduleTick(this.#settings.windowMs)
  }

  weight(target: Target): number {
    const since = this.#since.get(target)
    if (since === undefined) return 1
    const { windowMs, minWeight, aggression } = this.#settings
    const share = Math.max(0, (this.#services.clock.now() - since) / windowMs)
    return Math.min(1, Math.max(minWeight, aggression === 1 ? share : share ** (1 / aggression)))
  }

  /** State by target key, of targets that are warming up. */
  snapshot(): Readonly<Record<string, SlowStartSnapshot>> {
    const { windowMs } = this.#settings
    return Object.fromEntries(
      [...this.#since].map(([target, since]) => [target.key, { weight: this.weight(target), until: since + windowMs }]),
    )
  }

  close(): void {
    this.#isClosed = true
    this.#tick?.cancel()
    this.#since.clear()
  }

  /** One call for all of them, a step from now, or when the first has its full weight. */
  #scheduleTick(untilFirstMs: number): void {
    this.#tick = this.#services.clock.schedule(Math.min(this.#settings.windowMs / STEPS, untilFirstMs), () =>
      this.#step(),
    )
  }

  #step(): void {
    this.#tick = undefined
    const { windowMs } = this.#settings
    const now = this.#services.clock.now()
    const present = new Set(this.#services.targets())
    for (const [target, since] of this.#since) {
      if (since + windowMs - now < ROUNDING_MS || !present.has(target)) this.#since.delete(target)
    }
    const [first] = this.#since.values()
    if (first !== undefined) this.#scheduleTick(first + windowMs - now)
    this.#services.changed()
  }
}
