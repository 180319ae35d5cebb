/**
 * Recursion ends by the guest's own limit, or where that is set too high by the engine's, as an exception that can be caught;
 * and the host functions that a guest calls have the rest of the stack to themselves.
 */
import { describe, expect, test } from 'vitest'
import { engine } from '../../src/wasm/engine.ts'
import { fixture, Guest } from './guest.ts'
import { wat } from './wat.ts'

/** Calls itself as deep as it is told, and the host at the end. */
const RECURSION = wat(`(module (import "env" "host" (func $host (param i32)))
  (func $down (export "down") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (call $host (i32.const 1)) (return (i32.const 0))))
    (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))`)

const FOREVER = wat(`(module
  (type $t (func)) (table 1 funcref) (elem (i32.const 0) $c)
  (func $run (export "run") (call $run))
  (func $a (export "mutual") (call $b)) (func $b (call $a))
  (func $c (export "indirect") (call_indirect (type $t) (i32.const 0)))
  (func $wide (export "wide") (local ${'i64 '.repeat(1_000)}) (local.set 999 (i64.const 1)) (call $wide)))`)

const atDepth = (depth: number, body: () => void): void => {
  if (depth === 0) body()
  else atDepth(depth - 1, body)
}

describe('endless recursion', () => {
  test.each(['run', 'mutual', 'indirect', 'wide'])('%s is stopped by the limit', (name) => {
    const guest = Guest.metered(FOREVER)
    expect(() => guest.call(name)).toThrow(engine.RuntimeError)
    expect(guest.gauge!.isTooDeep).toBe(true)
    expect(guest.gauge!.isEmpty).toBe(false)
  })

  test.each(['run', 'mutual', 'indirect', 'wide'])(
    '%s is stopped by the engine where the limit is too high',
    (name) => {
      const guest = Guest.metered(FOREVER, { stackBytes: 2 ** 30 })
      expect(() => guest.call(name)).toThrow(RangeError)
      expect(guest.gauge!.isTooDeep).toBe(false)
    },
  )

  test('is stopped in the same way from deep within JavaScript, and nothing breaks', () => {
    let caught = 0
    for (let depth = 0; depth < 9_000; depth += 150)
      for (const stackBytes of [512 * 1_024, 2 ** 30]) {
        const guest = Guest.metered(FOREVER, { stackBytes })
        try {
          atDepth(depth, () => guest.call('mutual'))
        } catch (error) {
          expect(error instanceof RangeError || error instanceof engine.RuntimeError).toBe(true)
          caught++
        }
      }
    expect(caught).toBe(120)
    expect(Guest.metered(fixture('c-o2')).outcome('fib', 0, 0)).toBe('0')
  })
})

describe('a host function that is called from the deepest place', () => {
  /** Two steps that belong together, with some work between. */
  const host = { begun: 0, ended: 0 }
  const imports = {
    env: {
      host: (): void => {
        host.begun++
        JSON.parse(JSON.stringify({ list: [1, { text: 'some work' }] }, (_, value: unknown) => value))
        host.ended++
      },
    },
  }

  /** How deep the engine lets it go; deeper, once it has optimised the code. */
  const deepest = (guest: Guest): number => {
    let [works, fails] = [0, 10_000_000]
    while (fails - works > 1) {
      const depth = (works + fails) >> 1
      if (guest.outcome('down', depth) === String(depth)) works = depth
      else fails = depth
    }
    return works
  }

  test('is never cut off in its middle', () => {
    host.begun = host.ended = 0
    const outcomes = new Set<string>()
    for (let depth = 1; depth < 40_000; depth = Math.ceil(depth * 1.01)) {
      const guest = Guest.metered(RECURSION, {}, imports)
      outcomes.add(
        guest.outcome('down', depth) === String(depth) ? 'arrived' : guest.gauge!.isTooDeep ? 'too deep' : 'other',
      )
    }
    expect([...outcomes]).toEqual(['arrived', 'too deep'])
    expect(host.begun).toBeGreaterThan(100)
    expect(host.ended).toBe(host.begun)
  })

  test('would be without the limit', () => {
    host.begun = host.ended = 0
    const guest = Guest.plain(RECURSION, imports)
    for (let round = 0; round < 20 && host.ended === host.begun; round++) {
      const end = deepest(guest)
      for (let depth = end - 200; depth < end + 100 && host.ended === host.begun; depth++) guest.outcome('down', depth)
    }
    expect(host.begun).toBeGreaterThan(host.ended)
  })
})

test('the stack is given back by every way out', () => {
  const guest = Guest.metered(
    wat(`(module
      (func $none) (func $many (param i32) (result i32)
        (call $none)
        (block $b (br_if $b (local.get 0)) (return (i32.const 1)))
        (if (i32.eq (local.get 0) (i32.const 1)) (then (br 1 (i32.const 2))))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (return_call $many (i32.const 0))))
        (br_table 0 0 (i32.const 3) (local.get 0)))
      (func (export "run") (param i32) (result i32) (call $many (local.get 0))))`),
  )
  const stack = guest.exports['sluice:stack'] as { value: number }
  const before = stack.value
  for (const [argument, result] of [1, 2, 1, 3].entries()) {
    expect(guest.call('run', argument)).toBe(result)
    expect(stack.value).toBe(before)
  }
})

describe('a frame is charged for what it takes', () => {
  const many = (text: string): string => text.repeat(200)
  const FUNCTIONS: Readonly<Record<string, string>> = {
    'next to nothing': '(func $f (export "run") (call $count) (call $f))',
    'local variables': `(func $f (export "run") (local ${many('i64 ')}) (call $count) (call $f))`,
    operands: `(func $f (export "run") ${many('(i64.const 1) ')} (call $count) (call $f) ${many('drop ')})`,
    parameters: `(func $f (param ${many('i64 ')}) (call $count) ${many('(i64.const 1) ')} (call $f))
      (func (export "run") ${many('(i64.const 1) ')} (call $f))`,
    results: `(func $f (result ${many('i64 ')}) (call $count) (call $f)) (func (export "run") (call $f) ${many('drop ')})`,
    vectors: `(func $f (export "run") (local ${many('v128 ')}) (call $count) (call $f))`,
  }

  test.each(Object.entries(FUNCTIONS))('%s', (_, functions) => {
    const bytes = wat(`(module (global $n (export "n") (mut i32) (i32.const 0))
      (func $count (global.set $n (i32.add (global.get $n) (i32.const 1)))) ${functions})`)
    const depthAt = (stackBytes: number): number => {
      const guest = Guest.metered(bytes, { stackBytes })
      guest.outcome('run')
      return (guest.exports['n'] as { value: number }).value
    }
    // Of the 984 KiB that the engine has a call takes no more than it is charged for, and not much less.
    const whole = depthAt(2 ** 30)
    expect(depthAt(512 * 1_024) / whole).toBeLessThan(0.7)
    expect(depthAt(512 * 1_024) / whole).toBeGreaterThan(0.15)
  })
})
