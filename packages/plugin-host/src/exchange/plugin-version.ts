/**
 * One version of a plugin: who runs its hooks, when it is called at all, and for how long it is kept. Exchanges keep the
 * version that they began with.
 */
import type { Exchange, ExchangeEnd, PluginError } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import type { HookName } from '../abi/sluice-v1.ts'
import type { HookAction } from '../events.ts'
import { faultOf, kindOf, openFault } from '../fault.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { VersionReports } from '../observe/version-reports.ts'
import { FaultBreaker } from '../pool/fault-breaker.ts'
import type { ExchangeState, HookSubject } from './hook-call.ts'
import { FAULTED, type HookEvents, type HookOwner, type HookRunner, type Outcome } from './hook-runner.ts'
import type { PluginHooks } from './plugin-hooks.ts'

/** How long a version that was replaced keeps its instances for exchanges that are under way. */
const DRAIN_MS = 30_000

/** What a version is made of. */
export interface PluginVersionParts {
  readonly services: PluginServices
  readonly hooks: PluginHooks
  readonly reports: VersionReports
  readonly sha256: string
  readonly newRunner: (events: HookEvents) => HookRunner
}

export class PluginVersion implements HookEvents {
  readonly services: PluginServices
  readonly hooks: PluginHooks
  readonly sha256: string
  readonly breaker: FaultBreaker
  readonly reports: VersionReports
  readonly #runner: HookRunner
  #users = 0
  #isRetired = false
  #drain: ScheduledCall | undefined
  #onClosed: (() => void) | undefined

  constructor({ services, hooks, reports, sha256, newRunner }: PluginVersionParts) {
    this.services = services
    this.hooks = hooks
    this.sha256 = sha256
    this.reports = reports
    this.breaker = new FaultBreaker(services.manifest.breaker, (isOpen) => reports.breakerChanged(isOpen))
    this.#runner = newRunner(this)
  }

  /** Makes the first instance. Rejects where it refuses. */
  async open(): Promise<void> {
    await this.#runner.open()
  }

  /** How many instances there are, and how many of them are free. */
  get instances(): HookRunner['instances'] {
    return this.#runner.instances
  }

  get threads(): HookRunner['threads'] {
    return this.#runner.threads
  }

  /** An exchange begins to use it. */
  retain(): void {
    this.#users++
  }

  /** It does so no more. */
  release(): void {
    if (--this.#users === 0 && this.#isRetired) this.#close()
  }

  /** No new exchange will come. Its instances are freed when the last one has left, or has taken too long. */
  retire(onClosed: () => void): void {
    this.#isRetired = true
    this.#onClosed = onClosed
    if (this.#users === 0) this.#close()
    else this.#drain = this.services.clock.schedule(DRAIN_MS, () => this.#close())
  }

  /** Frees its instances now; an exchange that still needs one gets one made for it. */
  #close(): void {
    this.#drain?.cancel()
    this.#runner.close()
    this.#onClosed?.()
    this.#onClosed = undefined
  }

  /** Calls a hook, unless the plugin rests. Never throws. */
  call(owner: HookOwner, subject: HookSubject, isLast = 1): Outcome | Promise<Outcome> {
    const { breaker } = this
    if (!breaker.isClosed && !breaker.admits(this.services.clock.now())) return this.#refuse(owner, subject)
    return this.#runner.run(owner, subject, isLast)
  }

  made(): void {
    this.reports.made()
  }

  succeeded(): void {
    this.breaker.succeeded()
  }

  called(
    hook: HookName,
    exchange: Exchange | undefined,
    action: HookAction,
    durationMs: number,
    fuel: number,
    pages: number,
  ): void {
    this.reports.called(hook, exchange, action, durationMs, fuel, pages)
  }

  /** Counts a fault and lets the breaker know. */
  faulted(error: unknown, exchange: Exchange | undefined, hook: HookName): PluginError {
    const fault = faultOf(error, false, this.services.manifest.name)
    if (kindOf(fault) !== 'busy') this.breaker.faulted(this.services.clock.now())
    this.reports.faulted(fault, hook, exchange)
    return fault
  }

  #refuse(owner: HookOwner, { exchange, hook }: HookSubject): Outcome {
    const { clock, manifest } = this.services
    const retryAfterMs = Math.max(1, this.breaker.changesAt - clock.now())
    owner.fault = openFault(manifest.name, retryAfterMs)
    this.reports.faulted(owner.fault, hook, exchange)
    return FAULTED
  }
}

/** What an observer of an exchange is called with. */
export function logSubject(exchange: Exchange, end: ExchangeEnd, state: ExchangeState): HookSubject {
  const { reply } = end
  return { hook: 'on_log', exchange, reply, state, writable: -1, bodyKind: -1, body: undefined, end }
}
