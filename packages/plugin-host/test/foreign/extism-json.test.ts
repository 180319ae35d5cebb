import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { KERNEL_MODULE } from '../../src/foreign/extism-kernel-module.ts'
import { createPluginHarness, type HarnessManifest, type PluginCapabilities } from '../../src/index.ts'
import { assemble } from '../guest.ts'
import { extismGuest, harness } from './foreign-guests.ts'

const ECHO = extismGuest({
  code: `(func (export "on_request") (result i32) (call $echo) (i32.const 0))
    (func (export "on_response") (result i32) (call $echo) (i32.const 0))`,
})
const ALL: PluginCapabilities = {
  requestHeaders: { read: ['*'], write: ['*'] },
  replyHeaders: { read: ['*'], write: ['*'] },
  requestBody: 'buffer',
  replyBody: 'buffer',
  properties: { read: ['*'], write: ['*'] },
  respond: true,
}

/** A plugin that gives this for every request and reply. */
function giving(request: unknown, reply: unknown = {}): Uint8Array {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  return extismGuest({
    texts: { request: text(request), reply: text(reply) },
    code: `(func (export "on_request") (result i32) (call $give {request}) (i32.const 0))
      (func (export "on_response") (result i32) (call $give {reply}) (i32.const 0))`,
  })
}

describe('a classic plugin of Extism gets', () => {
  it('what simple-proxy gives: the head, with those fields that it may read', async () => {
    const { run } = await harness('extism-json', ECHO, {
      capabilities: { requestHeaders: { read: ['host', 'x-*'] }, replyHeaders: { read: ['set-cookie'] } },
    })
    const { logs } = await run({
      request: { target: '/a?b=c', headers: { 'X-A': '1', cookie: 'secret' } },
      reply: {
        status: 404,
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['x-b', '2'],
        ],
      },
    })
    expect(logs.map(({ message }) => JSON.parse(message) as unknown)).toEqual([
      { method: 'GET', uri: '/a?b=c', version: 'HTTP/1.1', headers: { host: ['localhost'], 'x-a': ['1'] }, body: null },
      { status: 404, version: 'HTTP/1.1', headers: { 'set-cookie': ['a=1', 'b=2'] }, body: null },
    ])
  })

  it("the fields within an object, as simple-proxy's own types want them, where the manifest says so", async () => {
    const manifest: HarnessManifest = { jsonHeaders: 'nested', capabilities: { requestHeaders: { read: ['host'] } } }
    const { run } = await harness('extism-json', ECHO, manifest)
    const { logs } = await run()
    expect(JSON.parse(logs[0]!.message)).toMatchObject({ headers: { headers: { host: ['localhost'] } } })
  })

  it('bodies and the address where they are granted: text as text, all else in base64', async () => {
    const { run } = await harness('extism-json', ECHO, { capabilities: ALL })
    const bytes = Buffer.from([0xff, 0x00, 0x01])
    const { logs, forwarded, reply } = await run({
      request: { method: 'POST', body: 'grüße', address: '192.0.2.7' },
      reply: { body: bytes },
    })
    expect(JSON.parse(logs[0]!.message)).toMatchObject({ body: 'grüße', client_address: '192.0.2.7' })
    expect(JSON.parse(logs[1]!.message)).toMatchObject({ body: null, body_base64: bytes.toString('base64') })
    expect(forwarded?.body).toBe('grüße')
    expect(reply.body).toBe(bytes.toString())
  })

  it('its configuration: text as it is, all else as JSON, and nothing for what is not there', async () => {
    const bytes = extismGuest({
      texts: { name: 'name', list: 'list', none: 'none' },
      code: `(func $say (param i64) (if (i64.ne (local.get 0) (i64.const 0)) (then (call $log_warn (local.get 0)))))
        (func (export "on_request") (result i32)
          (call $say (call $config_get (call $block {name})))
          (call $say (call $config_get (call $block {list})))
          (call $say (call $config_get (call $block {none})))
          (i32.const 0))`,
    })
    const { run } = await harness('extism-json', bytes, { config: { name: 'a b', list: [1, 2] } })
    expect((await run()).logs).toEqual([
      { level: 'warn', message: 'a b' },
      { level: 'warn', message: '[1,2]' },
    ])
  })

  it('its variables back at the next call', async () => {
    const bytes = extismGuest({
      code: `(func (export "on_request") (result i32) (call $echo) (i32.const 0))
        (func (export "on_response") (result i32)
          (call $log_info (call $var_get (call $block (i32.const 1000) (i32.const 4)))) (i32.const 0))`,
    })
    const { run } = await harness('extism-json', bytes)
    const { logs } = await run()
    expect(logs).toHaveLength(2)
    expect(logs[1]).toEqual(logs[0])
  })

  it('its variables back from another instance, as when the one before has failed', async () => {
    const bytes = extismGuest({
      code: `(func (export "on_request") (result i32) (local $last i64)
        (local.set $last (call $var_get (call $block (i32.const 1000) (i32.const 4))))
        (if (i64.eqz (local.get $last)) (then (call $echo) (unreachable)))
        (call $log_info (local.get $last))
        (i32.const 0))`,
    })
    const { run, snapshot } = await harness('extism-json', bytes, { instances: { max: 1, spares: 0 } })
    expect((await run()).faults).toHaveLength(1)
    const { faults, logs } = await run()
    expect([faults, logs.length, snapshot().instancesMade]).toEqual([[], 1, 2])
  })

  it('no more room for variables than is kept for an exchange', async () => {
    const code = '(func (export "on_request") (result i32) (call $echo) (i32.const 0))'
    const { run } = await harness('extism-json', extismGuest({ code }), { limits: { stateBytes: 20 } })
    expect((await run()).faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_LIMIT')
  })
})

