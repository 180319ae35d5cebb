/**
 * The quicker of two targets that are drawn at random, by latency as it was lately. After Finagle's `PeakEwma` (Twitter;
 * finagle-core, com.twitter.finagle.loadbalancer): an exponentially weighted moving average that jumps to a peak at once
 * and comes down slowly, times the attempts that would then be under way.
 */
import type { Attempt, Balancer, BalancerFactory, BalancerServices, Target } from '@sluice/core'
import { numberOption, type OptionNames, strictOption } from '@sluice/core/options'
import { TwoChoices } from './two-choices.ts'

/** Options of {@link peakEwma}. */
export interface PeakEwmaOptions {
  /** In this time, a latency's part in the average falls to 1/e (37 %), in milliseconds. @default 10_000 */
  readonly decayMs?: number
  /**
   * What a failed attempt, and a reply of status 502, 503 or 504, counts as at least, in milliseconds: a target that fails
   * fast must not look like a fast one.
   * @default 1_000
   */
  readonly failureMs?: number
}

const NAMES: OptionNames<PeakEwmaOptions> = {
  decayMs: true,
  failureMs: true,
}

/**
 * Picks by latency × (attempts under way + 1), per weight. Latency is from sending to the reply's head, so that neither
 * a long body nor a slow client counts. A target without a latency gets one attempt, and no other until its head has come.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `peakEwma.decayMs`, `peakEwma.failureMs`
 */
export function peakEwma(options: PeakEwmaOptions = {}): BalancerFactory {
  strictOption(options, NAMES, 'peakEwma')
  const decayMs = numberOption(options.decayMs, 10_000, 'peakEwma.decayMs', 1)
  const failureMs = numberOption(options.failureMs, 1_000, 'peakEwma.failureMs', 0)
  return (services) => new PeakEwma(services, decayMs, failureMs)
}

/** What is known of a target's latency. */
interface Latency {
  /** The average when it was observed last; minus one where nothing is known. */
  ms: number
  /** When that was. */
  at: number
}

/** What is faster than this is taken for this. */
const MIN_MS = 0.001
/** Below any latency, and beyond any. */
const FIRST = 1e-100
const LAST = 1e100

class PeakEwma extends TwoChoices implements Balancer {
  readonly name = 'peak-ewma'
  readonly #services: BalancerServices
  readonly #decayMs: number
  readonly #failureMs: number
  /** Kept while a target is not admissible. */
  readonly #known = new WeakMap<Target, Latency>()
  /** Beside the targets. */
  #latencies: readonly Latency[] = []

  constructor(services: BalancerServices, decayMs: number, failureMs: number) {
    super(services.random)
    this.#services = services
    this.#decayMs = decayMs
    this.#failureMs = failureMs
  }

  override update(targets: readonly Target[]): void {
    super.update(targets)
    this.#latencies = this.chance.targets.map((target) => this.#latencyOf(target))
  }

  observe(target: Target, attempt: Attempt): void {
    // What is observed has happened just now: the clock need not be asked once more.
    const now = attempt.phase === 'failed' ? attempt.endedAt : attempt.headAt
    if (now === undefined) return
    const { status } = attempt
    const hasFailed = attempt.phase === 'failed' || status === 502 || status === 503 || status === 504
    const tookMs = Math.max(now - attempt.startedAt, hasFailed ? this.#failureMs : 0, MIN_MS)
    const latency = this.#latencyOf(target)
    const kept = this.#keptAfter(now - latency.at)
    const fadedMs = latency.ms * kept
    latency.ms = tookMs > fadedMs ? tookMs : fadedMs + tookMs * (1 - kept)
    latency.at = now
  }

  snapshot(): Readonly<Record<string, { readonly latencyMs: number }>> {
    const now = this.#services.clock.now()
    const latencyMs = ({ ms, at }: Latency): number => (ms < 0 ? 0 : ms * this.#keptAfter(now - at))
    return Object.fromEntries(
      this.chance.targets.map((target, i) => [target.key, { latencyMs: latencyMs(this.#latencies[i]!) }]),
    )
  }

  protected isBetter(one: number, other: number): boolean {
    const a = this.chance.targets[one]!
    const b = this.chance.targets[other]!
    const { at: atA } = this.#latencies[one]!
    const { at: atB } = this.#latencies[other]!
    // All averages fade at the same pace, so they compare at any time as they do at the later of the two: without the clock.
    const loadA = this.#costOf(one, a) * (a.active + 1) * b.effectiveWeight
    const loadB = this.#costOf(other, b) * (b.active + 1) * a.effectiveWeight
    return atA < atB ? loadA * this.#keptAfter(atB - atA) < loadB : loadA < loadB * this.#keptAfter(atA - atB)
  }

  /** One of which nothing is known comes first while it is idle, and last while it is tried. */
  #costOf(index: number, { active }: Target): number {
    const { ms } = this.#latencies[index]!
    return ms < 0 ? (active === 0 ? FIRST : LAST) : ms
  }

  /** What is left of an average after so long. With little time between, a polynomial is exact to ten digits, and cheaper. */
  #keptAfter(ms: number): number {
    const x = ms / this.#decayMs
    return x < 0.001 ? 1 - x + (x * x) / 2 : Math.exp(-x)
  }

  #latencyOf(target: Target): Latency {
    let latency = this.#known.get(target)
    if (latency === undefined) {
      latency = { ms: -1, at: this.#services.clock.now() }
      this.#known.set(target, latency)
    }
    return latency
  }
}
