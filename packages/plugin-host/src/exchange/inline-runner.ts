/** Hooks on the thread that asks for them: with an instance for as long as a call takes, with fuel, and with whatever goes wrong held within it. */
import { HeaderNames } from '../abi/header-names.ts'
import { CONTINUE, PAUSE, RESPOND, SKIP } from '../abi/sluice-v1.ts'
import type { HookAction } from '../events.ts'
import { faultOf, outputFault } from '../fault.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { ResolvedInstances } from '../manifest/limits.ts'
import { InstancePool } from '../pool/instance-pool.ts'
import type { CompiledModule } from '../runtime/plugin-runtime.ts'
import { MAX_FUEL } from '../wasm/fuel-gauge.ts'
import type { HookSubject } from './hook-call.ts'
import { FAULTED, type HookEvents, type HookOwner, type HookRunner, type Outcome } from './hook-runner.ts'
import { PausedHook } from './paused-hook.ts'
import { PluginInstance } from './plugin-instance.ts'

/** What it is made of. */
export interface InlineRunnerParts {
  readonly services: PluginServices
  readonly module: CompiledModule
  readonly instances: ResolvedInstances
  readonly events: HookEvents
  /** Told of each call whose guest begins, where somebody wants to know. */
  readonly began?: (subject: HookSubject) => void
}

const NO_THREADS: HookRunner['threads'] = Object.freeze({ live: 0, lost: 0 })

export class InlineRunner implements HookRunner {
  readonly threads: HookRunner['threads'] = NO_THREADS
  readonly #services: PluginServices
  readonly #events: HookEvents
  readonly #began: ((subject: HookSubject) => void) | undefined
  readonly #pool: InstancePool<PluginInstance>

  constructor({ services, module, instances, events, began }: InlineRunnerParts) {
    const { manifest, clock } = services
    this.#services = services
    this.#events = events
    this.#began = began
    const names = new HeaderNames(manifest.capabilities)
    this.#pool = new InstancePool({
      limits: instances,
      clock,
      maxWaitMs: manifest.limits.wallMs,
      create: async () => {
        const instance = await PluginInstance.create(module, services, names)
        events.made()
        return instance
      },
      dispose: (instance) => instance.dispose(),
      failed: (error) => void events.faulted(error, undefined, 'on_init'),
    })
  }

  async open(): Promise<void> {
    await this.#pool.open()
  }

  get instances(): { readonly total: number; readonly free: number } {
    return { total: this.#pool.size, free: this.#pool.free }
  }

  /** Whether instances are being made: that takes turns of the event loop. */
  get isMaking(): boolean {
    return this.#pool.isMaking
  }

  close(): void {
    this.#pool.close()
  }

  /** A body that is whole is the last of it; hooks that are not about bodies do not see the number. */
  run(owner: HookOwner, subject: HookSubject, isLast: number): Outcome | Promise<Outcome> {
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
      owner.fault = this.#events.faulted(error, subject.exchange, subject.hook)
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
    const { limits } = this.#services.manifest
    const startedAt = this.#services.clock.now()
    const length = subject.body?.length ?? 0
    const fuel = length === 0 ? limits.fuel : Math.min(MAX_FUEL, limits.fuel + limits.fuelPerBodyByte * length)
    this.#began?.(subject)
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
    const { clock, manifest } = this.#services
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
    this.#events.succeeded()
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
      this.#services.manifest.name,
    )
    instance.call.undo()
    this.#ended(instance, subject, 'fault', startedAt, fuel)
    this.#pool.discard(instance)
    owner.fault = this.#events.faulted(fault, subject.exchange, subject.hook)
    owner.localReply = owner.newBody = undefined
    return FAULTED
  }

  #ended(
    instance: PluginInstance,
    { hook, exchange }: HookSubject,
    action: HookAction,
    startedAt: number,
    fuel: number,
  ): void {
    const durationMs = this.#services.clock.now() - startedAt
    this.#events.called(hook, exchange, action, durationMs, fuel, instance.guest.memory.pages)
  }
}
