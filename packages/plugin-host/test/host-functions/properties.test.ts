import { createProxy, defineSlot, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import {
  createPluginHarness,
  plugin,
  type HarnessManifest,
  type HarnessRequest,
  type HarnessRun,
} from '../../src/index.ts'
import { guest, hook } from '../guest.ts'

/** Instructions that copy properties into fields `p-0`, `p-1`, ...; `p-N: -M` where there is none. */
function reading(names: readonly string[]) {
  const texts = Object.fromEntries(
    names.flatMap((name, i) => [
      [`n${i}`, name],
      [`f${i}`, `p-${i}`],
    ]),
  )
  const code = names.map(
    (_, i) => `(local.set $length (call $get_property {n${i}} {buf} (i32.const 999)))
    (if (i32.lt_s (local.get $length) (i32.const 0))
      (then
        (i32.store8 {buf} (i32.const 45))
        (i32.store8 (i32.add {buf} (i32.const 1)) (i32.sub (i32.const 48) (local.get $length)))
        (local.set $length (i32.const 2))))
    (drop (call $set_header (local.get $kind) {f${i}} {buf} (local.get $length)))`,
  )
  return { texts, code: code.join('\n') }
}

const withLocals = (name: string, kind: number, code: string) =>
  `(func (export "${name}") (result i32) (local $length i32) (local $kind i32) (local.set $kind (i32.const ${kind})) ${code} (i32.const 0))`

const WRITE_P = { requestHeaders: { write: ['p-*'] }, replyHeaders: { write: ['p-*'] } }

async function read(names: readonly string[], manifest: HarnessManifest = {}, request: HarnessRequest = {}) {
  const { texts, code } = reading(names)
  const harness = await createPluginHarness(guest({ texts, code: withLocals('on_request_head', 0, code) }), {
    ...manifest,
    capabilities: { ...WRITE_P, ...manifest.capabilities },
  })
  const { requestDelta, faults } = await harness.run({ request })
  await harness.close()
  expect(faults).toEqual([])
  return names.map((_, i) => requestDelta.set[`p-${i}`])
}

async function write(
  name: string,
  value: string,
  { hook: at = 'on_request_head', grant = [name], failure = 'open' as const } = {},
): Promise<HarnessRun> {
  const code = hook(at, '(drop (call $set_property {name} {value}))')
  const harness = await createPluginHarness(guest({ texts: { name, value }, code }), {
    failure,
    capabilities: { properties: { write: grant } },
  })
  const run = await harness.run({ request: { target: '/users/1?full=1' } })
  await harness.close()
  return run
}

describe('properties', () => {
  it('say what the request is', async () => {
    const names = [
      'method',
      'target',
      'path',
      'query',
      'scheme',
      'authority',
      'protocol',
      'plugin.name',
      'plugin.version',
    ]
    const values = await read(
      names,
      { name: 'who', version: '1.2.3' },
      { method: 'PUT', target: '/a/%62?c=d', headers: { host: 'x.test:81' } },
    )
    expect(values).toEqual(['PUT', '/a/%62?c=d', '/a/b', 'c=d', 'http', 'x.test:81', '1.1', 'who', '1.2.3'])
  })

  it('that have to be granted are denied without it', async () => {
    const names = ['client.address', 'identity.subject', 'env.SLUICE_PLUGIN_TEST', 'env.PATH']
    process.env['SLUICE_PLUGIN_TEST'] = 'yes'
    expect(await read(names)).toEqual(['-2', '-2', '-2', '-2'])
    const granted = { capabilities: { properties: { read: ['client.*', 'identity.subject'] }, env: ['SLUICE_*'] } }
    expect(await read(names, granted, { address: '192.0.2.1' })).toEqual(['192.0.2.1', '-1', 'yes', '-2'])
  })

  it('that are not there are missing', async () => {
    expect(await read(['colour', 'status', 'exchange.error', '__proto__', 'route.params.id'])).toEqual(
      Array.from({ length: 5 }, () => '-1'),
    )
  })

  it('say where the exchange was routed, and who the client is', async () => {
    const { texts, code } = reading(['route.name', 'route.params.id', 'identity.subject'])
    const bytes = guest({ texts, code: withLocals('on_request_head', 0, code) })
    const middleware = plugin({
      name: 'reader',
      abi: 'sluice:v1',
      source: { bytes },
      capabilities: { ...WRITE_P, properties: { read: ['identity.*'] } },
    })
    const identity = defineSlot<{ readonly subject: string }>()('auth.identity')
    const proxy = createProxy().route({ path: '/users/:id', name: 'users' }, (route) =>
      route
        .use((exchange, next) => next(exchange.set(identity, { subject: 'alice' })))
        .use(middleware)
        .handle(({ request }) => Reply.json(request.headers)),
    )
    const reply = await proxy.inject({ path: '/users/m%C3%BCller' })
    expect(await reply.json()).toMatchObject({ 'p-0': 'users', 'p-1': 'm\u00C3\u00BCller', 'p-2': 'alice' })
    await middleware.close()
  })

  it('of the end of an exchange are there in on_log', async () => {
    const names = ['status', 'exchange.body_bytes', 'exchange.error', 'method']
    const texts = Object.fromEntries(names.map((name, i) => [`n${i}`, name]))
    const code = names.map(
      (_, i) => `(drop (call $log (i32.const 2) {buf} (call $get_property {n${i}} {buf} (i32.const 99))))`,
    )
    const harness = await createPluginHarness(
      guest({ texts: { ...texts }, code: hook('on_log', code.slice(0, 2).join('') + code[3]) }),
    )
    const run = await harness.run({ reply: { status: 201, body: 'hello' } })
    expect(run.logs.map(({ message }) => message)).toEqual(['201', '5', 'GET'])
    await harness.close()
  })
})

describe('writing a property', () => {
  it('changes what is forwarded', async () => {
    expect((await write('method', 'POST')).forwarded?.method).toBe('POST')
    expect((await write('target', '/x?y')).forwarded?.target).toBe('/x?y')
    expect((await write('path', '/x')).forwarded?.target).toBe('/x?full=1')
    expect((await write('query', 'a=b')).forwarded?.target).toBe('/users/1?a=b')
    expect((await write('query', '')).forwarded?.target).toBe('/users/1')
    expect((await write('status', '418', { hook: 'on_response_head' })).reply.status).toBe(418)
  })

  it('needs a grant', async () => {
    for (const name of ['method', 'target', 'path', 'query'])
      expect((await write(name, '/x', { grant: [] })).forwarded).toMatchObject({
        method: 'GET',
        target: '/users/1?full=1',
      })
    expect((await write('status', '404', { hook: 'on_response_head', grant: [] })).reply.status).toBe(200)
  })

  it('has no effect where it is too early, too late, or none that can be written', async () => {
    expect((await write('status', '404')).reply.status).toBe(200)
    expect((await write('target', '/x', { hook: 'on_response_head' })).forwarded?.target).toBe('/users/1?full=1')
    const none = await write('scheme', 'https', { grant: ['*'] })
    expect(none.faults).toEqual([])
  })

  it.each([
    ['method', 'GET / HTTP/1.1'],
    ['method', 'CONNECT'],
    ['method', ''],
    ['target', 'http://other.test/'],
    ['target', '//other.test/'],
    ['target', '/\\other.test/'],
    ['target', '/a b'],
    ['target', '/a\r\nX-Evil: 1'],
    ['target', '/a#b'],
    ['target', '/public/..%2fadmin'],
    ['target', '/a/../b'],
    ['path', '/a//b'],
    ['query', 'a\nb'],
  ])('%s with %j is a fault, and changes nothing', async (name, value) => {
    const { faults, forwarded } = await write(name, value)
    expect(faults.map(({ code }) => code)).toEqual(['ERR_SLUICE_PLUGIN_OUTPUT'])
    expect(forwarded).toMatchObject({ method: 'GET', target: '/users/1?full=1' })
  })

  it.each(['99', '199', '600', '101', '2e2', 'abc', '', '0x1F4'])('status with %j is a fault', async (value) => {
    const open = await write('status', value, { hook: 'on_response_head' })
    expect(open.faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_OUTPUT')
    expect(open.reply.status).toBe(200)
  })
})
