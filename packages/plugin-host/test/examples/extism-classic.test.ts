/** In Extism itself, as any host of Extism's would run it; and in Sluice. */
import { createPlugin, type Plugin } from '@extism/extism'
import { describe, expect, onTestFinished, test } from 'vitest'
import { harnessOf, moduleOf } from './example-plugin.ts'

async function extism(config: Record<string, string> = {}): Promise<Plugin> {
  const { bytes } = await moduleOf('extism-classic')
  const plugin = await createPlugin({ wasm: [{ data: bytes }] }, { config, useWasi: false })
  onTestFinished(() => plugin.close())
  return plugin
}

async function request(host: unknown): Promise<unknown> {
  const input = { method: 'GET', uri: '/a?b=c', version: 'HTTP/1.1', headers: { accept: ['*/*'], host }, body: null }
  return (await (await extism()).call('on_request', JSON.stringify(input)))?.json()
}

// The first may have to wait for a compiler.
describe('the classic plugin of Extism', { timeout: 60_000 }, () => {
  test('makes the tenant of the first part of the host', async () => {
    expect(await request(['acme.example.com'])).toEqual({ headers_to_add: { 'x-tenant': ['acme'] } })
  })

  test.each([[['localhost']], [['.example.com']], [['a"b.example.com']], [['Ä.example.com']], [[]], [undefined]])(
    'takes away what a client says of itself where the host is %j',
    async (host) => {
      expect(await request(host)).toEqual({ headers_to_remove: ['x-tenant'] })
    },
  )

  test.each([
    [200, { 'x-served-by': ['sluice'] }],
    [503, { 'x-served-by': ['sluice'], 'cache-control': ['no-store'] }],
  ])('marks a reply of %i', async (status, added) => {
    const plugin = await extism({ 'served-by': 'sluice' })
    const output = await plugin.call('on_response', JSON.stringify({ status, version: 'HTTP/1.1', headers: {} }))
    expect(output?.json()).toEqual({ headers_to_add: added })
  })
})

describe('the classic plugin of Extism in Sluice', { timeout: 60_000 }, () => {
  test('makes the tenant of the first part of the host, and marks the reply', async () => {
    const harness = await harnessOf('extism-classic')
    const run = await harness.run({ request: { headers: { host: 'acme.example.com', 'x-tenant': 'other' } } })
    expect(run.faults).toEqual([])
    expect(run.requestDelta.set).toEqual({ 'x-tenant': 'acme' })
    expect(run.replyDelta.set).toEqual({ 'x-served-by': 'sluice' })
  })

  test('takes away what a client says of itself, and keeps failures out of caches', async () => {
    const harness = await harnessOf('extism-classic')
    const run = await harness.run({ request: { headers: { 'x-tenant': 'other' } }, reply: { status: 503 } })
    expect(run.requestDelta.removed).toEqual(['x-tenant'])
    expect(run.replyDelta.set).toEqual({ 'x-served-by': 'sluice', 'cache-control': 'no-store' })
  })

  test('serves as many exchanges as there are', async () => {
    const harness = await harnessOf('extism-classic')
    for (let i = 0; i < 500; i++) {
      const run = await harness.run({ request: { headers: { host: `t${i}.example.com` } } })
      expect(run.requestDelta.set).toEqual({ 'x-tenant': `t${i}` })
    }
  })

  test('faults where it may not write the tenant', async () => {
    const harness = await harnessOf('extism-classic', { capabilities: { requestHeaders: { read: ['host'] } } })
    const run = await harness.run({ request: { headers: { host: 'acme.example.com' } } })
    expect([run.action, run.reply.status]).toEqual(['fault', 500])
  })
})
