import { virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { LIMIT, OK } from '../../src/abi/sluice-v1.ts'
import { createPluginHarness, type KvGrants, memoryKvStore } from '../../src/index.ts'
import { PluginKv } from '../../src/kv/plugin-kv.ts'
import { guest, hook } from '../guest.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()

function started(grants: Partial<KvGrants> = {}) {
  const clock = virtualClock()
  const store = memoryKvStore(clock)
  const of = (owner: string, more: Partial<KvGrants> = {}) =>
    new PluginKv(store, clock, owner, { prefixes: ['a:'], maxBytes: 100, maxEntries: 5, ...grants, ...more })
  return { clock, store, of, kv: of('first') }
}

describe('keys and values', () => {
  it('are kept, replaced and removed', () => {
    const { kv, store } = started()
    expect(kv.get('a:1')).toBeUndefined()
    expect(kv.set('a:1', bytes('one'), 0)).toBe(OK)
    expect(kv.set('a:1', bytes('two'), 0)).toBe(OK)
    expect(text(kv.get('a:1'))).toBe('two')
    expect(store.usage('first')).toEqual({ entries: 1, bytes: 6 })
    expect(kv.delete('a:1')).toBe(true)
    expect(kv.delete('a:1')).toBe(false)
    expect(store.usage('first')).toEqual({ entries: 0, bytes: 0 })
  })

  it('are for the prefixes that were granted', () => {
    const { kv, of } = started()
    expect(['a:1', 'a:', 'a', 'b:1', ''].map((key) => kv.mayUse(key))).toEqual([true, true, false, false, false])
    expect(of('other', { prefixes: ['ü'] }).mayUse(Buffer.from('ü:1').toString('latin1'))).toBe(true)
  })

  it('are shared by plugins with one prefix; each pays for what it wrote', () => {
    const { kv, of, store } = started()
    const other = of('second')
    kv.set('a:1', bytes('one'), 0)
    expect(text(other.get('a:1'))).toBe('one')
    other.set('a:1', bytes('four'), 0)
    expect(store.usage('first')).toEqual({ entries: 0, bytes: 0 })
    expect(store.usage('second')).toEqual({ entries: 1, bytes: 7 })
  })

  it('expire', () => {
    const { clock, kv, store } = started()
    kv.set('a:1', bytes('x'), 1_000)
    clock.advance(999)
    expect(text(kv.get('a:1'))).toBe('x')
    clock.advance(1)
    expect(kv.get('a:1')).toBeUndefined()
    expect(store.usage('first')).toEqual({ entries: 0, bytes: 0 })
  })

  it('have a quota of bytes and of entries, in which what has expired does not count', () => {
    const { clock, kv } = started()
    expect(kv.set('a:big', bytes('x'.repeat(96)), 0)).toBe(LIMIT)
    expect(kv.set('a:big', bytes('x'.repeat(95)), 500)).toBe(OK)
    expect(kv.set('a:1', bytes(''), 0)).toBe(LIMIT)
    // What is there is replaced within its own room.
    expect(kv.set('a:big', bytes('y'.repeat(95)), 500)).toBe(OK)
    clock.advance(500)
    for (let i = 0; i < 5; i++) expect(kv.set(`a:${i}`, bytes('v'), 0)).toBe(OK)
    expect(kv.set('a:5', bytes('v'), 0)).toBe(LIMIT)
  })

  it('that have expired are dropped by and by, though nobody asks for them', () => {
    const { clock, store, of } = started()
    const many = of('many', { maxEntries: 1_000, maxBytes: 100_000 })
    for (let i = 0; i < 200; i++) many.set(`a:${i}`, bytes('v'), 10)
    clock.advance(10)
    const other = of('other', { maxEntries: 1_000, maxBytes: 100_000 })
    for (let i = 0; i < 300; i++) other.set(`a:new-${i}`, bytes('v'), 0)
    expect(store.usage('many')).toEqual({ entries: 0, bytes: 0 })
  })

  it('are counted up and down', () => {
    const { clock, kv } = started()
    expect(kv.increment('a:n', 5, 1_000)).toBe(5)
    clock.advance(500)
    // Its time stays its own.
    expect(kv.increment('a:n', -7, 9_000)).toBe(-2)
    expect(text(kv.get('a:n'))).toBe('-2')
    clock.advance(500)
    expect(kv.increment('a:n', 1, 0)).toBe(1)
    kv.set('a:text', bytes('five'), 0)
    expect(kv.increment('a:text', 1, 0)).toBeNaN()
    expect(kv.increment('a:n', 0.5, 0)).toBeNaN()
    expect(kv.increment('a:n', Number.MAX_SAFE_INTEGER, 0)).toBeNaN()
    expect(kv.increment('a:n', Number.NaN, 0)).toBeNaN()
    expect(text(kv.get('a:n'))).toBe('1')
  })

  it('are swapped where they are as expected', () => {
    const { kv } = started()
    expect(kv.compareAndSwap('a:1', undefined, bytes('one'), 0)).toBe(1)
    expect(kv.compareAndSwap('a:1', undefined, bytes('two'), 0)).toBe(0)
    expect(kv.compareAndSwap('a:1', bytes('zero'), bytes('two'), 0)).toBe(0)
    expect(kv.compareAndSwap('a:1', bytes('one'), bytes('two'), 0)).toBe(1)
    expect(text(kv.get('a:1'))).toBe('two')
    expect(kv.compareAndSwap('a:1', bytes('two'), bytes('x'.repeat(200)), 0)).toBe(LIMIT)
  })
})

describe('from a guest', () => {
  const grants = { kv: { prefixes: ['a:'], maxBytes: 40 } }
  const texts = { key: 'a:n', other: 'b:n', old: 'old', fresh: 'new', long: 'x'.repeat(50) }
  const expectResult = (call: string, result: number) =>
    `(if (i32.ne ${call} (i32.const ${result})) (then (unreachable)))`
  const run = async (instructions: string) => {
    const harness = await createPluginHarness(guest({ texts, code: hook('on_request_head', instructions) }), {
      capabilities: grants,
    })
    const { faults } = await harness.run()
    const snapshot = harness.snapshot()
    await harness.close()
    expect(faults).toEqual([])
    return snapshot
  }

  it('every function does what the interface says', async () => {
    await run(
      [
        expectResult('(call $kv_get {key} {buf} (i32.const 9))', -1),
        expectResult('(call $kv_delete {key})', -1),
        expectResult('(call $kv_set {key} {old} (i32.const 0))', 0),
        expectResult('(call $kv_get {key} {buf} (i32.const 9))', 3),
        expectResult('(i32.load8_u {buf})', 'o'.charCodeAt(0)),
        expectResult('(call $kv_get {key} {buf} (i32.const 2))', 3),
        expectResult('(call $kv_set {key} {long} (i32.const 0))', -4),
        expectResult('(call $kv_compare_and_swap {key} {fresh} {fresh} (i32.const 0))', 0),
        expectResult('(call $kv_compare_and_swap {key} {old} {fresh} (i32.const 0))', 1),
        expectResult('(call $kv_delete {key})', 0),
        expectResult('(call $kv_compare_and_swap {key} (i32.const 0) (i32.const -1) {fresh} (i32.const 0))', 1),
        expectResult('(call $kv_compare_and_swap {key} (i32.const 0) (i32.const -1) {fresh} (i32.const 0))', 0),
        expectResult('(call $kv_delete {key})', 0),
        expectResult('(f64.eq (call $kv_increment {key} (f64.const 41) (i32.const 0)) (f64.const 41))', 1),
        expectResult('(f64.eq (call $kv_increment {key} (f64.const 1) (i32.const 0)) (f64.const 42))', 1),
      ].join('\n'),
    )
  })

  it('other keys are denied, and that is counted', async () => {
    const nan = '(call $kv_increment {other} (f64.const 1) (i32.const 0))'
    const { denials } = await run(
      [
        expectResult('(call $kv_get {other} {buf} (i32.const 9))', -2),
        expectResult('(call $kv_set {other} {old} (i32.const 0))', -2),
        expectResult('(call $kv_delete {other})', -2),
        expectResult('(call $kv_compare_and_swap {other} {old} {old} (i32.const 0))', -2),
        `(if (f64.eq ${nan} (f64.const 1)) (then (unreachable)))`,
      ].join('\n'),
    )
    expect(denials).toBe(5)
  })
})
