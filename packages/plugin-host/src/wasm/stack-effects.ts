/**
 * By how much each instruction makes the operand stack higher or lower (core specification, section 3.3). Control
 * instructions and calls are not in here: theirs depend on types.
 */
import { VECTOR_IMMEDIATES } from './opcodes.ts'

function effects(size: number, otherwise: number, rows: readonly (readonly [number, number, number])[]): Int8Array {
  const values = new Int8Array(size).fill(otherwise)
  for (const [from, to, effect] of rows) values.fill(effect, from, to + 1)
  return values
}

/** Of opcodes of one byte. */
export const STACK_EFFECTS: Int8Array = effects(256, 0, [
  // drop, select
  [0x1a, 0x1a, -1],
  [0x1b, 0x1c, -2],
  // Variables and tables.
  [0x20, 0x20, 1],
  [0x21, 0x21, -1],
  [0x23, 0x23, 1],
  [0x24, 0x24, -1],
  [0x26, 0x26, -2],
  // Stores, the size of the memory, constants.
  [0x36, 0x3e, -2],
  [0x3f, 0x3f, 1],
  [0x41, 0x44, 1],
  // What takes two numbers and gives one: comparisons and arithmetic of each type.
  [0x46, 0x4f, -1],
  [0x51, 0x66, -1],
  [0x6a, 0x78, -1],
  [0x7c, 0x8a, -1],
  [0x92, 0x98, -1],
  [0xa0, 0xa6, -1],
  // ref.null, ref.func
  [0xd0, 0xd0, 1],
  [0xd2, 0xd2, 1],
])

/** Of those behind 0xfc. */
export const BULK_STACK_EFFECTS: Int8Array = effects(18, 0, [
  [8, 8, -3],
  [10, 12, -3],
  [14, 14, -3],
  [15, 15, -1],
  [16, 16, 1],
  [17, 17, -3],
])

/** Of those behind 0xfd: most take two vectors and give one. */
export const VECTOR_STACK_EFFECTS: Int8Array = effects(VECTOR_IMMEDIATES.length, -1, [
  // Loads, a store, a constant; splats; lanes taken out.
  [0x00, 0x0a, 0],
  [0x0b, 0x0b, -2],
  [0x0c, 0x0c, 1],
  [0x0f, 0x16, 0],
  [0x18, 0x19, 0],
  [0x1b, 0x1b, 0],
  [0x1d, 0x1d, 0],
  [0x1f, 0x1f, 0],
  [0x21, 0x21, 0],
  // not, bitselect, any_true
  [0x4d, 0x4d, 0],
  [0x52, 0x52, -2],
  [0x53, 0x53, 0],
  // Lanes loaded (address and vector in, vector out) and stored.
  [0x58, 0x5b, -2],
  [0x5c, 0x5d, 0],
  // What takes one vector: conversions, signs, roundings, tests of all lanes.
  ...(
    [
      [0x5e, 0x64],
      [0x67, 0x6a],
      [0x74, 0x75],
      [0x7a, 0x7a],
      [0x7c, 0x81],
      [0x83, 0x84],
      [0x87, 0x8a],
      [0x94, 0x94],
      [0xa0, 0xa1],
      [0xa3, 0xa4],
      [0xa7, 0xaa],
      [0xc0, 0xc1],
      [0xc3, 0xc4],
      [0xc7, 0xca],
      [0xe0, 0xe1],
      [0xe3, 0xe3],
      [0xec, 0xed],
      [0xef, 0xef],
      [0xf8, 0xff],
    ] as const
  ).map(([from, to]) => [from, to, 0] as const),
])

/** Of an instruction that is neither control nor a call. */
export function stackEffectOf(opcode: number): number {
  if (opcode < 256) return STACK_EFFECTS[opcode]!
  return (opcode < 0xfd00 ? BULK_STACK_EFFECTS : VECTOR_STACK_EFFECTS)[opcode & 0xff]!
}
