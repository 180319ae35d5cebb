/** Swaps a plugin a thousand times under load, and says what memory it had early and late. Run with `--expose-gc`. */
import { createProxy, Reply } from '@sluice/core'
import { resolveHostOptions } from '../../src/host/host-options.ts'
import { Host, PUBLISHING } from '../../src/host/plugin-host.ts'
import type { PluginManifest } from '../../src/index.ts'
import { guest, hook } from '../guest.ts'

const SWAPS = 1_000
const WARM_UP = 200

/** What they do; assembling takes longer than swapping. */
const MODULES = Array.from({ length: 8 }, (_, i) =>
  guest({
    texts: { name: 'x-version', value: String(i) },
    code:
      hook('on_request_head', '(drop (call $set_header (i32.const 0) {name} {value}))') + hook('on_response_head', ''),
  }),
)

const manifest = (i: number): PluginManifest => ({
  name: 'swapped',
  version: String(i),
  abi: 'sluice:v1',
  source: { bytes: Buffer.concat([MODULES[i % MODULES.length]!, customSection(String(i))]) },
  capabilities: { requestHeaders: { write: ['x-version'] } },
  // Most of a swap's time is the trial of the new version.
  selfTest: i % 10 === 0,
})

const host = new Host(resolveHostOptions({}), PUBLISHING)
await host.load(manifest(0))
const proxy = createProxy()
  .use(host.plugin('swapped'))
  .handle(({ request }) => Reply.text(request.headers.get('x-version') ?? 'none'))

let wrong = 0
const measured: { heapUsed: number; external: number; arrayBuffers: number }[] = []
for (let i = 1; i <= SWAPS; i++) {
  const swap = host.replace('swapped', manifest(i))
  const during = await (await proxy.inject()).text()
  await swap
  const after = await (await proxy.inject()).text()
  if (after !== nameOf(i) || (during !== nameOf(i) && during !== nameOf(i - 1))) wrong++
  if (i === WARM_UP || i === SWAPS) measured.push(await memory())
}
const { instances, swaps } = host.snapshot()[0]!
const { compiledModules } = host
await host.close()
console.log(JSON.stringify({ wrong, swaps, instances, compiledModules, early: measured[0], late: measured[1] }))

/** Makes each module another one, which has to be compiled. */
function customSection(text: string): Buffer {
  return Buffer.from([0, text.length + 2, 1, 'v'.charCodeAt(0), ...Buffer.from(text)])
}

function nameOf(i: number): string {
  return String(i % MODULES.length)
}

/** What is in use once all that can be freed was. */
async function memory() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return { heapUsed, external, arrayBuffers }
}
