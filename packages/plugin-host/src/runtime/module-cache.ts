/** Compiled modules, one for each hash and set of limits, for as long as somebody uses them. */
import type { CompiledModule, CompileLimits, PluginRuntime } from './plugin-runtime.ts'

/** A module that is used. */
export interface CachedModule {
  readonly module: CompiledModule
  /** It is used no more. */
  readonly release: () => void
}

interface Entry {
  readonly module: Promise<CompiledModule>
  users: number
}

export class ModuleCache {
  readonly #runtime: PluginRuntime
  readonly #entries = new Map<string, Entry>()

  constructor(runtime: PluginRuntime) {
    this.#runtime = runtime
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * The module of these bytes, whose SHA-256 is `sha256`.
   * @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE`
   */
  async get(bytes: Uint8Array, sha256: string, limits: CompileLimits): Promise<CachedModule> {
    const key = `${sha256}:${limits.memoryPages}`
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { module: this.#runtime.compile(bytes, limits), users: 0 }
      this.#entries.set(key, entry)
    }
    const used = entry
    used.users++
    const release = (): void => {
      if (--used.users === 0) this.#entries.delete(key)
    }
    try {
      return { module: await used.module, release }
    } catch (error) {
      release()
      throw error
    }
  }
}
