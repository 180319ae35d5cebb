/** What turns one language into a module. Compilers are the author's: found in their project or on the machine, never installed. */

/** A language that `sluice-plugin` knows; a plugin in another one is a module all the same. */
export type PluginLanguage = 'assemblyscript' | 'c' | 'rust' | 'wat'

/** One module to be made. */
export interface CompileJob {
  /** The plugin's folder, absolute. */
  readonly folder: string
  /** The source file to begin with, relative to it. */
  readonly entry: string
  /** Where the module goes, absolute. Its folder is there. */
  readonly output: string
}

/** A compiler, found. */
export interface Toolchain {
  readonly language: PluginLanguage
  /** What a change of which may change the module: version, flags. Part of the key that a module is kept under. */
  readonly identity: string
  /** Folders whose files the source may use beside its own: the kit. */
  readonly kits: readonly string[]
  /** @throws {PluginBuildError} with what the compiler said */
  compile(job: CompileJob): Promise<void>
}
