/** Guests that mean harm end within their fuel, their memory and a moment. Each runs on this thread: a hang is a failure. */
import { describe, expect, test } from 'vitest'
import { engine, type WasmExports } from '../../src/wasm/engine.ts'
import { FuelGauge } from '../../src/wasm/fuel-gauge.ts'
import { meterModule } from '../../src/wasm/meter-module.ts'
import { Guest } from './guest.ts'
import { wat } from './wat.ts'

/** What a call of `run` is stopped by, how long that takes in ms, and what it leaves behind. */
function detonate(text: string, fuel = 1_000_000): { readonly ms: number; readonly guest: Guest } {
  const guest = Guest.metered(wat(text), { maxPages: 16, maxTableEntries: 1_000 })
  const start = performance.now()
  expect(() => guest.callWith(fuel, 'run')).toThrow(engine.RuntimeError)
  return { ms: performance.now() - start, guest }
}

const LOOP = (body: string): string => `(module (memory (export "memory") 1 100) (table $t 10 funcref)
  (elem $e func $idle) (func $idle) (data $d "0123456789abcdef") (global $g (mut i32) (i32.const 0))
  (func $run (export "run") (local i32) (loop $l ${body} (br $l))))`

describe('a million units of fuel end', () => {
  test.each([
    ['a spin', LOOP('')],
    ['a spin by condition', LOOP('(br_if $l (i32.const 1)) (br $l)')],
    ['a spin by table', LOOP('(br_table $l $l (local.get 0))')],
    ['two loops that jump into each other', LOOP('(loop $m (br_if $l (local.tee 0 (i32.eqz (local.get 0)))) (br $m))')],
    ['a spin in the second way of a condition', LOOP('(if (local.get 0) (then) (else (br $l)))')],
    [
      'a spin through calls of the table',
      LOOP('(table.init $e (i32.const 0) (i32.const 0) (i32.const 1)) (call_indirect $t (i32.const 0))'),
    ],
    ['filling memory', LOOP('(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))')],
    ['copying memory', LOOP('(memory.copy (i32.const 0) (i32.const 8) (i32.const 65528))')],
    ['copying data', LOOP('(memory.init $d (i32.const 0) (i32.const 0) (i32.const 16))')],
    ['growing memory', LOOP('(drop (memory.grow (i32.const 1)))')],
    ['growing memory by nothing', LOOP('(drop (memory.grow (i32.const 0)))')],
    ['growing memory by too much', LOOP('(drop (memory.grow (i32.const -1)))')],
    ['growing a table', LOOP('(drop (table.grow $t (ref.null func) (i32.const 1)))')],
    ['growing a table by nothing', LOOP('(drop (table.grow $t (ref.null func) (i32.const 0)))')],
    ['growing a table by too much', LOOP('(drop (table.grow $t (ref.null func) (i32.const 0x7fffffff)))')],
    ['filling a table', LOOP('(table.fill $t (i32.const 0) (ref.func $idle) (i32.const 10))')],
    ['copying a table', LOOP('(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 9))')],
    ['division', LOOP('(global.set $g (i32.div_u (i32.const 1) (i32.add (global.get $g) (i32.const 2))))')],
    ['calls of itself in the last place', `(module (func $run (export "run") (return_call $run)))`],
    [
      'calls of each other in the last place',
      `(module (func $a (export "run") (return_call $b)) (func $b (return_call $a)))`,
    ],
    [
      'doubling calls',
      `(module (func (export "run") (call $a (i32.const 60)))
      (func $a (param i32) (if (local.get 0) (then
        (call $a (i32.sub (local.get 0) (i32.const 1))) (call $a (i32.sub (local.get 0) (i32.const 1)))))))`,
    ],
  ])('%s', (_, text) => {
    const { ms, guest } = detonate(text)
    expect(guest.gauge!.isEmpty).toBe(true)
    expect(guest.gauge!.isTooDeep).toBe(false)
    // It takes 1 to 100; the rest is for a machine that has other things to do.
    expect(ms).toBeLessThan(2_000)
    if (guest.exports['memory'] !== undefined) expect(guest.pages).toBeLessThanOrEqual(16)
  })
})

