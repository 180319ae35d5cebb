/**
 * The quicker of two targets that are drawn at random, by latency as it was lately. After Finagle's `PeakEwma` (Twitter;
 * finagle-core, com.twitter.finagle.loadbalancer): an exponentially weighted moving average that jumps to a peak at once
 * and comes down slowly, times the attempts that would then be under way.
 */
import type { Attempt, Balancer, BalancerFactory, BalancerServices, Target } from '@sluice/core'
import { numberIn } from './option-checks.ts'
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

/**
 * Picks by latency × (attempts under way + 1), per weight. Latency is from sending to the reply's head, so that neither
 * a long body nor a slow client counts. A target without a latency gets one attempt, and no other until its head has come.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `peakEwma.decayMs`, `peakEwma.failureMs`
 */
export function peakEwma(options: PeakEwmaOptions = {}): BalancerFactory {
  const decayMs = numberIn(1, Number.MAX_SAFE_INTEGER, options.decayMs ?? 10_000, 'peakEwma.decayMs')
  const failureMs = numberIn(0, Number.MAX_SAFE_INTEGER, options.failureMs ?? 1_000, 'peakEwma.failureMs')
  return (services) => new PeakEwma(services, decayMs, failureMs)
}

/**
 * What is known of a target's latency: ms × e^(at / decay), as a logarithm. All latencies fade at the same pace, so that two
 * of them compare as these do, at any time, without a look at the clock; and nothing grows beyond what a number holds.
 */
interface Latency {
  /** Minus infinity where nothing is known. */
  level: number
  /** When it was observed last. */
  at: number
}

/** What is faster than this is taken for this. */
const MIN_MS = 0.001
/** Beyond any level. */
const UNKNOWN = 1e100

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
    const fadedMs = this.#fadedMs(latency, now)
    const kept = Math.exp((latency.at - now) / this.#decayMs)
    const ms = tookMs > fadedMs ? tookMs : fadedMs + tookMs * (1 - kept)
    latency.level = Math.log(ms) + now / this.#decayMs
    latency.at = now
  }

  snapshot(): Readonly<Record<string, { readonly latencyMs: number }>> {
    const now = this.#services.clock.now()
    return Object.fromEntries(
      this.chance.targets.map((target, i) => [target.key, { latencyMs: this.#fadedMs(this.#latencies[i]!, now) }]),
    )
  }

  protected isBetter(one: number, other: number): boolean {
    const a = this.chance.targets[one]!
    const b = this.chance.targets[other]!
    const factor = ((b.active + 1) * a.effectiveWeight) / ((a.active + 1) * b.effectiveWeight)
    const ahead = this.#levelOf(one, a) - this.#levelOf(other, b)
    return ahead < (factor === 1 ? 0 : Math.log(factor))
  }

  /** One of which nothing is known comes first while it is idle, and last while it is tried. */
  #levelOf(index: number, { active }: Target): number {
    const { level } = this.#latencies[index]!
    return level === Number.NEGATIVE_INFINITY ? (active === 0 ? -UNKNOWN : UNKNOWN) : level
  }

  #fadedMs(latency: Latency, now: number): number {
    return Math.exp(latency.level - now / this.#decayMs)
  }

  #latencyOf(target: Target): Latency {
    let latency = this.#known.get(target)
    if (latency === undefined) {
      latency = { level: Number.NEGATIVE_INFINITY, at: this.#services.clock.now() }
      this.#known.set(target, latency)
    }
    return latency
  }
}
