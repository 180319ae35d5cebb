/**
 * AssemblyScript by `asc`. The kit is `@sluice/plugin-host/pdk/as` for a plugin, wherever this package lies. Options of a plugin's own stand
 * in its `asconfig.json`.
 */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PluginBuildError } from './build-error.ts'
import { findPackage, kitFolder, PACKAGE_FOLDER } from './own-package.ts'
import { runProgram } from './run-program.ts'
import type { CompileJob, Toolchain } from './toolchain.ts'

// The incremental collector works a little at each allocation, where others stop for all of the heap at once.
const FLAGS = ['--runtime', 'incremental', '-O3']

/** @throws {PluginBuildError} where the compiler is not installed */
export function assemblyScriptToolchain(folder: string): Toolchain {
  const manifest = findPackage(folder, 'assemblyscript/package.json')
  if (manifest === undefined)
    throw new PluginBuildError('AssemblyScript is missing: npm install -D assemblyscript@0.28')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const compiler = join(dirname(manifest), 'bin', 'asc.js')
  return {
    language: 'assemblyscript',
    identity: `assemblyscript ${version} ${FLAGS.join(' ')}`,
    kits: [kitFolder('as')],
    compile: async (job) => await compile(compiler, job),
  }
}

/** In a process of its own: it computes for a second or more. */
async function compile(compiler: string, { folder, entry, output }: CompileJob): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-plugin-'))
  try {
    // A folder of packages in which there is this one, for a plugin in whose project it is not installed.
    await mkdir(join(scratch, '@sluice'))
    await symlink(PACKAGE_FOLDER, join(scratch, '@sluice', 'plugin-host'), 'junction')
    const args = [compiler, entry, '--outFile', output, '--path', scratch, ...FLAGS]
    const { code, output: said } = await runProgram(process.execPath, args, { cwd: folder })
    if (code !== 0) throw new PluginBuildError(said)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
