/** What is said of a module, and what of it is left as it was. */
import { describe, expect, test } from 'vitest'
import { engine } from '../../src/wasm/engine.ts'
import { inspectModule } from '../../src/wasm/inspect-module.ts'
import { meterModule } from '../../src/wasm/meter-module.ts'
import { moduleOf, name, section } from './bytes.ts'
import { fixture, Guest } from './guest.ts'
import { wat } from './wat.ts'

const EVERYTHING = `(module
  (type (func (param i32 i64) (result f32 f64)))
  (import "sluice" "log" (func (param i32 i32 i32)))
  (import "env" "base" (global i32)) (import "env" "top" (global (mut i64)))
  (func $pair (export "pair") (param i32 i64) (result f32 f64) f32.const 1 f64.const 2)
  (memory (export "memory") 2 30) (table (export "table") 3 9 funcref) (table 4 externref)
  (global (export "version") i32 (i32.const 7)) (global v128 (v128.const i32x4 0 0 0 0))
  (elem (table 0) (i32.const 1) func $pair 0) (elem declare func 0)
  (start $main) (func $main (global.set 1 (i64.const 99)))
  (data (i32.const 0) "text"))`

describe('the outline', () => {
  const outline = inspectModule(wat(EVERYTHING))

  test('lists imports with their types', () => {
    expect(outline.imports).toEqual([
      { module: 'sluice', name: 'log', kind: 'function', type: { parameters: ['i32', 'i32', 'i32'], results: [] } },
      { module: 'env', name: 'base', kind: 'global', type: { value: 'i32', isMutable: false } },
      { module: 'env', name: 'top', kind: 'global', type: { value: 'i64', isMutable: true } },
    ])
  })

  test('lists exports with their types', () => {
    expect(outline.exports).toEqual([
      { name: 'pair', kind: 'function', type: { parameters: ['i32', 'i64'], results: ['f32', 'f64'] } },
      { name: 'memory', kind: 'memory', type: { initial: 2, maximum: 30 } },
      { name: 'table', kind: 'table', type: { element: 'funcref', initial: 3, maximum: 9 } },
      { name: 'version', kind: 'global', type: { value: 'i32', isMutable: false } },
    ])
  })

  test('counts the rest', () => {
    expect(outline.memories).toEqual([{ initial: 2, maximum: 30 }])
    expect(outline.tables.map(({ element, initial }) => [element, initial])).toEqual([
      ['funcref', 3],
      ['externref', 4],
    ])
    expect(outline.functions).toBe(2)
    expect(outline.hasStart).toBe(true)
    expect(outline.customSections).toEqual(['name'])
  })

  test('agrees with the engine about modules of real compilers', () => {
    for (const file of ['c-o0', 'rust', 'assembly-script']) {
      const bytes = fixture(file)
      const { exports, imports } = inspectModule(bytes)
      const known = new engine.Module(bytes)
      expect(exports.map(({ name, kind }) => ({ name, kind }))).toEqual(engine.Module.exports(known))
      expect(imports.map(({ module, name, kind }) => ({ module, name, kind }))).toEqual(engine.Module.imports(known))
    }
  })

  test('is empty for the empty module, which can be metered', () => {
    const empty = moduleOf()
    expect(inspectModule(empty)).toMatchObject({
      imports: [],
      exports: [],
      memories: [],
      functions: 0,
      hasStart: false,
    })
    expect(Guest.metered(empty).gauge!.left).toBeGreaterThan(0)
  })
})

describe('the metered module', () => {
  const top = new engine.Global({ value: 'i64', mutable: true }, 0n)
  const imports = { sluice: { log: () => undefined }, env: { base: 5, top } }
  const guest = Guest.metered(wat(EVERYTHING), {}, imports)

  test('exports what it did, in its order, and the counters behind', () => {
    expect(Object.keys(guest.exports)).toEqual([
      'pair',
      'memory',
      'table',
      'version',
      'sluice:fuel',
      'sluice:stack',
      'sluice:start',
    ])
    expect((guest.exports['version'] as { value: number }).value).toBe(7)
  })

  test('has its start function, its tables and its data', () => {
    expect(top.value).toBe(99n)
    const table = guest.exports['table'] as { get(index: number): ((...args: unknown[]) => unknown) | null }
    expect(table.get(0)).toBeNull()
    expect(table.get(1)!(1, 2n)).toEqual([1, 2])
    expect(Buffer.from(guest.memory.buffer, 0, 4).toString()).toBe('text')
  })

  test('keeps the names of functions for stack traces', () => {
    const named = Guest.metered(wat('(module (func $deep unreachable) (func $outer (export "run") (call $deep)))'))
    try {
      named.call('run')
      expect.fail('it did not trap')
    } catch (error) {
      expect((error as Error).stack).toMatch(/at (\S+\.)?deep .*\n.*at (\S+\.)?outer /)
    }
  })

  test('drops other custom sections, wherever they stand', () => {
    const custom = (text: string): number[] => section(0, name(text), 1, 2, 3)
    const bytes = moduleOf(custom('.debug_info'), section(1, 0), custom('producers'), custom('sourceMappingURL'))
    expect(inspectModule(bytes).customSections).toEqual(['.debug_info', 'producers', 'sourceMappingURL'])
    const metered = new engine.Module(meterModule(bytes, { maxPages: 1 }))
    expect(engine.Module.customSections(metered, 'producers')).toEqual([])
    expect(engine.Module.customSections(metered, '.debug_info')).toEqual([])
  })

  test('bears a name section that is none', () => {
    const bytes = moduleOf(section(1, 0), section(0, name('name'), 255, 255, 255, 255, 255))
    expect(() => Guest.metered(bytes)).not.toThrow()
  })
})
