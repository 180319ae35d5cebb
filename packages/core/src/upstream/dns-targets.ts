/**
 * Targets from DNS: asked for again when the answer's time is over, within bounds of ours. What is unclear changes nothing:
 * where no answer comes, or none with records, the last good list stays, since names fail far more often than all that
 * they stand for.
 */
import type { Resolver } from 'node:dns/promises'
import type { ScheduledCall } from '@sluice/wire'
import { discoveryFailed } from '../events.ts'
import { type DnsPlan, type DnsRecordType, type DnsTargetsOptions, planDns, resolverFor } from './dns-options.ts'
import { targetsOfAddresses, targetsOfServices } from './dns-records.ts'
import type { RunningTargetSource, TargetSource, TargetSourceServices } from './target-source.ts'
import type { TargetConfig } from './target.ts'

/** A source's state as plain data. Times are milliseconds since the Unix epoch. */
export interface DnsTargetsSnapshot {
  readonly hostname: string
  /** Targets of the last good answer; missing where there was none yet. */
  readonly targets: number | undefined
  readonly lastSuccessAt: number | undefined
  /** What went wrong last, also where it has gone well since. */
  readonly lastError: { readonly at: number; readonly message: string } | undefined
  /** Missing while a question is under way, and once it is closed. */
  readonly nextRefreshAt: number | undefined
}

/** The share by which a pause is longer at most, by chance, lest proxies that start together ask together for ever. */
const JITTER = 0.1
/** What the answer's code is where there is no such name, or nothing of the kind at it. */
const NO_RECORDS = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * A source of targets for `createUpstream`: asks name servers (not `/etc/hosts`) for a name, and again by the lowest TTL of
 * the answer. Until the first answer the upstream has no targets. After a failure it asks again in `minTtlMs`, then twice
 * that, up to `maxTtlMs`, and publishes `sluice:core:discovery-failed`. Priorities and weights of SRV records need a
 * balancer that knows them.
 *
 * A target's state that was set by hand stays. Other changes by hand hold until the answer is another one. A refresh that is
 * to come does not keep the process alive; a question under way does, `timeoutMs` at most.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, with a path such as `dnsTargets.port`
 */
export function dnsTargets(options: DnsTargetsOptions): TargetSource {
  const plan = planDns(options)
  return (services) => new DnsTargets(plan, services)
}

/** What came of one question. Neither targets nor an error: there are no records. */
interface Outcome {
  readonly targets: readonly TargetConfig[]
  readonly ttlMs: number
  readonly error: Error | undefined
}

class DnsTargets implements RunningTargetSource {
  readonly #plan: DnsPlan
  readonly #services: TargetSourceServices
  readonly #resolver: Resolver
  /** The last good targets of each type: a family that fails does not take the other one's addresses with it. */
  #found: readonly (readonly TargetConfig[])[] | undefined = undefined
  #failures = 0
  #lastSuccessAt: number | undefined = undefined
  #lastError: DnsTargetsSnapshot['lastError'] = undefined
  #nextRefreshAt: number | undefined = undefined
  #next: ScheduledCall | undefined = undefined
  #isClosed = false

  constructor(plan: DnsPlan, services: TargetSourceServices) {
    this.#plan = plan
    this.#services = services
    this.#resolver = resolverFor(plan)
    void this.#refresh()
  }

  snapshot(): DnsTargetsSnapshot {
    return {
      hostname: this.#plan.hostname,
      targets: this.#found?.flat().length,
      lastSuccessAt: this.#lastSuccessAt,
      lastError: this.#lastError,
      nextRefreshAt: this.#nextRefreshAt,
    }
  }

  close(): void {
    this.#isClosed = true
    this.#next?.cancel()
    this.#nextRefreshAt = undefined
    this.#resolver.cancel()
  }

