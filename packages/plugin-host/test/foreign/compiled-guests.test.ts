import { createProxy, InternalError } from '@sluice/core'
/** Guests that know nothing of this host, from compilers and kits as they are: in C by the letter of http-wasm, in AssemblyScript with Extism's kit. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPluginHarness, type HarnessManifest, plugin, type PluginCapabilities } from '../../src/index.ts'
import { fixtureModule } from '../kits/kit-plugin.ts'

const ALL: PluginCapabilities = {
  requestHeaders: { read: ['*'], write: ['*'] },
  replyHeaders: { read: ['*'], write: ['*'] },
  requestBody: 'buffer',
  replyBody: 'buffer',
  properties: { read: ['*'], write: ['*'] },
  respond: true,
}

async function harness(name: string, manifest: HarnessManifest) {
  const { bytes } = await fixtureModule(name)
  const made = await createPluginHarness(bytes, { capabilities: ALL, ...manifest })
  onTestFinished(() => made.close())
  return made
}

describe.each(['inline', 'worker'] as const)(
  'a guest in C, by the letter of http-wasm, %s',
  { timeout: 60_000 },
  (isolation) => {
    const limits = isolation === 'worker' ? { computeMs: 20_000 } : {}
    const manifest: HarnessManifest = { abi: 'http-wasm', config: { a: 1 }, isolation, limits }

    it('sees and replaces heads and bodies, and hands its number on', async () => {
      const { run } = await harness('http-wasm', manifest)
      const headers = { 'x-many': 'one', 'x-gone': '1', 'x-a': 'b' }
      const { faults, forwarded, reply, logs } = await run({
        request: { method: 'POST', target: '/a', headers, body: 'hello, world', address: '192.0.2.7' },
        reply: { status: 201, body: 'made of words', headers: { 'x-reply': '1' } },
      })
      expect(faults).toEqual([])
      expect(forwarded).toMatchObject({ method: 'PUT', target: '/elsewhere?a=b', body: 'dlrow ,olleh' })
      expect(forwarded!.headers.toJSON()).toMatchObject({
        'x-features': '3',
        'x-names': '6',
        'x-many': ['one', 'two'],
        'x-many-count': '2',
        'x-source': '192.0.2.7:0',
        'x-version': 'HTTP/1.1',
        'x-config': '{"a":1}',
      })
      expect(forwarded!.headers.has('x-gone')).toBe(false)
      expect(logs[0]?.message.trim().split(' ').toSorted()).toEqual([
        'content-length',
        'host',
        'x-a',
        'x-features',
        'x-gone',
        'x-many',
      ])
      expect([reply.status, reply.body, reply.headers.get('x-context')]).toEqual([202, 'MADE OF WORDS', '1012'])
    })

    it('takes bodies of any length, and none at all', async () => {
      const { run } = await harness('http-wasm', manifest)
      const body = 'abcdefghij'.repeat(20_000)
      const { faults, forwarded, reply } = await run({ request: { method: 'POST', body }, reply: { body } })
      expect(faults).toEqual([])
      expect(forwarded?.body === 'jihgfedcba'.repeat(20_000)).toBe(true)
      expect([reply.body === body.toUpperCase(), reply.headers.get('x-context')]).toEqual([true, '201000'])
      expect((await run()).reply).toMatchObject({ status: 201, body: '' })
    })

    it('answers by itself', async () => {
      const { run } = await harness('http-wasm', manifest)
      const own = await run({ request: { target: '/r___c' } })
      expect([own.action, own.forwarded, own.reply.status, own.reply.body]).toEqual([
        'respond',
        undefined,
        418,
        'short and stout',
      ])
      expect(own.reply.headers.get('x-own')).toBe('yes')
    })

    it('hears of an exchange that failed', async () => {
      const lines: string[] = []
      const { bytes } = await fixtureModule('http-wasm')
      const middleware = plugin(
        { name: 'letter', selfTest: false, capabilities: ALL, ...manifest, abi: 'http-wasm', source: { bytes } },
        { onLog: ({ level, message }) => lines.push(`${level} ${message}`) },
      )
      onTestFinished(() => middleware.close())
      const proxy = createProxy()
        .use(middleware)
        .handle(() => {
          throw new InternalError('ERR_SLUICE_NO_TARGET')
        })
      expect((await proxy.inject()).status).toBe(503)
      expect(lines.at(-1)).toBe('error it has failed')
    })
  },
)

describe("a plugin with our hooks and Extism's kit from npm", { timeout: 60_000 }, () => {
  const manifest: HarnessManifest = { abi: 'sluice:v1', config: { name: 'acme', other: { a: 1 } } }

  it('has configuration, variables and lines', async () => {
    const { run } = await harness('extism', manifest)
    const counts = []
    for (const headers of [{}, {}, { 'x-forget': '1' }, {}]) {
      const { faults, forwarded, logs } = await run({ request: { headers } })
      expect(faults).toEqual([])
      expect(logs).toEqual([{ level: 'warn', message: 'input of 0' }])
      expect([forwarded!.headers.get('x-name'), forwarded!.headers.get('x-missing')]).toEqual(['acme', 'none'])
      counts.push(forwarded!.headers.get('x-count'))
    }
    expect(counts).toEqual(['1', '2', '3', '1'])
  })

  it('gets the body as input, and gives another as output', async () => {
    const { run } = await harness('extism', manifest)
    expect((await run({ request: { method: 'POST', body: 'abc' } })).forwarded?.body).toBe('abc and 3')
    expect((await run({ request: { method: 'POST', body: 'leave' } })).forwarded?.body).toBe('leave')
  })
})
