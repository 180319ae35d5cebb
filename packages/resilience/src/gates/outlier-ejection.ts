/**
 * Outlier ejection (Envoy): a target that fails several times in a row, or markedly more often than the others, is left
 * out for a while, longer each time. Only what clients see counts: this gate sends nothing of its own. At most a share of
 * the targets is out at once, so that a fault that all of them have does not take the whole upstream away.
 */
import type { Attempt, Gate, GateFactory, GateServices, Target } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import { targetEjected, targetReturned, type EjectionCause } from '../events.ts'
import { brokeOff } from './attempt-outcome.ts'
import { ejectionPolicy, type EjectionPolicy, type OutlierEjectionOptions } from './ejection-policy.ts'
import { EjectionRecord, type EjectionSnapshot } from './ejection-record.ts'
import { successRateOutliers } from './success-rate.ts'

/**
 * Leaves out targets that fail. What a client gave up, and what found no room here, counts for nothing.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG` for an option that is wrong or not known
 */
export function outlierEjection(options: OutlierEjectionOptions = {}): GateFactory {
  const policy = ejectionPolicy(options)
  return (services) => new OutlierEjectionGate(services, policy)
}

const REASONS: Readonly<Record<EjectionCause, string>> = {
  'consecutive-gateway-errors': 'ejected after too many gateway errors in a row',
  'consecutive-server-errors': 'ejected after too many server errors in a row',
  'success-rate': 'ejected for a success rate far below that of the others',
}

class OutlierEjectionGate implements Gate {
  readonly name = 'outlier-ejection'
  readonly #services: GateServices
  readonly #policy: EjectionPolicy
  readonly #records = new WeakMap<Target, EjectionRecord>()
  readonly #ejected = new Set<EjectionRecord>()
  #sweep: ScheduledCall | undefined = undefined
  #isClosed = false

  constructor(services: GateServices, policy: EjectionPolicy) {
    this.#services = services
    this.#policy = policy
  }

  admits(target: Target): boolean {
    return this.#records.get(target)?.ejection === undefined
  }

  reason(target: Target): string {
    const ejection = this.#records.get(target)?.ejection
    return ejection === undefined ? 'not ejected' : REASONS[ejection.cause]
  }

  admitsAgainAt(target: Target): number | undefined {
    return this.#records.get(target)?.ejection?.until
  }

  observe(target: Target, attempt: Attempt): void {
    const record = this.#records.get(target) ?? this.#recordOf(target)
    if (record.ejection !== undefined || attempt.startedAt < record.since || this.#isClosed) return
    if (this.#sweep === undefined) this.#scheduleSweep()
    const { status } = attempt
    if (status === undefined) record.failed()
    else if (!brokeOff(attempt)) record.replied(status)
    // A reply that was an error by its head has counted already.
    else if (status < 500) record.brokeOff()
    const { consecutiveGatewayErrors, consecutiveServerErrors } = this.#policy
    if (consecutiveGatewayErrors > 0 && record.gatewayErrors.length >= consecutiveGatewayErrors) {
      this.#eject(record, 'consecutive-gateway-errors')
    } else if (consecutiveServerErrors > 0 && record.serverErrors.length >= consecutiveServerErrors) {
      this.#eject(record, 'consecutive-server-errors')
    }
  }

  /** State by target key, of targets that have been used. */
  snapshot(): Readonly<Record<string, EjectionSnapshot>> {
    return Object.fromEntries(this.#present().map((record) => [record.target.key, record.snapshot()]))
  }

  close(): void {
    this.#isClosed = true
    this.#sweep?.cancel()
    for (const record of this.#ejected) record.ejection?.wakeUp.cancel()
    this.#ejected.clear()
  }

  #recordOf(target: Target): EjectionRecord {
    const record = new EjectionRecord(target)
    this.#records.set(target, record)
    return record
  }

  /** The records of targets that are there. */
  #present(): EjectionRecord[] {
    return this.#services.targets().flatMap((target) => this.#records.get(target) ?? [])
  }

  #eject(record: EjectionRecord, cause: EjectionCause): void {
    record.clear()
    const { ejectionMs, maxEjectionMs, jitter, maxEjectedShare } = this.#policy
    const { clock, random, upstream } = this.#services
    const targets = this.#services.targets()
    // A share such as 0.29 of 100 is a hair less than 29.
    const limit = Math.max(1, Math.floor(targets.length * maxEjectedShare + 1e-9))
    if (this.#ejected.size >= limit || !targets.includes(record.target)) return
    record.ejections++
    const lengthMs = Math.min(maxEjectionMs, ejectionMs * record.ejections) * (1 + jitter * random())
    const until = clock.now() + lengthMs
    record.ejection = { cause, until, wakeUp: clock.schedule(lengthMs, () => this.#return(record)) }
    this.#ejected.add(record)
    if (targetEjected.hasSubscribers) targetEjected.publish({ upstream, target: record.target.key, cause, until })
    this.#services.changed(record.target)
  }

  #return(record: EjectionRecord): void {
    const { clock, upstream } = this.#services
    record.clear()
    record.ejection = undefined
    record.since = clock.now()
    this.#ejected.delete(record)
    if (!this.#services.targets().includes(record.target)) return
    if (targetReturned.hasSubscribers) targetReturned.publish({ upstream, target: record.target.key })
    this.#services.changed(record.target)
  }

  #scheduleSweep(): void {
    this.#sweep = this.#services.clock.schedule(this.#policy.sweepMs, () => this.#runSweep())
  }

  #runSweep(): void {
    this.#sweep = undefined
    const records = this.#present()
    this.#forgetVanished(records)
    const comparable = records.filter((record) => record.ejection === undefined)
    // Compared before anything is ejected: that changes the counters.
    const outliers = this.#outliers(comparable)
    const before = this.#services.clock.now() - this.#policy.sweepMs
    for (const record of comparable) if (record.ejections > 0 && record.since <= before) record.ejections--
    for (const record of outliers) this.#eject(record, 'success-rate')
    // Where nothing happens and nothing is to be forgotten, nothing is scheduled: the next attempt begins it again.
    if (records.some(({ successes, failures, ejections }) => successes + failures + ejections > 0))
      this.#scheduleSweep()
    for (const record of records) {
      record.successes = 0
      record.failures = 0
    }
  }

  #outliers(comparable: readonly EjectionRecord[]): readonly EjectionRecord[] {
    const { successRateFactor, successRateMinTargets, successRateMinVolume } = this.#policy
    if (successRateFactor === 0) return []
    return successRateOutliers(comparable, {
      factor: successRateFactor,
      minTargets: successRateMinTargets,
      minVolume: successRateMinVolume,
    })
  }

  /** Targets that were taken out of the upstream hold no place among the ejected. */
  #forgetVanished(records: readonly EjectionRecord[]): void {
    const present = new Set(records)
    for (const record of this.#ejected) {
      if (present.has(record)) continue
      record.ejection?.wakeUp.cancel()
      this.#ejected.delete(record)
    }
  }
}
