/** What code costs, and what the host does with the counter. */
import { describe, expect, test } from 'vitest'
import { FuelGauge, MAX_FUEL } from '../../src/wasm/fuel-gauge.ts'
import { Guest } from './guest.ts'
import { wat } from './wat.ts'

/** What a call of `run` costs. */
function cost(text: string, argument = 0): number {
  const guest = Guest.metered(wat(text))
  guest.call('run', argument)
  return guest.spent
}

const body = (code: string): string => `(module (memory 1) (func $f (export "run") (param i32) (local i32) ${code}))`

/** A function's entry. */
const ENTRY = 1

describe('the price', () => {
  test('of a straight line is the number of its instructions', () => {
    expect(cost(body(''))).toBe(ENTRY)
    expect(cost(body('(local.set 1 (i32.add (local.get 0) (i32.const 1)))'))).toBe(ENTRY + 4)
    expect(cost(body('(block (block nop) nop) nop'))).toBe(ENTRY + 3)
  })

  test('of a loop is that of its rounds', () => {
    const loop = body('(loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))')
    expect(cost(loop, 1)).toBe(ENTRY + 6)
    expect(cost(loop, 1_000)).toBe(ENTRY + 6 * 1_000)
  })

  test('of what may be skipped is paid in advance up to 64, and beyond only where it is run', () => {
    const skipped = (count: number): string =>
      body(`(block $b (br_if $b (i32.eqz (local.get 0))) ${'nop '.repeat(count)})`)
    expect(cost(skipped(64), 0)).toBe(ENTRY + 3 + 64)
    expect(cost(skipped(65), 0)).toBe(ENTRY + 3)
    expect(cost(skipped(65), 1)).toBe(ENTRY + 3 + 65)
  })

  test('of what follows a condition is no part of either way', () => {
    const ways = body(
      `(if (local.get 0) (then ${'nop '.repeat(130)}) (else ${'nop '.repeat(120)})) ${'nop '.repeat(140)}`,
    )
    expect(cost(ways, 1)).toBe(ENTRY + 2 + 130 + 140)
    expect(cost(ways, 0)).toBe(ENTRY + 2 + 120 + 140)
  })

  test('of a second way is not left to the first', () => {
    const ways = body(`(if (local.get 0) (then ${'nop '.repeat(130)}) (else ${'nop '.repeat(10)}))`)
    expect(cost(ways, 0)).toBe(ENTRY + 2 + 10)
    expect(cost(ways, 1)).toBe(ENTRY + 2 + 10 + 130)
  })

  test('of what follows a block is not paid by who leaves it for further out', () => {
    const out = body(
      `(block $out (block $in (br_if $out (local.get 0)) (br_if $in (local.get 1))) ${'nop '.repeat(140)})`,
    )
    expect(cost(out, 1)).toBe(ENTRY + 4)
    expect(cost(out, 0)).toBe(ENTRY + 4 + 140)
  })

  test('of bulk memory is one for 8 bytes', () => {
    const fill = (bytes: number): number => cost(body(`(memory.fill (i32.const 0) (i32.const 0) (i32.const ${bytes}))`))
    expect(fill(0)).toBe(ENTRY + 4)
    expect(fill(65_536)).toBe(ENTRY + 4 + 8_192)
  })

  test('of many local variables is paid at the entry', () => {
    const text = `(module (func (export "run") (param i32) (local ${'i64 '.repeat(400)})))`
    expect(cost(text)).toBe(ENTRY + 100)
  })
})

describe('a call of the host', () => {
  const imports = { env: { host: () => undefined } }
  const costOf = (text: string, hostCallFuel?: number): number => {
    const guest = Guest.metered(wat(text), hostCallFuel === undefined ? {} : { hostCallFuel }, imports)
    guest.call('run')
    return guest.spent
  }
  const direct = '(module (import "env" "host" (func $host)) (func (export "run") (call $host)))'

  test('costs 100 more than one of its own, or what the options say', () => {
    const own = costOf('(module (func $own) (func (export "run") (call $own)))') - ENTRY
    expect(costOf(direct)).toBe(own + 100)
    expect(costOf(direct, 0)).toBe(own)
    expect(costOf(direct, 7)).toBe(own + 7)
  })

  test.each([
    ['in a table', '(table 2 funcref) (elem (i32.const 0) $own $host)'],
    ['exported', '(export "host" (func $host)) (table 1 funcref) (elem (i32.const 0) $own)'],
    ['by reference', '(table 1 funcref) (elem declare func $host) (elem (i32.const 0) $own)'],
  ])('can not be had for less through a table: %s', (_, parts) => {
    const text = (found: string): string => `(module (import "env" "host" (func $host)) (func $own) ${found}
      (func (export "run") (call_indirect (i32.const 0))))`
    const harmless = costOf(text('(table 1 funcref) (elem (i32.const 0) $own)'))
    expect(costOf(text(parts))).toBe(harmless + 100)
  })

  test('may charge more, and stops a guest that can not pay', () => {
    const paid: boolean[] = []
    const guest: Guest = Guest.metered(
      wat('(module (import "env" "host" (func $host)) (func (export "run") (loop $l (call $host) (br $l))))'),
      {},
      { env: { host: () => paid.push(guest.gauge!.charge(1_000)) } },
    )
    expect(() => guest.callWith(9_500, 'run')).toThrow('unreachable')
    expect(paid).toEqual([...Array.from({ length: 8 }, () => true), false])
    expect(guest.gauge!.left).toBe(-1)
  })

  test('finds what is left, though the loop that calls it counts elsewhere', () => {
    const seen: number[] = []
    const guest: Guest = Guest.metered(
      wat(`(module (import "env" "host" (func $host)) (func (export "run") (local i32)
        (loop $l (call $host) (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 3))))))`),
      { hostCallFuel: 0 },
      { env: { host: () => seen.push(guest.gauge!.left) } },
    )
    guest.callWith(1_000, 'run')
    const round = seen[0]! - seen[1]!
    expect(round).toBeGreaterThan(0)
    expect(seen).toEqual([seen[0], seen[0]! - round, seen[0]! - 2 * round])
    expect(guest.gauge!.left).toBe(seen[2])
  })
})

describe('the gauge', () => {
  test('is filled up to 2^31 - 1', () => {
    const { gauge } = Guest.metered(wat(body('')))
    gauge!.fill(MAX_FUEL + 10)
    expect(gauge!.left).toBe(2 ** 31 - 1)
    expect(gauge!.isEmpty).toBe(false)
  })

  test('charges exactly what is left, and never goes below -1', () => {
    const { gauge } = Guest.metered(wat(body('')))
    gauge!.fill(10)
    expect(gauge!.charge(10)).toBe(true)
    expect(gauge!.left).toBe(0)
    expect(gauge!.charge(2 ** 40)).toBe(false)
    expect(gauge!.charge(2 ** 40)).toBe(false)
    expect(gauge!.left).toBe(-1)
  })

  test('is only there for modules that were metered', () => {
    expect(() => new FuelGauge(Guest.plain(wat(body(''))).exports)).toThrow('the module was not metered')
  })
})
