/**
 * Turns away what matters least while the process has more to do than it can, so that what matters most is still answered
 * in time (DAGOR, "Overload Control for Scaling WeChat Microservices", 2018, sheds by priority in the same way). Measured by
 * the delay of the event loop, which covers all that a Node process does, whichever route it is for.
 *
 *     proxy.use(shedLoad({ classOf: (x) => (x.request.path.startsWith('/pay/') ? 0 : 1) }))
 */
import {
  ConfigError,
  defineMiddleware,
  type Exchange,
  InternalError,
  type Middleware,
  problemReply,
  type Reply,
} from '@sluice/core'
import {
  fieldOption,
  functionOption,
  numberOption,
  type OptionNames,
  strictOption,
  wholeOption,
} from '@sluice/core/options'
import { loadShed } from '../events.ts'
import { eventLoopDelay } from './event-loop-delay.ts'

/** From which delay on a class is shed, by chance and ever more, and from which on wholly. */
export type ShedThresholds = readonly [startMs: number, fullMs: number]

/** A class from a request field that holds its number; trust the field only where clients can't write it. */
export interface ClassField {
  readonly header: string
  /** Of requests without the field, or with something else in it. @default the last class */
  readonly fallback?: number
}

/** Options of {@link shedLoad}. */
export interface ShedLoadOptions<N = unknown> {
  /** For each class, the most important (0) first; rising delays within each. @default [[200, 400], [100, 200], [50, 100]] */
  readonly thresholdsMs?: readonly ShedThresholds[]
  /** Which class an exchange is of: 0, 1, 2, ... Beyond the last threshold, the last. @default all are of class 0 */
  readonly classOf?: ClassField | ((exchange: Exchange<N>) => number)
  /** How often the delay is looked at, while there are requests. @default 250 */
  readonly intervalMs?: number
  /** Once shedding, a class is shed until the delay is below this share of its start, 0 to 1. @default 0.8 */
  readonly releaseRatio?: number
  /** What `Retry-After` says in a refusal. @default 1_000 */
  readonly retryAfterMs?: number
  /** Where the delay is had from, in milliseconds: the mean since the last call. @default the event loop's */
  readonly delayMs?: () => number
}

const NAMES: OptionNames<ShedLoadOptions> = {
  thresholdsMs: true,
  classOf: true,
  intervalMs: true,
  releaseRatio: true,
  retryAfterMs: true,
  delayMs: true,
}

/** The state as plain data. */
export interface ShedLoadSnapshot {
  /** As it was last seen. */
  readonly delayMs: number
  /** Which share of each class is turned away, 0 to 1. */
  readonly shares: readonly number[]
  readonly refused: number
}

/** The middleware, with a look inside. */
export interface LoadShedder<N = unknown> extends Middleware<N> {
  snapshot(): ShedLoadSnapshot
}

const DEFAULT_THRESHOLDS: readonly ShedThresholds[] = [
  [200, 400],
  [100, 200],
  [50, 100],
]

/**
 * Makes the middleware. What it turns away gets 503 `ERR_SLUICE_LOAD_SHED` with `Retry-After`.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function shedLoad<N = unknown>(options: ShedLoadOptions<N> = {}): LoadShedder<N> {
  strictOption(options, NAMES, 'shedLoad')
  const load = new Load(options.delayMs ?? eventLoopDelay(), options)
  const classOf = classChoice(options.classOf, load.classes)
  const retryAfterMs = numberOption(options.retryAfterMs, 1_000, 'shedLoad.retryAfterMs', 0)
  let refused = 0
  const refuse = (exchange: Exchange<N>, priorityClass: number): Reply => {
    refused++
    if (loadShed.hasSubscribers) loadShed.publish({ exchange, priorityClass, delayMs: load.delayMs })
    return problemReply(new InternalError('ERR_SLUICE_LOAD_SHED', { retryAfterMs }), exchange.settings.name)
  }
  const middleware = defineMiddleware<N>('shedLoad', (exchange, next) => {
    load.look(exchange.clock.now())
    if (!load.isShedding) return next(exchange)
    const priorityClass = classOf(exchange)
    const share = load.shareOf(priorityClass)
    return share > 0 && exchange.settings.random() < share ? refuse(exchange, priorityClass) : next(exchange)
  })
  return Object.assign(middleware, {
    snapshot: (): ShedLoadSnapshot => ({ delayMs: load.delayMs, shares: [...load.shares], refused }),
  })
}

/** The delay, and which share of each class is turned away for it. */
class Load {
  delayMs = 0
  isShedding = false
  readonly shares: number[]
  readonly #source: () => number
  readonly #thresholds: readonly ShedThresholds[]
  readonly #intervalMs: number
  readonly #releaseRatio: number
  #nextLookAt = Number.NEGATIVE_INFINITY

