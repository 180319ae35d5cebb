import { createProxy, InternalError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { createPluginHarness, type HarnessManifest, plugin, type PluginCapabilities } from '../../src/index.ts'
import { assemble } from '../guest.ts'
import { BUFFER, harness, httpWasmGuest } from './foreign-guests.ts'

const ALL: PluginCapabilities = {
  requestHeaders: { read: ['*'], write: ['*'] },
  replyHeaders: { read: ['*'], write: ['*'] },
  requestBody: 'buffer',
  replyBody: 'buffer',
  properties: { read: ['*'], write: ['*'] },
  respond: true,
}

/** A `handle_request` that returns this. */
const onRequest = (code: string, result = '(i64.const 1)') =>
  `(func (export "handle_request") (result i64) ${code} ${result})`
const onResponse = (code: string) => `(func (export "handle_response") (param $number i32) (param $error i32) ${code})`
/** Logs so many bytes of the buffer. */
const SAY = `(func $say (param i32) (call $log (i32.const 0) {buf} (local.get 0)))
  (func $say_list (param i64) (call $say (i32.wrap_i64 (local.get 0)))
    (i32.store8 {buf} (i32.add (i32.const 48) (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))))
    (call $say (i32.const 1)))`

async function logsOf(code: string, manifest: HarnessManifest, exchange = {}, texts = {}): Promise<readonly string[]> {
  const { run } = await harness('http-wasm', httpWasmGuest({ texts, code: `${SAY} ${code}` }), manifest)
  const { logs, faults } = await run(exchange)
  expect(faults).toEqual([])
  return logs.map(({ message }) => message)
}

describe('a guest of http-wasm reads', () => {
  it('method, URI, version, address and configuration', async () => {
    const calls = ['get_method', 'get_uri', 'get_protocol_version', 'get_source_addr', 'get_config']
    const code = onRequest(calls.map((name) => `(call $say (call $${name} {buf} (i32.const 100)))`).join(' '))
    const manifest: HarnessManifest = {
      config: { a: 1 },
      capabilities: { properties: { read: ['client.address'] } },
    }
    const request = { method: 'PUT', target: '/a?b=c', address: '2001:db8::1' }
    const logs = await logsOf(code, manifest, { request })
    expect(logs).toEqual(['PUT', '/a?b=c', 'HTTP/1.1', '[2001:db8::1]:0', '{"a":1}'])
  })

  it('a configuration that is text as it is', async () => {
    const code = onRequest('(call $say (call $get_config {buf} (i32.const 100)))')
    expect(await logsOf(code, { config: 'enabled=1\n' })).toEqual(['enabled=1\n'])
  })

  it('nothing into a buffer that is too short, but the length', async () => {
    const code = `(func (export "handle_request") (result i64)
      (i32.store8 {buf} (i32.const 46))
      (call $say (i32.const 1))
      (if (i32.ne (call $get_uri {buf} (i32.const 3)) (i32.const 4)) (then (unreachable)))
      (call $say (i32.const 1))
      (i64.const 1))`
    expect(await logsOf(code, {}, { request: { target: '/abc' } })).toEqual(['.', '.'])
  })

  it('names and values, as texts with a NUL behind each', async () => {
    const manifest: HarnessManifest = { capabilities: { requestHeaders: { read: ['x-*'] } } }
    const headers = [
      ['X-A', '1'],
      ['x-b', '2'],
      ['x-a', '3'],
      ['cookie', 'secret'],
    ] as const
    const code = onRequest(`(call $say_list (call $get_header_names (i32.const 0) {buf} (i32.const 100)))
      (call $say_list (call $get_header_values (i32.const 0) {name} {buf} (i32.const 100)))
      (call $say_list (call $get_header_values (i32.const 0) {secret} {buf} (i32.const 100)))
      (call $say_list (call $get_header_values (i32.const 2) {name} {buf} (i32.const 100)))`)
    const logs = await logsOf(code, manifest, { request: { headers } }, { name: 'X-a', secret: 'cookie' })
    expect(logs).toEqual(['x-a\0x-b\0', '2', '1\x003\0', '2', '', '0', '', '0'])
  })

  it('the body of the request piece by piece, and the proxy has it still', async () => {
    const bytes = httpWasmGuest({
      code: `${SAY} ${onRequest(`
        (call $say_list (call $read_body (i32.const 0) {buf} (i32.const 3)))
        (call $say_list (call $read_body (i32.const 0) {buf} (i32.const 3)))
        (call $say_list (call $read_body (i32.const 0) {buf} (i32.const 3)))`)}`,
    })
    const { run } = await harness('http-wasm', bytes, { capabilities: { requestBody: 'buffer' } })
    const { logs, forwarded } = await run({ request: { method: 'POST', body: 'abcde' } })
    expect(logs.map(({ message }) => message)).toEqual(['abc', '0', 'de', '1', '', '1'])
    expect(forwarded?.body).toBe('abcde')
  })

  it('status, fields and body of the reply, with the number that it gave', async () => {
    const code = `${onRequest('', '(i64.or (i64.shl (i64.const 77) (i64.const 32)) (i64.const 1))')}
      ${onResponse(`
        (if (i32.ne (local.get $number) (i32.const 77)) (then (unreachable)))
        (if (local.get $error) (then (unreachable)))
        (if (i32.ne (call $get_status_code) (i32.const 404)) (then (unreachable)))
        (call $say_list (call $get_header_values (i32.const 1) {name} {buf} (i32.const 100)))
        (call $say_list (call $read_body (i32.const 1) {buf} (i32.const 100)))`)}`
    const reply = { status: 404, headers: { 'x-a': '1' }, body: 'none' }
    expect(await logsOf(code, { capabilities: ALL }, { reply }, { name: 'x-a' })).toEqual(['1\0', '1', 'none', '1'])
  })

  it.each([
    [{}, 0],
    [{ requestBody: 'buffer' } as const, 1],
    [{ requestBody: 'buffer', replyBody: 'buffer' } as const, 3],
  ])('of features what is granted: %j', async (capabilities, features) => {
    const code = onRequest(`(i32.store8 {buf} (i32.add (i32.const 48) (call $enable_features (i32.const 7))))
      (call $say (i32.const 1))`)
    expect(await logsOf(code, { capabilities })).toEqual([String(features)])
  })
})

describe('a guest of http-wasm writes', () => {
  it('the request: method, URI, fields and body', async () => {
    const bytes = httpWasmGuest({
      texts: { method: 'PUT', uri: '/b?c', a: 'x-a', one: '1', two: '2', cookie: 'cookie' },
      code: onRequest(`(call $set_method {method}) (call $set_uri {uri})
        (call $set_header_value (i32.const 0) {a} {one}) (call $add_header_value (i32.const 0) {a} {two})
        (call $remove_header (i32.const 0) {cookie})
        (call $write_body (i32.const 0) {one}) (call $write_body (i32.const 0) {two})`),
    })
    const { run } = await harness('http-wasm', bytes, { capabilities: ALL })
    const { forwarded, faults } = await run({
      request: { method: 'POST', headers: { cookie: 'a', 'x-a': '0' }, body: 'old' },
    })
    expect(faults).toEqual([])
    expect(forwarded).toMatchObject({ method: 'PUT', target: '/b?c', body: '12' })
    expect(forwarded?.headers.getAll('x-a')).toEqual(['1', '2'])
    expect(forwarded?.headers.has('cookie')).toBe(false)
  })

  it('the reply: status, fields and body, and fields before there is one', async () => {
    const bytes = httpWasmGuest({
      texts: { a: 'x-a', b: 'x-b', one: '1', two: '2', server: 'server' },
      code: `${onRequest('(call $set_header_value (i32.const 1) {a} {one})')}
        ${onResponse(`(call $set_status_code (i32.const 418))
          (call $set_header_value (i32.const 1) {b} {two}) (call $remove_header (i32.const 1) {server})
          (call $write_body (i32.const 1) {one}) (call $write_body (i32.const 1) {two})`)}`,
    })
    const { run } = await harness('http-wasm', bytes, { capabilities: ALL })
    const { reply, replyDelta, faults } = await run({ reply: { headers: { server: 'x' }, body: 'old' } })
    expect(faults).toEqual([])
    expect([reply.status, reply.body, replyDelta]).toEqual([
      418,
      '12',
      { set: { 'x-a': '1', 'x-b': '2' }, removed: ['server'] },
    ])
  })

  it('a reply of its own, in the place of what is further inside', async () => {
    const bytes = httpWasmGuest({
      texts: { a: 'location', b: '/there', body: 'gone there' },
      code: `${onRequest(
        `(call $set_status_code (i32.const 302)) (call $set_header_value (i32.const 1) {a} {b})
         (call $write_body (i32.const 1) {body})`,
        '(i64.const 0)',
      )} ${onResponse('(unreachable)')}`,
    })
    const { run } = await harness('http-wasm', bytes, { capabilities: { respond: true } })
    const { action, forwarded, reply } = await run()
    expect([action, forwarded, reply.status, reply.body]).toEqual(['respond', undefined, 302, 'gone there'])
    expect(reply.headers.get('location')).toBe('/there')
  })

  it('an empty reply of 200 where it says nothing', async () => {
    const bytes = httpWasmGuest({ code: onRequest('', '(i64.const 0)') })
    const { run } = await harness('http-wasm', bytes, { capabilities: { respond: true } })
    const { reply } = await run({ reply: { status: 500 } })
    expect([reply.status, reply.body]).toEqual([200, ''])
  })
})

describe('handle_response', () => {
  it('hears of exchanges that failed', async () => {
    const lines: string[] = []
    const bytes = httpWasmGuest({
      texts: { yes: 'failed' },
      code: `${onRequest('')} ${onResponse('(if (local.get $error) (then (call $log (i32.const 2) {yes})))')}`,
    })
    const middleware = plugin(
      { name: 'hearing', abi: 'http-wasm', source: { bytes } },
      { onLog: ({ level, message }) => lines.push(`${level} ${message}`) },
    )
    await middleware.ready
    const proxy = createProxy()
      .use(middleware)
      .handle(() => {
        throw new InternalError('ERR_SLUICE_NO_TARGET')
      })
    expect((await proxy.inject({ path: '/' })).status).toBe(503)
    expect(lines).toEqual(['error failed'])
    await middleware.close()
  })
})

describe('what a guest of http-wasm may not do is a fault, and nothing of it stays', () => {
  const set = (kind: number) => `(call $set_header_value (i32.const ${kind}) {a} {one})`
  it.each<[string, string, PluginCapabilities, string]>([
    ['a field of the request', set(0), {}, 'capabilities.requestHeaders.write'],
    ['a field of a reply that goes on', set(1), {}, 'capabilities.replyHeaders.write'],
    ['a trailer', set(3), ALL, 'trailers'],
    ['the removal of a field', '(call $remove_header (i32.const 0) {a})', {}, 'capabilities.requestHeaders.write'],
    ['framing', '(call $set_header_value (i32.const 0) {framing} {one})', ALL, 'may not be written'],
    ['framing of its reply', '(call $set_header_value (i32.const 1) {framing} {one})', ALL, 'may not be written'],
    ['a line break', '(call $set_header_value (i32.const 0) {a} {break})', ALL, ''],
    ['a method', '(call $set_method {one})', {}, 'capabilities.properties.write'],
    ['no method', '(call $set_method {break})', ALL, 'no method'],
    ['a target', '(call $set_uri {one})', {}, 'capabilities.properties.write'],
    ['a status of no kind', '(call $set_status_code (i32.const 99))', ALL, '99 is no status'],
    ['a body', '(call $write_body (i32.const 0) {one})', {}, 'capabilities.requestBody'],
    ['reading a body', '(drop (call $read_body (i32.const 0) {buf} (i32.const 1)))', {}, 'capabilities.requestBody'],
    ['reading into no room', '(drop (call $read_body (i32.const 0) {buf} (i32.const 0)))', ALL, 'no room'],
    ['the address', '(drop (call $get_source_addr {buf} (i32.const 100)))', {}, 'client.address'],
  ])('%s', async (_, code, capabilities, problem) => {
    const bytes = httpWasmGuest({
      texts: { a: 'x-a', one: '1', framing: 'content-length', break: 'a\r\nb: c' },
      code: onRequest(`(call $set_status_code (i32.const 201)) ${code}`),
    })
    const { run } = await harness('http-wasm', bytes, { capabilities, failure: 'open' })
    const { faults, forwarded, requestDelta, reply } = await run()
    expect(faults.map(({ code }) => code)).toEqual(['ERR_SLUICE_PLUGIN_OUTPUT'])
    expect(faults[0]!.message).toContain(problem)
    expect([forwarded?.method, requestDelta.set, reply.status]).toEqual(['GET', {}, 200])
  })

  it('an answer without the grant, and a next that is neither 0 nor 1', async () => {
    for (const [result, capabilities, problem] of [
      ['(i64.const 0)', {}, 'capabilities.respond'],
      ['(i64.const 2)', ALL, 'neither 0 nor 1'],
    ] as const) {
      const { run } = await harness('http-wasm', httpWasmGuest({ code: onRequest('', result) }), { capabilities })
      const { faults, reply } = await run()
      expect([faults[0]?.code, reply.status]).toEqual(['ERR_SLUICE_PLUGIN_OUTPUT', 500])
      expect(faults[0]?.message).toContain(problem)
    }
  })

  it.each([
    ['a spin', '(loop (br 0))', 'ERR_SLUICE_PLUGIN_FUEL'],
    ['a trap', '(unreachable)', 'ERR_SLUICE_PLUGIN_TRAP'],
    ['an address outside', `(drop (call $get_uri (i32.const ${16 * BUFFER}) (i32.const 9)))`, 'ERR_SLUICE_PLUGIN_TRAP'],
    ['a body without end', '(loop (call $write_body (i32.const 1) {text}) (br 0))', 'ERR_SLUICE_PLUGIN_LIMIT'],
  ])('%s', async (_, code, expected) => {
    const bytes = httpWasmGuest({ texts: { text: 'x'.repeat(999) }, code: onRequest(code) })
    const { run } = await harness('http-wasm', bytes, { limits: { outputBytes: 5_000, fuel: 100_000 } })
    const { faults, reply } = await run()
    expect([faults.map(({ code }) => code), reply.status]).toEqual([[expected], 500])
  })

  it('a body that is longer than it takes', async () => {
    const bytes = httpWasmGuest({ code: `${onRequest('')} ${onResponse('')}` })
    const small: HarnessManifest = { capabilities: { requestBody: { buffer: 3 }, replyBody: { buffer: 3 } } }
    const closed = await harness('http-wasm', bytes, small)
    expect((await closed.run({ request: { method: 'POST', body: 'abcd' } })).reply.status).toBe(413)
    expect((await closed.run({ reply: { body: 'abcd' } })).reply.status).toBe(500)
    const open = await harness('http-wasm', bytes, { ...small, failure: 'open' })
    const passed = await open.run({ request: { method: 'POST', body: 'abcd' }, reply: { body: 'efgh' } })
    expect([passed.forwarded?.body, passed.reply.body]).toEqual(['abcd', 'efgh'])
  })
})

describe('a module for http-wasm is refused at load', () => {
  const BODY = '(memory (export "memory") 1) (func (export "handle_request") (result i64) (i64.const 1))'
  it.each([
    ['for an import of another module', `(import "sluice" "now_ms" (func (result f64))) ${BODY}`, 'IMPORT'],
    ['for one that does not exist', `(import "http_handler" "exec" (func)) ${BODY}`, 'IMPORT'],
    ['for one of another type', `(import "http_handler" "get_uri" (func (param i32))) ${BODY}`, 'IMPORT'],
    ['for one that is no function', `(import "http_handler" "log" (global i32)) ${BODY}`, 'IMPORT'],
    ['without a memory', '(func (export "handle_request") (result i64) (i64.const 1))', 'ABI'],
    ['without a hook', '(memory (export "memory") 1)', 'ABI'],
    ['with a hook of another type', '(memory (export "memory") 1) (func (export "handle_request"))', 'ABI'],
  ])('%s', async (_, wat, code) => {
    const loading = createPluginHarness(assemble(`(module ${wat})`), { abi: 'http-wasm' })
    await expect(loading).rejects.toMatchObject({ code: `ERR_SLUICE_PLUGIN_${code}` })
  })
})
