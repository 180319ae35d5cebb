/** Plugins that do what a request asks for, one for each kit. */
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type BuiltPlugin, buildPlugin } from '../../src/authoring/index.ts'
import {
  createPluginHarness,
  type HarnessManifest,
  type HarnessOptions,
  type HarnessRequest,
  type HarnessRun,
  type PluginHarness,
} from '../../src/index.ts'

const KITS = fileURLToPath(new URL('../fixtures/kits', import.meta.url))
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache/plugins', import.meta.url))

const MANIFEST: HarnessManifest = {
  capabilities: {
    requestHeaders: { read: ['x-do', 'x-in', 'x-not-there', 'cookie'], write: ['x-in', 'x-out', 'x-more'] },
    replyHeaders: { read: ['set-cookie'], write: ['x-*'] },
    requestBody: 'buffer',
    properties: { read: ['client.address'], write: ['*'] },
    respond: true,
    kv: { prefixes: ['p:'], maxBytes: 1_000 },
    http: { hosts: ['api.example.com'] },
    metrics: 3,
  },
  limits: { memoryPages: 16, fuel: 5_000_000 },
}

const modules = new Map<string, Promise<BuiltPlugin>>()

/** The module of one of the folders. */
export function fixtureModule(name: string): Promise<BuiltPlugin> {
  const module = modules.get(name) ?? buildPlugin(`${KITS}/${name}`, { cacheFolder: CACHE })
  modules.set(name, module)
  return module
}

/** Closed when the test ends. */
export async function kitHarness(
  kit: string,
  changes: HarnessManifest = {},
  options: HarnessOptions = {},
): Promise<PluginHarness> {
  const { bytes } = await fixtureModule(kit)
  const harness = await createPluginHarness(bytes, { ...MANIFEST, ...changes }, options)
  onTestFinished(() => harness.close())
  return harness
}

/** Lets it do something. What comes out is in `x-out`. */
export async function run(
  kit: string,
  what: string,
  given?: string | readonly string[],
  request: HarnessRequest = {},
): Promise<HarnessRun & { readonly out: string | undefined }> {
  const harness = await kitHarness(kit)
  const headers: [string, string][] = [['x-do', what]]
  if (given !== undefined) for (const each of [given].flat()) headers.push(['x-in', each])
  const done = await harness.run({ request: { ...request, headers: [...headers, ...extra(request)] } })
  return { ...done, out: done.forwarded?.headers.get('x-out') }
}

function extra({ headers }: HarnessRequest): [string, string][] {
  return Object.entries((headers ?? {}) as Record<string, string>)
}