  async #refresh(): Promise<void> {
    this.#nextRefreshAt = undefined
    const { types, timeoutMs } = this.#plan
    const timeout = this.#services.clock.schedule(timeoutMs, () => this.#resolver.cancel())
    const outcomes = await Promise.all(types.map((type) => this.#ask(type)))
    timeout.cancel()
    if (this.#isClosed) return
    this.#learn(outcomes)
  }

  async #ask(type: DnsRecordType): Promise<Outcome> {
    const { hostname, form, refreshMs, timeoutMs } = this.#plan
    try {
      if (type === 'SRV') {
        const records = await this.#resolver.resolveSrv(hostname)
        return { targets: targetsOfServices(records, form), ttlMs: refreshMs, error: undefined }
      }
      const resolver = this.#resolver
      const records = await (type === 'A'
        ? resolver.resolve4(hostname, { ttl: true })
        : resolver.resolve6(hostname, { ttl: true }))
      const addresses = records.map(({ address }) => address)
      const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1_000
      return { targets: targetsOfAddresses(addresses, form), ttlMs, error: undefined }
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (NO_RECORDS.has(code ?? '')) return { targets: [], ttlMs: Number.POSITIVE_INFINITY, error: undefined }
      // Only the timeout cancels, and `close`, after which nobody asks.
      const error = code === 'ECANCELLED' ? new Error(`no answer within ${timeoutMs} ms`, { cause }) : (cause as Error)
      return { targets: [], ttlMs: Number.POSITIVE_INFINITY, error }
    }
  }

  #learn(outcomes: readonly Outcome[]): void {
    const { emptyAnswer, hostname, types, minTtlMs, maxTtlMs } = this.#plan
    const failure = outcomes.find(({ error }) => error !== undefined)?.error
    const found = outcomes.map(({ error, targets }, index) =>
      error === undefined ? targets : (this.#found?.[index] ?? []),
    )
    const targets = found.flat()
    if (targets.length === 0 && (failure !== undefined || emptyAnswer === 'keep'))
      return this.#failed(failure ?? new Error(`there are no ${types.join(' or ')} records of ${hostname}`))
    try {
      this.#adopt(found, targets)
    } catch (cause) {
      return this.#failed(cause as Error)
    }
    if (failure !== undefined) return this.#failed(failure)
    this.#lastSuccessAt = this.#services.clock.wallTime()
    // Nobody says how long it holds that there is nothing: asked as after a failure, more and more rarely.
    this.#failures = targets.length === 0 ? this.#failures + 1 : 0
    const ttlMs = Math.min(...outcomes.map(({ ttlMs }) => ttlMs))
    const isService = types.includes('SRV')
    this.#refreshIn(
      targets.length === 0 ? this.#backoffMs : isService ? ttlMs : Math.min(maxTtlMs, Math.max(minTtlMs, ttlMs)),
    )
  }

  /** Hands over a list that is not the one before, so that what was changed by hand holds as long as the answer does. */
  #adopt(found: readonly (readonly TargetConfig[])[], targets: readonly TargetConfig[]): void {
    const before = this.#found?.flat()
    if (JSON.stringify(before) !== JSON.stringify(targets)) this.#services.replace(targets)
    this.#found = found
  }

  #failed(error: Error): void {
    const { clock, upstream } = this.#services
    this.#failures++
    this.#lastError = { at: clock.wallTime(), message: error.message }
    const retryInMs = this.#refreshIn(this.#backoffMs)
    if (discoveryFailed.hasSubscribers)
      discoveryFailed.publish({ upstream, name: this.#plan.hostname, error, retryInMs })
  }

  get #backoffMs(): number {
    return Math.min(this.#plan.maxTtlMs, this.#plan.minTtlMs * 2 ** (this.#failures - 1))
  }

  #refreshIn(pauseMs: number): number {
    const { clock, random } = this.#services
    const delayMs = pauseMs * (1 + JITTER * random())
    this.#nextRefreshAt = clock.wallTime() + Math.ceil(delayMs)
    this.#next = clock.schedule(delayMs, () => void this.#refresh())
    return delayMs
  }
}
