/** What is not run is refused when it is loaded, with the reason and the place. */
import { PluginError } from '@sluice/core'
import { describe, expect, test } from 'vitest'
import { inspectModule } from '../../src/wasm/inspect-module.ts'
import { meterModule } from '../../src/wasm/meter-module.ts'
import type { MeterOptions } from '../../src/wasm/meter-options.ts'
import { branching, functionOf, moduleOf, section } from './bytes.ts'
import { fixture } from './guest.ts'
import { type Proposal, wat } from './wat.ts'

function refusal(bytes: Uint8Array, options: Partial<MeterOptions> = {}): string {
  try {
    meterModule(bytes, { maxPages: 16, ...options })
  } catch (error) {
    expect(error).toBeInstanceOf(PluginError)
    expect((error as PluginError).code).toBe('ERR_SLUICE_PLUGIN_MODULE')
    return (error as PluginError).message.replace("the plugin's module is refused: ", '')
  }
  return expect.fail('it was taken')
}

describe('what is no module', () => {
  test.each([
    ['nothing at all', new Uint8Array(0), /expected 4 bytes|expected magic word|BufferSource argument is empty/],
    ['something else', Buffer.from('<html></html>'), /expected magic word/],
    ['another version', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), /expected version/],
    ['half a module', fixture('c-o2').subarray(0, 4_000), /@\+\d+/],
    [
      'wrong types',
      moduleOf(section(1, 1, 0x60, 0, 1, 0x7f), section(3, 1, 0), section(10, 1, 2, 0, 0x0b)),
      /expected 1 elements on the stack.*@\+\d+/,
    ],
  ])('%s', (_, bytes, reason) => {
    expect(refusal(bytes)).toMatch(reason)
    expect(() => inspectModule(bytes)).toThrow(reason)
  })

  test('an integer that is too long, a section twice, or out of order', () => {
    expect(refusal(moduleOf([1, 0x81, 0x80, 0x80, 0x80, 0x80, 0x00, 0]))).toMatch(/@\+\d+|at byte/)
    expect(refusal(moduleOf(section(1, 0), section(1, 0)))).toMatch(/unexpected section/)
    expect(refusal(moduleOf(section(3, 0), section(1, 0)))).toMatch(/unexpected section/)
  })
})

describe('proposals that have no price', () => {
  const asText: readonly (readonly [string, Proposal, string, RegExp])[] = [
    ['threads', 'threads', '(module (memory 1 1 shared))', /memory is shared between threads \(at byte \d+\)/],
    [
      'atomics',
      'threads',
      '(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))',
      /threads and atomics, 0xfe \(at byte \d+\)/,
    ],
    ['exceptions', 'exceptions', '(module (tag (param i32)))', /it uses exceptions \(at byte \d+\)/],
    [
      'relaxed vectors',
      'relaxed_simd',
      '(module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))',
      /relaxed or unknown vector instruction, 0xfd 0x100 \(at byte \d+\)/,
    ],
  ]
  test.each(asText)('%s', (_, proposal, text, reason) => {
    const bytes = wat(text, proposal)
    expect(refusal(bytes)).toMatch(reason)
  })

  const asBytes: readonly (readonly [string, Uint8Array, RegExp])[] = [
    // (type (struct))
    ['types of the garbage collector', moduleOf(section(1, 1, 0x5f, 0)), /garbage collection.*at byte \d+|@\+\d+/],
    // (func (param (ref null 0)))
    ['typed references', moduleOf(section(1, 2, 0x60, 0, 0, 0x60, 1, 0x63, 0, 0)), /the type 0x63.*at byte \d+|@\+\d+/],
    ['two memories', moduleOf(section(5, 2, 0, 1, 0, 1)), /memories.*at byte \d+|@\+\d+/],
    ['a memory of 64 bits', moduleOf(section(5, 1, 4, 1)), /64 bits.*at byte \d+|@\+\d+/],
    ['a table of 64 bits', moduleOf(section(4, 1, 0x70, 4, 1)), /64 bits.*at byte \d+|@\+\d+/],
    ['a legacy exception', functionOf(0x06, 0x40, 0x0b), /exceptions.*at byte \d+|@\+\d+/],
    [
      'a table with a value to begin with',
      moduleOf(section(4, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b)),
      /typed references.*at byte \d+|@\+\d+/,
    ],
  ]
  test.each(asBytes)('%s', (_, bytes, reason) => {
    expect(refusal(bytes)).toMatch(reason)
  })
})

describe('what a guest would take from the host', () => {
  test.each([
    ['memory', '(module (import "env" "memory" (memory 1)))', /it imports a memory, "env.memory"/],
    ['tables', '(module (import "env" "table" (table 1 funcref)))', /it imports a table, "env.table"/],
    [
      'the names of the counters',
      '(module (global (export "sluice:fuel") i32 (i32.const 1)))',
      /"sluice:fuel" is the host's/,
    ],
    ['them by import', '(module (import "a" "sluice:fuel" (global (mut i32))))', /"sluice:fuel" is the host's/],
  ])('%s', (_, text, reason) => {
    expect(refusal(wat(text))).toMatch(reason)
  })
})

describe('what is too large', () => {
  test.each([
    ['the memory at its beginning', '(module (memory 17))', /begins with 17 pages, of which 16 are allowed/],
    ['a table', '(module (table 101 funcref))', /begin with 101 entries, of which 100 are allowed/],
    ['tables together', '(module (table 60 funcref) (table 41 externref))', /begin with 101 entries/],
  ])('%s', (_, text, reason) => {
    expect(refusal(wat(text), { maxTableEntries: 100 })).toMatch(reason)
  })

  test('the file', () => {
    expect(refusal(new Uint8Array(16_777_217))).toMatch(/it has 16777217 bytes, of which 16777216 are allowed/)
  })

  test('the number of local variables', () => {
    const bytes = moduleOf(
      section(1, 1, 0x60, 0, 0),
      section(3, 1, 0),
      section(10, 1, 6, 1, 0x91, 0x4e, 0x7f, 0x01, 0x0b),
    )
    expect(refusal(bytes)).toMatch(/more than 10000 local variables \(at byte \d+\)/)
  })

  test('a function that would keep the compiler busy for seconds', () => {
    expect(refusal(branching(1, 2_000, 3_000))).toMatch(/too many branches for its number of variables \(at byte \d+\)/)
  })

  test('many functions that would together', () => {
    expect(refusal(branching(26, 2_000, 400))).toMatch(/too many branches and variables \(at byte \d+\)/)
  })

  test('the nesting of blocks', () => {
    const depth = 5_001
    const open = Array.from({ length: depth }, () => [0x02, 0x40]).flat()
    const close = Array.from({ length: depth }, () => 0x0b)
    expect(refusal(functionOf(...open, ...close))).toMatch(/nested too deeply \(at byte \d+\)/)
  })
})

test('an option out of its range is named', () => {
  const bytes = wat('(module)')
  expect(() => meterModule(bytes, { maxPages: 0 })).toThrow(
    'maxPages: expected a whole number from 1 to 65536, found 0',
  )
  expect(() => meterModule(bytes, { maxPages: 1, stackBytes: 1.5 })).toThrow('stackBytes: expected a whole number')
})
