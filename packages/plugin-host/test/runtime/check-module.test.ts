import type { PluginError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { createPluginHarness, type HarnessManifest } from '../../src/index.ts'
import { assemble, guest, hook } from '../guest.ts'

const HEAD = hook('on_request_head', '')

async function refusal(bytes: Uint8Array, manifest: HarnessManifest = {}): Promise<PluginError> {
  try {
    await createPluginHarness(bytes, manifest)
  } catch (error) {
    return error as PluginError
  }
  throw new Error('it was taken')
}

const importing = (what: string) => assemble(`(module ${what} (memory (export "memory") 1) ${HEAD})`)

describe('an import', () => {
  it.each([
    ['respond', '(drop (call $respond {buf} (i32.const 0) {buf} (i32.const 0) (i32.const 0)))', { respond: true }],
    ['kv', '(drop (call $kv_delete {buf} (i32.const 0)))', { kv: { prefixes: ['a'] } }],
    ['http', '(drop (call $http_request {buf} (i32.const 0)))', { http: { hosts: ['a.test'] } }],
    ['metrics', '(drop (call $metric (i32.const 0) {buf} (i32.const 0) (f64.const 1)))', { metrics: true }],
  ] as const)(
    'that needs capabilities.%s is refused without it, and taken with it',
    async (grant, call, capabilities) => {
      // Not called: what is imported counts.
      const bytes = guest({ code: `${HEAD} (func $never ${call})` })
      const error = await refusal(bytes)
      expect(error.code).toBe('ERR_SLUICE_PLUGIN_IMPORT')
      expect(error.message).toContain(`capabilities.${grant}`)
      await (await createPluginHarness(bytes, { capabilities })).close()
    },
  )

  it.each([
    ['(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))', 'the only modules'],
    ['(import "extism:host/env" "alloc" (func (param i32) (result i64)))', 'it is (i64) -> i64'],
    ['(import "extism:host/env" "exec" (func))', 'does not exist'],
    ['(import "sluice" "exec" (func))', 'does not exist'],
    ['(import "sluice" "__proto__" (func))', 'does not exist'],
    ['(import "sluice" "log" (func (param i32)))', 'it is (i32, i32, i32) -> i32'],
    ['(import "sluice" "now_ms" (func (result i64)))', 'it is () -> f64'],
    ['(import "sluice" "log" (global i32))', 'only functions are given'],
    ['(import "env" "seed" (func (result f64)))', 'the only module'],
    ['(import "env" "abort" (func))', 'another type'],
  ])('%s is refused', async (what, problem) => {
    const error = await refusal(importing(what))
    expect(error.code).toBe('ERR_SLUICE_PLUGIN_IMPORT')
    expect(error.plugin).toBe('test')
    expect(error.message).toContain(problem)
  })

  it('of a memory is refused', async () => {
    const bytes = assemble(`(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)) ${HEAD})`)
    expect(['ERR_SLUICE_PLUGIN_IMPORT', 'ERR_SLUICE_PLUGIN_MODULE']).toContain((await refusal(bytes)).code)
  })

  it("of AssemblyScript's abort is a trap that says its message", async () => {
    const text = Buffer.from('no way', 'utf16le').toString('latin1')
    const at = 2_004
    const bytes = assemble(`(module (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const ${at - 4}) "${[text.length, 0, 0, 0].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")
      (data (i32.const ${at}) "${[...Buffer.from(text, 'latin1')].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")
      ${hook('on_request_head', `(call $abort (i32.const ${at}) (i32.const 0) (i32.const 3) (i32.const 4))`)})`)
    const harness = await createPluginHarness(bytes)
    const { faults } = await harness.run()
    expect(faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_TRAP')
    expect(faults[0]?.message).toContain('no way')
    await harness.close()
  })
})

describe('a module', () => {
  it.each([
    ['that is none', Buffer.from('not wasm'), 'ERR_SLUICE_PLUGIN_MODULE'],
    ['that is empty', Buffer.alloc(0), 'ERR_SLUICE_PLUGIN_MODULE'],
    ['that is cut short', guest({ code: HEAD }).subarray(0, 40), 'ERR_SLUICE_PLUGIN_MODULE'],
    ['without a memory', assemble(`(module ${HEAD})`), 'ERR_SLUICE_PLUGIN_ABI'],
    ['without a hook', guest({ code: '' }), 'ERR_SLUICE_PLUGIN_ABI'],
    ['with a hook of another type', guest({ code: '(func (export "on_request_head"))' }), 'ERR_SLUICE_PLUGIN_ABI'],
    [
      'with a hook that is no function',
      guest({ code: `${HEAD} (global (export "on_log") i32 (i32.const 0))` }),
      'ERR_SLUICE_PLUGIN_ABI',
    ],
    ['that begins with more memory than allowed', guest({ code: HEAD, pages: 300 }), 'ERR_SLUICE_PLUGIN_MODULE'],
  ])('%s is refused', async (_, bytes, code) => {
    const error = await refusal(bytes)
    expect(error.code).toBe(code)
    expect(error.plugin).toBe('test')
  })

  it('without a hook that the manifest lists is refused', async () => {
    const error = await refusal(guest({ code: HEAD }), { hooks: ['on_request_head', 'on_response_head'] })
    expect(error.code).toBe('ERR_SLUICE_PLUGIN_ABI')
    expect(error.message).toContain('on_response_head')
  })

  it('is called at those hooks alone that the manifest lists', async () => {
    const harness = await createPluginHarness(guest({ code: `${HEAD} ${hook('on_response_head', '')}` }), {
      hooks: ['on_response_head'],
    })
    expect((await harness.run()).calls.map(({ hook }) => hook)).toEqual(['on_response_head'])
    await harness.close()
  })

  it('whose start function never ends is refused', async () => {
    const bytes = guest({ code: `(func $spin (loop (br 0))) (start $spin) ${HEAD}` })
    const error = await refusal(bytes, { limits: { initFuel: 10_000 } })
    expect(error.code).toBe('ERR_SLUICE_PLUGIN_REFUSED')
  })

  it('whose start function is fine is started, before on_init', async () => {
    const code = `(global $order (mut i32) (i32.const 0))
      (func $begin (global.set $order (i32.const 7))) (start $begin)
      (func (export "on_init") (result i32) (i32.ne (global.get $order) (i32.const 7)))
      ${HEAD}`
    await (await createPluginHarness(guest({ code }))).close()
  })
})

describe.each(['_initialize', '_start'])('%s', (name) => {
  it('runs after the start function and before on_init, with fuel, and with the host', async () => {
    const code = `(global $order (mut i32) (i32.const 1))
      (func $begin (global.set $order (i32.mul (global.get $order) (i32.const 2)))) (start $begin)
      (func (export "${name}")
        (global.set $order (i32.add (global.get $order) (i32.const 5)))
        (drop (call $log (i32.const 2) {line})))
      (func (export "on_init") (result i32) (i32.ne (global.get $order) (i32.const 7)))
      ${HEAD}`
    await (await createPluginHarness(guest({ texts: { line: 'here' }, code }))).close()
  })

  it('that never ends is refused', async () => {
    const bytes = guest({ code: `(func (export "${name}") (loop (br 0))) ${HEAD}` })
    expect((await refusal(bytes, { limits: { initFuel: 10_000 } })).code).toBe('ERR_SLUICE_PLUGIN_REFUSED')
  })
})

describe('on_init', () => {
  it('refuses what it does not like, and its log says why', async () => {
    const code = `${HEAD} ${hook('on_init', '(drop (call $log (i32.const 4) {why}))', 9)}`
    const error = await refusal(guest({ texts: { why: 'buckets must be even' }, code }), {})
    expect(error.code).toBe('ERR_SLUICE_PLUGIN_REFUSED')
    expect(error.message).toContain('buckets must be even')
  })

  it('gets the configuration', async () => {
    const wanted = '{"a":1}'
    const code = `${HEAD} (func (export "on_init") (result i32)
      (i32.or
        (i32.ne (call $get_config {buf} (i32.const 100)) (i32.const ${wanted.length}))
        (i32.ne (i32.load8_u {buf}) (i32.const 123))))`
    await (await createPluginHarness(guest({ code }), { config: { a: 1 } })).close()
    expect((await refusal(guest({ code }), { config: { a: 10 } })).code).toBe('ERR_SLUICE_PLUGIN_REFUSED')
  })

  it('that traps or spins refuses as well', async () => {
    const spinning = `${HEAD} (func (export "on_init") (result i32) (loop (br 0)) (i32.const 0))`
    const trapping = `${HEAD} (func (export "on_init") (result i32) (unreachable))`
    for (const code of [spinning, trapping])
      expect((await refusal(guest({ code }), { limits: { initFuel: 100_000 } })).code).toBe('ERR_SLUICE_PLUGIN_REFUSED')
  })
})
