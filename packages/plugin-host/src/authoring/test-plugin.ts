/** Builds a plugin and runs its tests with Node's own runner. */
import { resolve } from 'node:path'
import { buildPlugin } from './build-plugin.ts'
import { runProgram } from './run-program.ts'

/** Options of `testPlugin`. */
export interface TestPluginOptions {
  /** As in `buildPlugin`. */
  readonly cacheFolder?: string
  /** Whether what the tests print goes to this process's own output. @default false */
  readonly inherit?: boolean
}

/** How it went. */
export interface PluginTestRun {
  readonly passed: boolean
  /** What was printed; empty with `inherit`. */
  readonly output: string
}

/**
 * Runs the `*.test.mjs` of a plugin's folder.
 * @throws {PluginBuildError} where it does not build
 */
export async function testPlugin(folder: string, options: TestPluginOptions = {}): Promise<PluginTestRun> {
  const { cacheFolder, inherit = false } = options
  const cwd = resolve(folder)
  await buildPlugin(cwd, cacheFolder === undefined ? {} : { cacheFolder })
  const { code, output } = await runProgram(process.execPath, ['--test'], { cwd, inherit })
  return { passed: code === 0, output }
}
