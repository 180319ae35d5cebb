/** Each instruction's effect on the stack is what the engine takes it for. */
import { expect, test } from 'vitest'
import { engine } from '../../src/wasm/engine.ts'
import * as op from '../../src/wasm/opcodes.ts'
import { stackEffectOf } from '../../src/wasm/stack-effects.ts'
import { body, moduleOf, section, vector } from './bytes.ts'

const I32 = 0x7f
const V128 = 0x7b
const FUNCREF = 0x70
const TYPES = [I32, 0x7e, 0x7d, 0x7c, V128, FUNCREF, 0x6f]

/** Operands that instructions take: all of up to two, and what takes three. */
const OPERANDS: readonly (readonly number[])[] = [
  [],
  ...TYPES.map((type) => [type]),
  ...TYPES.flatMap((first) => TYPES.map((second) => [first, second])),
  [V128, V128, V128],
  [I32, I32, I32],
  [I32, FUNCREF, I32],
]

const RESULTS: readonly (readonly number[])[] = [[], ...TYPES.map((type) => [type])]

/** What may follow an opcode: some want an alignment of 0, or a lane, and what is too long is no instruction. */
const IMMEDIATE: Readonly<Record<number, readonly number[]>> = {
  [op.PLAIN]: [],
  [op.INDEX]: [0],
  [op.INDEX_AND_INDEX]: [0, 0],
  [op.MEMORY_ARGUMENT]: [0, 0],
  [op.MEMORY_ARGUMENT_AND_LANE]: [0, 0, 0],
  [op.ZERO_BYTE]: [0],
  [op.TWO_ZERO_BYTES]: [0, 0],
  [op.INDEX_AND_ZERO_BYTE]: [0, 0],
  [op.SIGNED_32]: [0],
  [op.SIGNED_64]: [0],
  [op.BYTES_4]: [0, 0, 0, 0],
  [op.BYTES_8]: [0, 0, 0, 0, 0, 0, 0, 0],
  [op.BYTES_16]: Array.from({ length: 16 }, () => 0),
  [op.LANE]: [0],
  [op.REFERENCE_TYPE]: [FUNCREF],
}

/** A module whose function has an i32 as first parameter, then the operands, and does nothing but this. */
function accepts(instruction: readonly number[], operands: readonly number[], results: readonly number[]): boolean {
  const parameters = [[I32], ...operands.map((type) => [type])]
  const code = [...operands.flatMap((_, index) => [0x20, index + 1]), ...instruction]
  const bytes = moduleOf(
    section(1, vector([0x60, ...vector(...parameters), ...vector(...results.map((type) => [type]))])),
    section(3, 1, 0),
    section(4, 1, FUNCREF, 0, 1),
    section(5, 1, 0, 1),
    section(6, 1, I32, 1, 0x41, 0, 0x0b),
    section(9, 1, 3, 0, 1, 0),
    section(12, 1),
    section(10, vector(body([0], code))),
    section(11, 1, 1, 0),
  )
  return engine.validate(bytes)
}

/** By how much the engine lets it change the height. */
function effectOf(instruction: readonly number[]): number | undefined {
  for (const operands of OPERANDS)
    for (const results of RESULTS) if (accepts(instruction, operands, results)) return results.length - operands.length
  return undefined
}

function instructions(): readonly (readonly [opcode: number, bytes: readonly number[]])[] {
  const found: (readonly [number, readonly number[]])[] = []
  const add = (prefix: readonly number[], opcode: number, code: readonly number[], shape: number): void => {
    const immediate = IMMEDIATE[shape]
    if (shape !== op.REFUSED && immediate !== undefined) found.push([opcode, [...prefix, ...code, ...immediate]])
  }
  for (let code = 0x1a; code < 256; code++) add([], code, [code], op.IMMEDIATES[code]!)
  for (const [code, shape] of op.BULK_IMMEDIATES.entries()) add([0xfc], 0xfc00 + code, [code], shape)
  for (const [code, shape] of op.VECTOR_IMMEDIATES.entries())
    add([0xfd], 0xfd00 + code, code < 128 ? [code] : [code, 1], shape)
  return found
}

test('the table of effects is that of the engine', () => {
  const wrong: string[] = []
  const all = instructions()
  expect(all.length).toBeGreaterThan(400)
  for (const [opcode, bytes] of all) {
    // A selection's two values are of one type, of which the list of operands has only some.
    const effect = opcode === op.SELECT ? -2 : effectOf(bytes)
    if (effect !== stackEffectOf(opcode))
      wrong.push(`0x${opcode.toString(16)}: ${effect}, not ${stackEffectOf(opcode)}`)
  }
  expect(wrong).toEqual([])
})
