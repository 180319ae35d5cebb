/** Extism's functions for plugins with our hooks: what its kits do with them stands in `compiled-guests.test.ts`. */
import { describe, expect, it } from 'vitest'
import { createPluginHarness } from '../../src/index.ts'
import { assemble } from '../guest.ts'

const guest = (code: string): Uint8Array =>
  assemble(`(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
    (memory (export "memory") 1)
    (func $block (result i64) (local $at i64)
      (local.set $at (call $alloc (i64.const 2)))
      (call $store (local.get $at) (i32.const 0x6e))
      (call $store (i64.add (local.get $at) (i64.const 1)) (i32.const 0x6f))
      (local.get $at))
    (func (export "on_request_head") (result i32) ${code} (i32.const 0)))`)

describe("Extism's functions beside our own", () => {
  it('make an error a fault that says it', async () => {
    const harness = await createPluginHarness(guest('(call $error (call $block))'))
    const { faults } = await harness.run()
    expect(faults[0]).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_OUTPUT', message: 'plugin "test": no' })
    await harness.close()
  })

  it('have no output where there is no body at hand, and no HTTP', async () => {
    const silent = await createPluginHarness(guest('(call $output (call $block) (i64.const 2))'))
    expect((await silent.run()).action).toBe('continue')
    await silent.close()
    const asking = await createPluginHarness(guest('(drop (call $http (call $block) (i64.const 0)))'))
    expect((await asking.run()).faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_OUTPUT')
    await asking.close()
  })

  it('take no more than a call may allocate', async () => {
    const harness = await createPluginHarness(guest('(drop (call $alloc (i64.const 100000000)))'))
    expect((await harness.run()).faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_LIMIT')
    await harness.close()
  })
})