describe('the output of a classic plugin', () => {
  it('changes the request: method, target, fields and body', async () => {
    const added = { 'x-a': ['1', '2'], 'x-b': 'one' }
    const delta = { method: 'PUT', uri: '/b?c', headers_to_add: added, headers_to_remove: ['cookie'], body: 'new' }
    const { run } = await harness('extism-json', giving(delta), { capabilities: ALL })
    const { forwarded, faults } = await run({
      request: { method: 'POST', headers: { cookie: 'a', 'x-a': '0' }, body: 'old' },
    })
    expect(faults).toEqual([])
    expect(forwarded).toMatchObject({ method: 'PUT', target: '/b?c', body: 'new' })
    expect(forwarded?.headers.getAll('x-a')).toEqual(['1', '2'])
    expect(forwarded?.headers.get('x-b')).toBe('one')
    expect(forwarded?.headers.has('cookie')).toBe(false)
  })

  it("changes the reply, in the form of simple-proxy's own types as well", async () => {
    const none = { method: null, uri: null, headers_to_add: null, headers_to_remove: null, body: null }
    const delta = {
      status: 418,
      headers_to_add: { headers: { 'x-a': ['1'] } },
      headers_to_remove: ['server'],
      body: [104, 105],
    }
    const { run } = await harness('extism-json', giving(none, delta), { capabilities: ALL })
    const { reply, faults } = await run({ reply: { headers: { server: 'x', 'content-digest': 'x' }, body: 'old' } })
    expect(faults).toEqual([])
    expect([reply.status, reply.body, reply.headers.get('x-a'), reply.headers.has('server')]).toEqual([
      418,
      'hi',
      '1',
      false,
    ])
    expect(reply.headers.has('content-digest')).toBe(false)
  })

  it('with a status is the answer to a request', async () => {
    const delta = { status: 403, headers_to_add: { 'x-why': ['no'] }, body: 'no\n' }
    const { run } = await harness('extism-json', giving(delta), { capabilities: { respond: true } })
    const { action, forwarded, reply } = await run()
    expect([action, forwarded, reply.status, reply.body]).toEqual(['respond', undefined, 403, 'no\n'])
    expect(reply.headers.get('x-why')).toBe('no')
  })

  it.each(['', '{}'])('that is %j changes nothing', async (output) => {
    const { run } = await harness('extism-json', giving(output))
    const { requestDelta, faults } = await run()
    expect([requestDelta.set, faults]).toEqual([{}, []])
  })

  it('costs fuel for each field that it names, beside what it takes to write it', async () => {
    const fuelOf = async (names: readonly string[]) => {
      const { run } = await harness('extism-json', giving({ headers_to_remove: names }), { capabilities: ALL })
      const { fuel, faults } = await run()
      expect(faults).toEqual([])
      return fuel
    }
    const many = Array.from({ length: 400 }, () => 'a')
    const one = ['a'.repeat(JSON.stringify(many).length - 4)]
    expect((await fuelOf(many)) - (await fuelOf(one))).toBe(399 * 200)
  })

  it.each<[string, unknown, PluginCapabilities, string]>([
    ['no JSON', 'nonsense', ALL, 'not JSON'],
    ['a list', [], ALL, 'no object'],
    ['a number as method', { method: 1 }, ALL, '"method"'],
    ['a status of no kind', { status: 99 }, ALL, '99 is no status'],
    ['a status without the grant', { status: 403 }, {}, 'capabilities.respond'],
    ['a field without the grant', { headers_to_add: { 'x-a': ['1'] } }, {}, 'capabilities.requestHeaders.write'],
    ['a removal without the grant', { headers_to_remove: ['x-a'] }, {}, 'capabilities.requestHeaders.write'],
    ['a field that is never written', { headers_to_add: { 'content-length': ['1'] } }, ALL, 'may not be written'],
    ['a line break', { headers_to_add: { 'x-a': ['1\r\nx-b: 2'] } }, ALL, ''],
    ['values of no kind', { headers_to_add: { 'x-a': [1] } }, ALL, 'no list of texts'],
    ['a method without the grant', { method: 'PUT' }, {}, 'capabilities.properties.write'],
    ['a target without the grant', { uri: '/b' }, {}, 'capabilities.properties.write'],
    ['a target of another host', { uri: '//evil.example' }, ALL, 'target'],
    ['a body without the grant', { body: 'x' }, {}, 'capabilities.requestBody'],
    ['a body of no kind', { body: { a: 1 } }, ALL, 'neither text nor a list of bytes'],
  ])('that has %s is a fault, and nothing of it stays', async (_, output, capabilities, problem) => {
    const manifest: HarnessManifest = { capabilities, failure: 'open' }
    const { run } = await harness('extism-json', giving(output), manifest)
    const { faults, forwarded, requestDelta } = await run()
    expect(faults.map(({ code }) => code)).toEqual(['ERR_SLUICE_PLUGIN_OUTPUT'])
    expect(faults[0]!.message).toContain(problem)
    expect([forwarded?.method, forwarded?.target, requestDelta.set]).toEqual(['GET', '/', {}])
  })
})

