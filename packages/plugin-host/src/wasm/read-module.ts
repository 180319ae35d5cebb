/** The two checks that every module goes through first: that of the engine, and our own. */
import { engine } from './engine.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import { ModuleReader } from './module-reader.ts'
import { refuse } from './refuse-module.ts'

/** What the host adds has names that begin so; a module must not have any. */
const RESERVED = 'sluice:'

/**
 * Reads a module that the engine takes, so that all types, indices and stack heights in it are known to be right.
 * @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE`
 */
export function readModule(bytes: Uint8Array): ModuleReader {
  if (bytes.length > MODULE_LIMITS.moduleBytes)
    refuse(`it has ${bytes.length} bytes, of which ${MODULE_LIMITS.moduleBytes} are allowed`)
  if (!engine.validate(bytes)) refuse(whyInvalid(bytes))
  const module = new ModuleReader(bytes)
  for (const { name } of [...module.imports, ...module.exports])
    if (name.startsWith(RESERVED)) refuse(`the name ${JSON.stringify(name)} is the host's`)
  return module
}

/** The engine's reason, which has the offset in it. */
function whyInvalid(bytes: Uint8Array): string {
  try {
    // Only the slow way says why; it stops where the fast one did.
    Reflect.construct(engine.Module, [bytes])
    return 'the engine does not take it'
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^WebAssembly\.Module\(\): /, '') : String(error)
  }
}
