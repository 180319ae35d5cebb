/** Swaps a plugin that has a thread of its own, and says whether any is left. It never calls `process.exit`, and closes nothing at its end. */
import { createProxy, Reply } from '@sluice/core'
import { createPluginHost, type PluginManifest } from '@sluice/plugin-host'
import { waitFor } from '@sluice/testing'
import { guest, hook } from '../guest.ts'

const swaps = Number(process.argv[2])
const versions = Array.from({ length: 2 }, (_, i) =>
  guest({
    texts: { name: 'x-version', value: String(i) },
    code: hook('on_request_head', '(drop (call $set_header (i32.const 0) {name} {value}))'),
  }),
)
const manifest = (i: number): PluginManifest => ({
  name: 'swapped',
  version: String(i),
  abi: 'sluice:v1',
  source: { bytes: versions[i % 2]! },
  isolation: 'worker',
  capabilities: { requestHeaders: { write: ['x-version'] } },
  selfTest: i === 1,
})

const host = createPluginHost()
await host.load(manifest(0))
const proxy = createProxy()
  .use(host.plugin('swapped'))
  .handle(({ request }) => Reply.text(request.headers.get('x-version') ?? 'none'))
let wrong = 0
for (let i = 1; i <= swaps; i++) {
  const swap = host.replace('swapped', manifest(i))
  const during = await (await proxy.inject()).text()
  await swap
  const after = await (await proxy.inject()).text()
  if (after !== String(i % 2) || (during !== after && during !== String((i - 1) % 2))) wrong++
}
const refusing = guest({ code: hook('on_request_head', '') + hook('on_init', '', 1) })
const refused = await host.replace('swapped', { ...manifest(0), source: { bytes: refusing } }).then(
  () => false,
  () => true,
)
const [state] = host.snapshot()
host.unload('swapped')
await waitFor(() => threads() === 0, { timeoutMs: 5_000, intervalMs: 20 })
console.log(JSON.stringify({ wrong, swaps: state!.swaps, refused, threads: threads() }))

// One that idles does not keep the process alive.
await host.load(manifest(0))

function threads(): number {
  const { workers } = process.report.getReport() as unknown as { readonly workers: readonly unknown[] }
  return workers.length
}
