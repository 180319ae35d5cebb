/**
 * An adaptive concurrency limit: Gradient2 of Netflix's concurrency-limits (Gradient2Limit.java). It compares how long
 * things take now with how long they take in the long run; where now is longer by more than the tolerance a queue is
 * building up somewhere, and the limit shrinks in proportion. Otherwise it grows by what may well queue.
 *
 * An overload that lasts for longer than the long run becomes the long run, and the limit climbs with it: `max` has to be a
 * number that is still bearable.
 */
import { ConfigError } from '@sluice/core'
import { numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'

/** Options of {@link Gradient2}. */
export interface Gradient2Options {
  /** @default 20, or what of `min` and `max` is nearest */
  readonly initial?: number
  /** @default 20 */
  readonly min?: number
  /** @default 200 */
  readonly max?: number
  /** How much of each new estimate is taken over, above 0 and up to 1. @default 0.2 */
  readonly smoothing?: number
  /** How many times longer than in the long run things may take before the limit shrinks. @default 1.5 */
  readonly rttTolerance?: number
  /** By how much the limit grows: how many requests may wait in a queue somewhere. `'sqrt'`: the limit's square root. @default 4 */
  readonly queueSize?: number | 'sqrt'
  /** How many samples the long run is. @default 600 */
  readonly longWindow?: number
}

const NAMES: OptionNames<Gradient2Options> = {
  initial: true,
  min: true,
  max: true,
  smoothing: true,
  rttTolerance: true,
  queueSize: true,
  longWindow: true,
}

/** Until so many samples the long run is their plain mean. */
const WARM_UP_SAMPLES = 10

/** The limit, driven by samples alone: it reads no clock. */
export class Gradient2 {
  readonly #min: number
  readonly #max: number
  readonly #smoothing: number
  readonly #tolerance: number
  readonly #queueSize: number | 'sqrt'
  readonly #longFactor: number
  #estimate: number
  #longRtt = 0
  #samples = 0

  /**
   * `at` is the options' place, for messages.
   * @throws {ConfigError} where one is out of range
   */
  constructor(options: Gradient2Options = {}, at = 'gradient2') {
    strictOption(options, NAMES, at)
    this.#min = wholeOption(options.min, Math.min(20, options.max ?? 20), `${at}.min`, 1)
    this.#max = wholeOption(options.max, Math.max(200, this.#min), `${at}.max`, this.#min)
    const initial = Math.min(this.#max, Math.max(this.#min, 20))
    this.#estimate = wholeOption(options.initial, initial, `${at}.initial`, this.#min, this.#max)
    this.#smoothing = numberOption(options.smoothing, 0.2, `${at}.smoothing`, 0, 1)
    if (this.#smoothing === 0) throw new ConfigError(`${at}.smoothing`, 'must be above 0: the limit would never change')
    this.#tolerance = numberOption(options.rttTolerance, 1.5, `${at}.rttTolerance`, 1)
    const { queueSize = 4 } = options
    this.#queueSize = queueSize === 'sqrt' ? queueSize : numberOption(queueSize, 4, `${at}.queueSize`, 0)
    this.#longFactor = 2 / (wholeOption(options.longWindow, 600, `${at}.longWindow`, WARM_UP_SAMPLES) + 1)
  }

  /** How many may be in flight. */
  get limit(): number {
    return Math.floor(this.#estimate)
  }

  /**
   * Learns from one request: how long it took, how many were in flight when it began, itself included, and whether it was
   * dropped (timed out, or refused for overload).
   */
  sample(rttMs: number, inFlight: number, isDropped: boolean): void {
    // Netflix's takes no notice of drops. How long one took says how long somebody cared to wait, not how long it takes; so
    // it stays out of the mean, and has the limit shrink as far as one sample can.
    if (isDropped) return this.#moveTo(this.#estimate * 0.5)
    const rtt = Math.max(rttMs, Number.MIN_VALUE)
    const longRtt = this.#learn(rtt)
    // After a long time of overload the mean is far too high, and would take as long again to sink by itself.
    if (longRtt / rtt > 2) this.#longRtt *= 0.95
    // Where few are in flight that they are answered in time says nothing about more.
    if (inFlight < this.#estimate / 2) return
    // One outlier must not more than halve the limit.
    const gradient = Math.max(0.5, Math.min(1, (this.#tolerance * longRtt) / rtt))
    const queueSize = this.#queueSize === 'sqrt' ? Math.sqrt(this.#estimate) : this.#queueSize
    this.#moveTo(this.#estimate * gradient + queueSize)
  }

  /** The mean with this sample in it. */
  #learn(rtt: number): number {
    this.#samples++
    const factor = this.#samples <= WARM_UP_SAMPLES ? 1 / this.#samples : this.#longFactor
    this.#longRtt += (rtt - this.#longRtt) * factor
    return this.#longRtt
  }

  #moveTo(limit: number): void {
    const smoothed = this.#estimate * (1 - this.#smoothing) + limit * this.#smoothing
    this.#estimate = Math.max(this.#min, Math.min(this.#max, smoothed))
  }
}