  constructor(source: () => number, options: Omit<ShedLoadOptions<never>, 'classOf'>) {
    functionOption(source, 'shedLoad.delayMs')
    this.#source = source
    this.#thresholds = thresholdsOption(options.thresholdsMs ?? DEFAULT_THRESHOLDS, 'shedLoad.thresholdsMs')
    this.#intervalMs = numberOption(options.intervalMs, 250, 'shedLoad.intervalMs', 1)
    this.#releaseRatio = numberOption(options.releaseRatio, 0.8, 'shedLoad.releaseRatio', 0, 1)
    this.shares = this.#thresholds.map(() => 0)
  }

  get classes(): number {
    return this.#thresholds.length
  }

  shareOf(priorityClass: number): number {
    return this.shares[Math.max(0, Math.min(this.shares.length - 1, Math.trunc(priorityClass)))] ?? 0
  }

  /** Takes notice of the delay, once in each interval. A request asks, not a timer: an idle proxy has nothing to shed. */
  look(now: number): void {
    if (now < this.#nextLookAt) return
    this.#nextLookAt = now + this.#intervalMs
    this.delayMs = this.#source()
    this.#thresholds.forEach((thresholds, index) => {
      this.shares[index] = this.#shareAt(thresholds, this.shares[index]! > 0)
    })
    this.isShedding = this.shares.some((share) => share > 0)
  }

  /**
   * Nothing up to the start; then a part that rises to all. While some are shed the rise counts from the release, below the
   * start: so it neither begins nor ends again and again around one value.
   */
  #shareAt([startMs, fullMs]: ShedThresholds, wasShedding: boolean): number {
    const releaseMs = startMs * this.#releaseRatio
    if (this.delayMs <= (wasShedding ? releaseMs : startMs)) return 0
    return Math.min(1, (this.delayMs - releaseMs) / (fullMs - releaseMs))
  }
}

function thresholdsOption(list: readonly ShedThresholds[], at: string): readonly ShedThresholds[] {
  if (!Array.isArray(list) || list.length === 0)
    throw new ConfigError(at, 'needs a pair of delays for at least one class')
  return list.map((pair: ShedThresholds, index) => {
    const place = `${at}[${index}]`
    if (!Array.isArray(pair) || pair.length !== 2) throw new ConfigError(place, 'must be a pair of delays')
    const startMs = numberOption(pair[0], 0, `${place}[0]`, 0)
    const fullMs = numberOption(pair[1], 0, `${place}[1]`, 0)
    if (fullMs <= startMs) throw new ConfigError(`${place}[1]`, 'must be more than where shedding starts')
    return [startMs, fullMs] as const
  })
}

function classChoice<N>(choice: ShedLoadOptions<N>['classOf'], classes: number): (exchange: Exchange<N>) => number {
  if (choice === undefined) return () => 0
  if (typeof choice !== 'object' || choice === null) return functionOption(choice, 'shedLoad.classOf')!
  strictOption(choice, ['header', 'fallback'], 'shedLoad.classOf')
  const header = fieldOption(choice.header, 'shedLoad.classOf.header')
  const fallback = wholeOption(choice.fallback, classes - 1, 'shedLoad.classOf.fallback', 0)
  return ({ request }) => {
    const value = request.headers.get(header)
    return value !== undefined && /^\d{1,3}$/.test(value) ? Number(value) : fallback
  }
}
