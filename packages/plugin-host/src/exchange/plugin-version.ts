/**
 * One version of a plugin, and how its hooks are called: with an instance of its own for as long as the call takes, with
 * fuel, and with whatever goes wrong held within it. Exchanges keep the version that they began with.
 */
import type { Exchange, ExchangeEnd, PluginError, Reply } from '@sluice/core'
import type { ScheduledCall } from '@sluice/wire'
import { HeaderNames } from '../abi/header-names.ts'
import { CONTINUE, PAUSE, RESPOND, SKIP } from '../abi/sluice-v1.ts'
import type { HookAction } from '../events.ts'
import { faultOf, kindOf, openFault, outputFault } from '../fault.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { ResolvedInstances } from '../manifest/limits.ts'
import type { VersionReports } from '../observe/version-reports.ts'
import { FaultBreaker } from '../pool/fault-breaker.ts'
import { InstancePool } from '../pool/instance-pool.ts'
import type { CompiledModule } from '../runtime/plugin-runtime.ts'
import { MAX_FUEL } from '../wasm/fuel-gauge.ts'
import type { ExchangeState, HookSubject } from './hook-call.ts'
import { PausedHook } from './paused-hook.ts'
import type { PluginHooks } from './plugin-hooks.ts'
import { PluginInstance } from './plugin-instance.ts'

/** A call that has failed or could not be made; `owner.fault` says why. */
export const FAULTED = -1

/** How long a version that was replaced keeps its instances for exchanges that are under way. */
const DRAIN_MS = 30_000

/** What came of a hook: `CONTINUE`, `RESPOND` with `localReply`, `SKIP`, or `FAULTED` with `fault`. */
export type Outcome = number

/** Who wants a hook called: what comes of it is left here. */
export interface HookOwner extends ExchangeState {
  fault: PluginError | undefined
  localReply: Reply | undefined
  /** What takes the place of the body at hand. */
  newBody: Uint8Array | undefined
}

/** What a version is made of. */
export interface PluginVersionParts {
  readonly services: PluginServices
  readonly module: CompiledModule
  readonly hooks: PluginHooks
  readonly reports: VersionReports
  readonly sha256: string
  /** @default the manifest's */
  readonly instances?: ResolvedInstances
}

export class PluginVersion {
  readonly services: PluginServices
  readonly hooks: PluginHooks
  readonly sha256: string
  readonly breaker: FaultBreaker
  readonly reports: VersionReports
  readonly #pool: InstancePool<PluginInstance>
  #users = 0
  #isRetired = false
  #drain: ScheduledCall | undefined
  #onClosed: (() => void) | undefined

