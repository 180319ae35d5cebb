/** An example plugin as its folder has it: its manifest, its source built (or found built), in a harness. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type BuiltPlugin, buildPlugin } from '../../src/authoring/index.ts'
import {
  createPluginHarness,
  type HarnessManifest,
  type HarnessOptions,
  parseManifest,
  type PluginHarness,
} from '../../src/index.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))
/** The one that `npm test` has filled before. */
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache/plugins', import.meta.url))

const modules = new Map<string, Promise<BuiltPlugin>>()

/** Its module. */
export function moduleOf(name: string): Promise<BuiltPlugin> {
  const module = modules.get(name) ?? buildPlugin(`${EXAMPLES}/${name}`, { cacheFolder: CACHE })
  modules.set(name, module)
  return module
}

/** Closed when the test ends. */
export async function harnessOf(
  name: string,
  changes: HarnessManifest = {},
  options: HarnessOptions = {},
): Promise<PluginHarness> {
  const { bytes } = await moduleOf(name)
  const manifest = parseManifest(readFileSync(`${EXAMPLES}/${name}/plugin.yaml`, 'utf8'))
  const harness = await createPluginHarness(bytes, { ...manifest, ...changes }, options)
  onTestFinished(() => harness.close())
  return harness
}
