/** From a plugin's folder to its module: finds the source, picks the compiler, and compiles unless the module is there already. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { assemblyScriptToolchain } from './assemblyscript.ts'
import { PluginBuildError } from './build-error.ts'
import { buildKey } from './build-key.ts'
import { cToolchain } from './c.ts'
import { rustToolchain } from './rust.ts'
import type { PluginLanguage, Toolchain } from './toolchain.ts'
import { watToolchain } from './wat.ts'

/** Options of `buildPlugin`. */
export interface BuildPluginOptions {
  /** Where the module goes. @default 'dist/plugin.wasm' in the plugin's folder */
  readonly output?: string
  /**
   * A folder in which modules are kept by what they were made of, so that none is compiled twice. Several processes may share it.
   * @default none: only the module in its place is kept
   */
  readonly cacheFolder?: string
}

/** A module that was built. */
export interface BuiltPlugin {
  readonly language: PluginLanguage
  readonly bytes: Uint8Array
  /** For the manifest. */
  readonly sha256: string
  /** Where it is. */
  readonly path: string
  /** Whether a compiler ran: `false` where nothing had changed. */
  readonly isNew: boolean
}

/** The file that a plugin begins with, by language. */
const ENTRIES: readonly (readonly [entry: string, find: (folder: string) => Toolchain | Promise<Toolchain>])[] = [
  ['plugin.ts', assemblyScriptToolchain],
  ['plugin.c', cToolchain],
  ['plugin.rs', rustToolchain],
  ['plugin.wat', watToolchain],
]

/**
 * Builds the plugin in a folder: `plugin.ts` (AssemblyScript), `plugin.c`, `plugin.rs` or `plugin.wat`.
 * @throws {PluginBuildError} no source, no compiler, or what the compiler said
 */
export async function buildPlugin(folder: string, options: BuildPluginOptions = {}): Promise<BuiltPlugin> {
  const root = resolve(folder)
  const found = ENTRIES.filter(([entry]) => existsSync(join(root, entry)))
  if (found.length !== 1) {
    const names = ENTRIES.map(([entry]) => entry).join(', ')
    throw new PluginBuildError(`${root} has ${found.length === 0 ? 'none' : 'more than one'} of ${names}`)
  }
  const [entry, findToolchain] = found[0]!
  const toolchain = await findToolchain(root)
  const key = await buildKey(root, entry, toolchain)
  const path = resolve(root, options.output ?? join('dist', 'plugin.wasm'))
  const isNew = !(await restore(path, key, options.cacheFolder))
  if (isNew) {
    await replace(path, async (output) => await toolchain.compile({ folder: root, entry, output }))
    if (options.cacheFolder !== undefined) await keep(path, join(options.cacheFolder, `${key}.wasm`))
    await writeFile(keyFile(path), key)
  }
  const bytes = await readFile(path)
  return { language: toolchain.language, bytes, sha256: createHash('sha256').update(bytes).digest('hex'), path, isNew }
}

/** Puts the module in its place if it is there or in the cache. */
async function restore(path: string, key: string, cacheFolder: string | undefined): Promise<boolean> {
  if (existsSync(path) && (await readFile(keyFile(path), 'utf8').catch(() => '')) === key) return true
  if (cacheFolder === undefined || !existsSync(join(cacheFolder, `${key}.wasm`))) return false
  await keep(join(cacheFolder, `${key}.wasm`), path)
  await writeFile(keyFile(path), key)
  return true
}

async function keep(from: string, to: string): Promise<void> {
  await replace(to, async (output) => await copyFile(from, output))
}

/** Whoever reads meanwhile, in this process or another, finds the old file or the new one, never half of it. */
async function replace(path: string, write: (output: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const scratch = `${path}.${process.pid}-${sequence++}`
  try {
    await write(scratch)
    await rename(scratch, path)
  } finally {
    await rm(scratch, { force: true })
  }
}

let sequence = 0

function keyFile(path: string): string {
  return `${path}.key`
}
