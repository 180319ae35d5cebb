/** The plugin in a harness: the code that runs it in the proxy, without sockets. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { createPluginHarness, parseManifest } from '@sluice/plugin-host'

const manifest = parseManifest(readFileSync(new URL('plugin.yaml', import.meta.url), 'utf8'))
const module = readFileSync(new URL('dist/plugin.wasm', import.meta.url))
const harness = await createPluginHarness(module, manifest)
after(() => harness.close())

test('greets in every reply', async () => {
  const run = await harness.run()
  assert.equal(run.action, 'continue')
  assert.deepEqual(run.replyDelta.set, { 'x-greeting': 'hello' })
  console.log(`fuel of this exchange: ${run.fuel}`)
})

test('refuses what is forbidden', async () => {
  const run = await harness.run({ request: { headers: { 'x-forbidden': '1' } } })
  assert.equal(run.action, 'respond')
  assert.equal(run.forwarded, undefined)
  assert.equal(run.reply.status, 403)
})