  constructor({ services, module, hooks, reports, sha256, instances }: PluginVersionParts) {
    const { manifest, clock } = services
    this.services = services
    this.hooks = hooks
    this.sha256 = sha256
    this.reports = reports
    const names = new HeaderNames(manifest.capabilities)
    this.breaker = new FaultBreaker(manifest.breaker, (isOpen) => reports.breakerChanged(isOpen))
    this.#pool = new InstancePool({
      limits: instances ?? manifest.instances,
      clock,
      maxWaitMs: manifest.limits.wallMs,
      create: async () => {
        const instance = await PluginInstance.create(module, services, names)
        reports.made()
        return instance
      },
      dispose: (instance) => instance.dispose(),
      failed: (error) => this.#countFault(error, undefined, 'on_init'),
    })
  }

  /** Makes the first instance. Rejects where it refuses. */
  async open(): Promise<void> {
    await this.#pool.open()
  }

  /** How many instances there are, and how many of them are free. */
  get instances(): { readonly total: number; readonly free: number } {
    return { total: this.#pool.size, free: this.#pool.free }
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
    this.#pool.close()
    this.#onClosed?.()
    this.#onClosed = undefined
  }

  /**
   * Calls a hook. At once where an instance is free and the hook does not pause. Never throws. A body that is whole is the last of it; hooks
   * that are not about bodies do not see the number.
   */
  call(owner: HookOwner, subject: HookSubject, isLast = 1): Outcome | Promise<Outcome> {
    const { breaker } = this
    if (!breaker.isClosed && !breaker.admits(this.services.clock.now())) return this.#refuse(owner, subject)
    const instance = this.#pool.take()
    return instance === undefined
      ? this.#callLater(owner, subject, isLast)
      : this.#callOn(instance, owner, subject, isLast)
  }

  async #callLater(owner: HookOwner, subject: HookSubject, isLast: number): Promise<Outcome> {
    let instance: PluginInstance
    try {
      instance = await this.#pool.wait()
    } catch (error) {
      owner.fault = this.#countFault(error, subject.exchange, subject.hook)
      return FAULTED
    }
    return await this.#callOn(instance, owner, subject, isLast)
  }

  #callOn(
    instance: PluginInstance,
    owner: HookOwner,
    subject: HookSubject,
    isLast: number,
  ): Outcome | Promise<Outcome> {
    const { limits } = this.services.manifest
    const startedAt = this.services.clock.now()
    const length = subject.body?.length ?? 0
    const fuel = length === 0 ? limits.fuel : Math.min(MAX_FUEL, limits.fuel + limits.fuelPerBodyByte * length)
    try {
      instance.call.begin(subject)
      const result = instance.invoke(subject.hook, fuel, length, isLast)
      const mayPause = subject.writable >= 0 || subject.bodyKind >= 0
      if (result === PAUSE && mayPause) return this.#pause(instance, owner, subject, startedAt, fuel)
      return this.#conclude(instance, owner, subject, result, startedAt, instance.usedFuel)
    } catch (error) {
      return this.#fail(instance, owner, subject, error, startedAt, instance.usedFuel)
    }
  }

  #pause(
    instance: PluginInstance,
    owner: HookOwner,
    subject: HookSubject,
    startedAt: number,
    fuel: number,
  ): Promise<Outcome> {
    const { clock, manifest } = this.services
    return new Promise((resolve) => {
      const fail = (error: unknown) =>
        resolve(this.#fail(instance, owner, subject, error, startedAt, paused?.usedFuel ?? instance.usedFuel))
      let paused: PausedHook | undefined
      try {
        const { signal } = subject.exchange!
        paused = new PausedHook(
          { instance, clock, wallMs: manifest.limits.wallMs, fuel, signal },
          {
            concluded: (result) => {
              try {
                resolve(this.#conclude(instance, owner, subject, result, startedAt, paused!.usedFuel))
              } catch (error) {
                fail(error)
              }
            },
            faulted: fail,
            abandoned: () => resolve(this.#conclude(instance, owner, subject, SKIP, startedAt, paused!.usedFuel)),
          },
        )
      } catch (error) {
        fail(error)
      }
    })
  }

  /** @throws {PluginError} `ERR_SLUICE_PLUGIN_OUTPUT` where the result is none */
  #conclude(
    instance: PluginInstance,
    owner: HookOwner,
    subject: HookSubject,
    result: number,
    startedAt: number,
    fuel: number,
  ): Outcome {
    const { call } = instance
    const { hook } = subject
    const isObserver = hook === 'on_log' || hook === 'on_tick'
    const outcome = isObserver ? CONTINUE : result
    if (outcome === RESPOND ? call.localReply === undefined : outcome !== CONTINUE && outcome !== SKIP)
      throw outputFault(
        outcome === RESPOND
          ? `${hook} returned RESPOND without a reply`
          : `${hook} returned ${outcome}, which is no result`,
      )
    owner.localReply = outcome === RESPOND ? call.localReply : undefined
    owner.newBody = call.hasNewBody ? call.body : undefined
    this.breaker.succeeded()
    this.#ended(
      instance,
      subject,
      outcome === RESPOND ? 'respond' : outcome === SKIP ? 'skip' : 'continue',
      startedAt,
      fuel,
    )
    call.release()
    this.#pool.put(instance)
    return outcome
  }

  #fail(
    instance: PluginInstance,
    owner: HookOwner,
    subject: HookSubject,
    error: unknown,
    startedAt: number,
    fuel: number,
  ): Outcome {
    const fault = faultOf(
      instance.isTooDeep ? new Error('calls are nested too deeply') : error,
      instance.isOutOfFuel,
      this.services.manifest.name,
    )
    instance.call.undo()
    this.#ended(instance, subject, 'fault', startedAt, fuel)
    this.#pool.discard(instance)
    owner.fault = this.#countFault(fault, subject.exchange, subject.hook)
    owner.localReply = owner.newBody = undefined
    return FAULTED
  }

  #refuse(owner: HookOwner, { exchange, hook }: HookSubject): Outcome {
    const { clock, manifest } = this.services
    const retryAfterMs = Math.max(1, this.breaker.changesAt - clock.now())
    owner.fault = openFault(manifest.name, retryAfterMs)
    this.reports.faulted(owner.fault, hook, exchange)
    return FAULTED
  }

  #ended(
    instance: PluginInstance,
    { hook, exchange }: HookSubject,
    action: HookAction,
    startedAt: number,
    fuel: number,
  ): void {
    const durationMs = this.services.clock.now() - startedAt
    this.reports.called(hook, exchange, action, durationMs, fuel, instance.guest.memory.pages)
  }

  /** Counts a fault and lets the breaker know. */
  #countFault(error: unknown, exchange: Exchange | undefined, hook: HookSubject['hook']): PluginError {
    const fault = faultOf(error, false, this.services.manifest.name)
    if (kindOf(fault) !== 'busy') this.breaker.faulted(this.services.clock.now())
    this.reports.faulted(fault, hook, exchange)
    return fault
  }
}

/** What an observer of an exchange is called with. */
export function logSubject(exchange: Exchange, end: ExchangeEnd, state: ExchangeState): HookSubject {
  const { reply } = end
  return { hook: 'on_log', exchange, reply, state, writable: -1, bodyKind: -1, body: undefined, end }
}
