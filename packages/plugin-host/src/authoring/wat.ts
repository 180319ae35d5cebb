/** WebAssembly's own text form, by wabt. No kit: what there is to import stands in docs/plugin-abi.md. */
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { PluginBuildError } from './build-error.ts'
import { findPackage } from './own-package.ts'
import type { CompileJob, Toolchain } from './toolchain.ts'

/** The part of `wabt` that is used here. */
type Wabt = () => Promise<{
  parseWat(
    name: string,
    text: string,
    features: Readonly<Record<string, boolean>>,
  ): {
    validate(): void
    toBinary(options: { readonly write_debug_names: boolean }): { readonly buffer: Uint8Array }
    destroy(): void
  }
}>

const FEATURES = { bulk_memory: true, mutable_globals: true, sat_float_to_int: true, sign_extension: true }

/** @throws {PluginBuildError} where wabt is not installed */
export function watToolchain(folder: string): Toolchain {
  const entry = findPackage(folder, 'wabt')
  if (entry === undefined) throw new PluginBuildError('wabt is missing: npm install -D wabt')
  const { version } = JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')) as { version: string }
  return {
    language: 'wat',
    identity: `wabt ${version} ${JSON.stringify(FEATURES)}`,
    kits: [],
    compile: async (job) => await compile(entry, job),
  }
}

async function compile(entry: string, job: CompileJob): Promise<void> {
  const path = join(job.folder, job.entry)
  const wabt = await (createRequire(entry)(entry) as Wabt)()
  let bytes: Uint8Array
  try {
    const module = wabt.parseWat(job.entry, await readFile(path, 'utf8'), FEATURES)
    module.validate()
    bytes = module.toBinary({ write_debug_names: true }).buffer
    module.destroy()
  } catch (cause) {
    throw new PluginBuildError(readable((cause as Error).message), { cause })
  }
  await writeFile(job.output, bytes)
}

/** Without its colours and its first line, which says that something failed. */
function readable(message: string): string {
  return stripVTControlCharacters(message)
    .replace(/^\w+ failed:\n/, '')
    .trimEnd()
}