describe('a classic plugin that fails', () => {
  it('says why, with a result other than 0 and its error', async () => {
    const bytes = extismGuest({
      texts: { why: 'no tenant' },
      code: `(func (export "on_request") (result i32) (call $error_set (call $block {why})) (i32.const 1))`,
    })
    const { run } = await harness('extism-json', bytes)
    const { faults, reply } = await run()
    expect([faults[0]?.code, faults[0]?.message]).toEqual(['ERR_SLUICE_PLUGIN_TRAP', 'plugin "test": no tenant'])
    expect(reply.status).toBe(500)
  })

  it.each([
    ['spins', '(loop (br 0))', 'ERR_SLUICE_PLUGIN_FUEL'],
    ['allocates without end', '(loop (drop (call $alloc (i64.const 100000))) (br 0))', 'ERR_SLUICE_PLUGIN_LIMIT'],
    ['allocates more than there is', '(drop (call $alloc (i64.const -1)))', 'ERR_SLUICE_PLUGIN_TRAP'],
    ['gives more than it may', '(call $output_set (i64.const 8) (i64.const 9000))', 'ERR_SLUICE_PLUGIN_LIMIT'],
    ['gives what is not there', '(call $output_set (i64.const 70000) (i64.const 8000))', 'ERR_SLUICE_PLUGIN_TRAP'],
    ['reads beyond', '(drop (call $load_u64 (i64.const 0x7fffffff)))', 'ERR_SLUICE_PLUGIN_TRAP'],
    ['asks for HTTP', '(drop (call $http_request (i64.const 8) (i64.const 8)))', 'ERR_SLUICE_PLUGIN_OUTPUT'],
    ['leaves', '(call $proc_exit (i32.const 1))', 'ERR_SLUICE_PLUGIN_TRAP'],
  ])('since it %s is held within its limits, and the next call is fine', async (_, code, expected) => {
    const bytes = extismGuest({
      texts: { output: '{"headers_to_add":{"x-a":["1"]}}' },
      code: `(func (export "on_request") (result i32) ${code} (i32.const 0))
        (func (export "on_response") (result i32) (call $give {output}) (i32.const 0))`,
    })
    const manifest: HarnessManifest = {
      failure: 'open',
      hooks: ['on_request_head'],
      limits: { outputBytes: 8_000, fuel: 100_000 },
    }
    const { run } = await harness('extism-json', bytes, manifest)
    expect((await run()).faults.map(({ code }) => code)).toEqual([expected])
    const fine = await harness('extism-json', bytes, {
      hooks: ['on_response_head'],
      capabilities: { replyHeaders: { write: ['x-a'] } },
    })
    expect((await fine.run()).replyDelta.set).toEqual({ 'x-a': '1' })
  })

  it('is refused at load where it imports what is not there', async () => {
    const importing = (what: string) =>
      createPluginHarness(
        assemble(
          `(module ${what} (memory (export "memory") 1) (func (export "on_request") (result i32) (i32.const 0)))`,
        ),
        { abi: 'extism-json' },
      )
    for (const what of [
      '(import "sluice" "log" (func (param i32 i32 i32) (result i32)))',
      '(import "extism:host/env" "exec" (func))',
      '(import "extism:host/env" "alloc" (func (param i32) (result i32)))',
      '(import "extism:host/env" "toString" (func))',
    ])
      await expect(importing(what), what).rejects.toMatchObject({ code: 'ERR_SLUICE_PLUGIN_IMPORT' })
  })
})

describe("what a compiler's library imports of WASI", () => {
  it('is there: what is printed is logged, and a main that ends is no failure', async () => {
    const bytes = extismGuest({
      texts: { line: 'hello\n' },
      code: `(func (export "_start") (call $proc_exit (i32.const 0)))
        (func (export "on_request") (result i32)
          (i32.store (i32.const 4096) (i32.const {line.ptr})) (i32.store (i32.const 4100) (i32.const {line.length}))
          (drop (call $fd_write (i32.const 2) (i32.const 4096) (i32.const 1) (i32.const 4104)))
          (i32.add
            (i32.ne (i32.load (i32.const 4104)) (i32.const {line.length}))
            (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
              (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))))`,
    })
    const { run } = await harness('extism-json', bytes)
    const { faults, logs } = await run()
    expect([faults, logs]).toEqual([[], [{ level: 'warn', message: 'hello' }]])
  })
})

it("the kernel's bytes are those of its source", () => {
  const source = new URL('../../src/foreign/extism-kernel.wat', import.meta.url)
  expect(Buffer.from(KERNEL_MODULE).equals(assemble(readFileSync(source, 'utf8')))).toBe(true)
})