describe('a length beyond 2^31 is no gift', () => {
  test.each([
    ['memory.fill', '(memory.fill (i32.const 0) (i32.const 0) (local.get 0))'],
    ['memory.copy', '(memory.copy (i32.const 0) (i32.const 0) (local.get 0))'],
    ['memory.init', '(memory.init $d (i32.const 0) (i32.const 0) (local.get 0))'],
    ['table.init', '(table.init $e (i32.const 0) (i32.const 0) (local.get 0))'],
    ['table.fill', '(table.fill (i32.const 0) (ref.null func) (local.get 0))'],
    ['table.copy', '(table.copy (i32.const 0) (i32.const 0) (local.get 0))'],
    ['table.grow', '(drop (table.grow (ref.null func) (local.get 0)))'],
    ['memory.grow', '(drop (memory.grow (local.get 0)))'],
  ])('of %s', (_, bulk) => {
    const bytes = wat(`(module (memory 1) (table 10 funcref) (elem $e funcref (ref.null func)) (data $d "0123")
      (func (export "run") (param i32) ${bulk}))`)
    for (const length of [-1, 0x7fffffff, 0x80000000, -8, 0x40000000]) {
      const guest = Guest.metered(bytes, { maxPages: 16, maxTableEntries: 10_000_000 })
      const outcome = guest.outcome('run', length)
      expect(outcome).toMatch(/out of bounds|undefined/)
      expect(guest.spent).toBeGreaterThan(1_000_000)
      const poor = Guest.metered(bytes, { maxPages: 16, maxTableEntries: 10_000_000 })
      expect(() => poor.callWith(1_000_000, 'run', length)).toThrow('unreachable')
      expect(poor.gauge!.isEmpty).toBe(true)
    }
  })
})

describe('memory and tables', () => {
  test('grow to the limit and no further', () => {
    const guest = Guest.metered(
      wat(`(module (memory (export "memory") 2 1000) (table (export "table") 3 externref)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "longer") (param i32) (result i32) (table.grow (ref.null extern) (local.get 0))))`),
      { maxPages: 16, maxTableEntries: 10 },
    )
    expect(guest.call('grow', 14)).toBe(2)
    expect(guest.call('grow', 1)).toBe(-1)
    expect(guest.pages).toBe(16)
    expect(() => guest.memory.grow(1)).toThrow(RangeError)
    expect(guest.call('longer', 7)).toBe(3)
    expect(guest.call('longer', 1)).toBe(-1)
    expect((guest.exports['table'] as { length: number }).length).toBe(10)
  })

  test('keep the limit that the module set itself, where it is lower', () => {
    const guest = Guest.metered(
      wat(`(module (memory (export "memory") 1 2) (table 1 2 funcref)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "longer") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`),
      { maxPages: 16, maxTableEntries: 10 },
    )
    expect(guest.call('grow', 2)).toBe(-1)
    expect(guest.call('grow', 1)).toBe(1)
    expect(guest.call('longer', 2)).toBe(-1)
    expect(guest.call('longer', 1)).toBe(1)
  })
})

describe('the start function', () => {
  const meteredUnstarted = (text: string): { readonly gauge: FuelGauge; readonly exports: WasmExports } => {
    const { exports } = new engine.Instance(new engine.Module(meterModule(wat(text), { maxPages: 1 })))
    return { gauge: new FuelGauge(exports), exports }
  }

  const SPIN = `(module (global (export "started") (mut i32) (i32.const 0)) (start $s)
    (func $s (global.set 0 (i32.const 1)) (loop $l (br $l))))`

  test('does not run by itself, and spins no longer than it has fuel', () => {
    const guest = new Guest(wat(SPIN.replace('(loop $l (br $l))', '')), {}, false)
    expect((guest.exports['started'] as { value: number }).value).toBe(1)
    const { gauge, exports } = meteredUnstarted(SPIN)
    expect((exports['started'] as { value: number }).value).toBe(0)
    gauge.fill(100_000)
    expect(() => gauge.start()).toThrow('unreachable')
    expect(gauge.isEmpty).toBe(true)
    expect((exports['started'] as { value: number }).value).toBe(1)
  })

  test('has no fuel unless the host gives it some', () => {
    const { gauge, exports } = meteredUnstarted(SPIN)
    expect(() => gauge.start()).toThrow('unreachable')
    expect((exports['started'] as { value: number }).value).toBe(0)
  })

  test('may be a function of the host', () => {
    let calls = 0
    const imports = { env: { begin: () => calls++ } }
    Guest.metered(wat('(module (import "env" "begin" (func $b)) (start $b))'), {}, imports)
    expect(calls).toBe(1)
  })
})
