/** One instance of a plugin: its guest's side, its hooks, and its fuel. */
import { PluginError } from '@sluice/core'
import { EXTISM_MODULE } from '../abi/extism-json.ts'
import type { BoundGuest, GuestHooks, Hook } from '../abi/foreign-interface.ts'
import { GuestMemory } from '../abi/guest-memory.ts'
import type { HeaderNames } from '../abi/header-names.ts'
import { NameCache } from '../abi/name-cache.ts'
import { HOOK_NAMES, HOST_MODULE, type HookName } from '../abi/sluice-v1.ts'
import { withExtism } from '../foreign/extism-beside.ts'
import { foreignInterface } from '../foreign/foreign-interfaces.ts'
import { assemblyScriptAbort } from '../host-functions/assembly-script-abort.ts'
import { Guest, type PluginServices } from '../host-functions/guest.ts'
import { hostFunctions } from '../host-functions/host-functions.ts'
import { GuestExit } from '../host-functions/wasi-functions.ts'
import { HttpCalls } from '../http/http-calls.ts'
import type { CompiledModule, RuntimeInstance } from '../runtime/plugin-runtime.ts'
import { HookCall } from './hook-call.ts'

export class PluginInstance {
  readonly guest: Guest
  readonly call: HookCall
  readonly #runtime: RuntimeInstance
  readonly #hooks: GuestHooks
  #given = 0

  private constructor(guest: Guest, runtime: RuntimeInstance, hooks: GuestHooks) {
    this.guest = guest
    this.call = guest.call
    this.#runtime = runtime
    this.#hooks = hooks
  }

  /**
   * Makes one, and lets it look at its configuration.
   * @throws {PluginError} `ERR_SLUICE_PLUGIN_REFUSED`
   */
  static async create(module: CompiledModule, services: PluginServices, names: HeaderNames): Promise<PluginInstance> {
    const { manifest } = services
    const memory = new GuestMemory()
    const call = new HookCall(manifest.limits, new HttpCalls())
    const guest = new Guest(services, memory, new NameCache(memory, names.of), call)
    const bound = foreignInterface(manifest.abi)?.bind(guest) ?? bindOwn(guest, module)
    const imports = { ...bound.imports, env: { abort: assemblyScriptAbort(guest) } }
    let instance: PluginInstance | undefined
    try {
      const runtime = await module.instantiate(imports)
      guest.attach(runtime)
      instance = new PluginInstance(guest, runtime, bound.hooks(runtime.exports))
      instance.#init(manifest.limits.initFuel)
      return instance
    } catch (cause) {
      instance?.dispose()
      const reason = call.complaint ?? (cause as Error).message
      const message = `plugin "${manifest.name}" has refused to start: ${reason}`
      throw new PluginError('ERR_SLUICE_PLUGIN_REFUSED', { message, cause, plugin: manifest.name })
    }
  }

  /** Whether there is a hook of this name. */
  has(hook: HookName): boolean {
    return this.#hooks[hook] !== undefined
  }

  /** Calls a hook with so much fuel, and gives its result. Throws what the guest or a host function does. */
  invoke(hook: HookName, fuel: number, first = 0, second = 0): number {
    this.#given = fuel
    this.#runtime.gauge.fill(fuel)
    return this.#hooks[hook]!(first, second)
  }

  /** How much fuel the last call took. */
  get usedFuel(): number {
    return this.#given - Math.max(0, this.#runtime.gauge.left)
  }

  /** Whether the last call took more than it was given. */
  get isOutOfFuel(): boolean {
    return this.#runtime.gauge.isEmpty
  }

  /** Whether it ended because it nested too deeply. */
  get isTooDeep(): boolean {
    return this.#runtime.gauge.isTooDeep
  }

  dispose(): void {
    this.call.release()
    // What goes wrong while an instance is thrown away is of no consequence.
    this.#runtime.close().catch(() => {})
  }

  /** A `main` that ends with `proc_exit(0)` has done its part. */
  #start(): void {
    try {
      this.#runtime.start()
    } catch (error) {
      if (!(error instanceof GuestExit) || error.status !== 0) throw error
    }
  }

  #init(fuel: number): void {
    this.#runtime.gauge.fill(fuel)
    this.#start()
    if (!this.has('on_init')) return
    const nothing = {
      exchange: undefined,
      reply: undefined,
      state: undefined,
      body: undefined,
      end: undefined,
    } as const
    this.call.begin({ hook: 'on_init', ...nothing, writable: -1, bodyKind: -1 })
    const result = this.invoke('on_init', fuel)
    if (result !== 0) throw new Error(`on_init returned ${result}`)
    this.call.release()
  }
}

/** For `sluice:v1`, whose hooks are what the module exports. It may use one of Extism's kits. */
function bindOwn(guest: Guest, module: CompiledModule): BoundGuest {
  const bound: BoundGuest = {
    imports: { [HOST_MODULE]: hostFunctions(guest) },
    hooks: (exports) => Object.fromEntries(HOOK_NAMES.map((name) => [name, exports[name] as Hook | undefined])),
  }
  return module.importsFrom(EXTISM_MODULE) ? withExtism(guest, bound) : bound
}
