/**
 * The instructions that a plugin may use (core specification 2.0, section 5.4, and tail calls), what follows the opcode of
 * each, and what each costs. Whatever is not in here is refused, also where the engine knows it: an instruction that this
 * table does not know is one that nobody has set a price for.
 */

/** What follows an opcode. */
export const REFUSED = 0
export const PLAIN = 1
export const BLOCK = 2
export const LABEL = 3
export const LABEL_TABLE = 4
export const INDEX = 5
export const INDEX_AND_INDEX = 6
export const MEMORY_ARGUMENT = 7
export const MEMORY_ARGUMENT_AND_LANE = 8
export const ZERO_BYTE = 9
export const SIGNED_32 = 10
export const SIGNED_64 = 11
export const BYTES_4 = 12
export const BYTES_8 = 13
export const BYTES_16 = 14
export const LANE = 15
export const VALUE_TYPES = 16
export const REFERENCE_TYPE = 17
export const PREFIX = 18
export const INDEX_AND_ZERO_BYTE = 19
export const TWO_ZERO_BYTES = 20

/** The opcodes that metering looks at; those behind the prefix 0xfc have it as their upper byte. */
export const UNREACHABLE = 0x00
export const BLOCK_OP = 0x02
export const LOOP = 0x03
export const IF = 0x04
export const ELSE = 0x05
export const END = 0x0b
export const BR = 0x0c
export const BR_IF = 0x0d
export const BR_TABLE = 0x0e
export const RETURN = 0x0f
export const CALL = 0x10
export const CALL_INDIRECT = 0x11
export const RETURN_CALL = 0x12
export const RETURN_CALL_INDIRECT = 0x13
export const LOCAL_GET = 0x20
export const LOCAL_SET = 0x21
export const LOCAL_TEE = 0x22
export const GLOBAL_GET = 0x23
export const GLOBAL_SET = 0x24
export const TABLE_SET = 0x26
export const MEMORY_GROW = 0x40
export const I32_CONST = 0x41
export const I32_LT_S = 0x48
export const I32_LT_U = 0x49
export const I32_ADD = 0x6a
export const I32_SUB = 0x6b
export const I32_OR = 0x72
export const I32_MUL = 0x6c
export const I32_SHR_U = 0x76
export const SELECT = 0x1b
export const REF_FUNC = 0xd2
export const MEMORY_INIT = 0xfc08
export const MEMORY_COPY = 0xfc0a
export const MEMORY_FILL = 0xfc0b
export const TABLE_INIT = 0xfc0c
export const TABLE_COPY = 0xfc0e
export const TABLE_GROW = 0xfc0f
export const TABLE_FILL = 0xfc11

/** Operations whose work grows with the number on top of the stack. */
export const BULK_OPERATIONS: ReadonlySet<number> = new Set([
  MEMORY_INIT,
  MEMORY_COPY,
  MEMORY_FILL,
  TABLE_INIT,
  TABLE_COPY,
  TABLE_GROW,
  TABLE_FILL,
])

/** The type of a block that gives nothing, as a signed integer. */
export const EMPTY_BLOCK_TYPE = -64

function table(size: number, rows: readonly (readonly [from: number, to: number, value: number])[]): Uint8Array {
  const values = new Uint8Array(size)
  for (const [from, to, value] of rows) values.fill(value, from, to + 1)
  return values
}

/** What follows each opcode of one byte. */
export const IMMEDIATES: Uint8Array = table(256, [
  [0x00, 0x01, PLAIN],
  [0x02, 0x04, BLOCK],
  [0x05, 0x05, PLAIN],
  [0x0b, 0x0b, PLAIN],
  [0x0c, 0x0d, LABEL],
  [0x0e, 0x0e, LABEL_TABLE],
  [0x0f, 0x0f, PLAIN],
  [0x10, 0x10, INDEX],
  [0x11, 0x11, INDEX_AND_INDEX],
  [0x12, 0x12, INDEX],
  [0x13, 0x13, INDEX_AND_INDEX],
  [0x1a, 0x1b, PLAIN],
  [0x1c, 0x1c, VALUE_TYPES],
  [0x20, 0x26, INDEX],
  [0x28, 0x3e, MEMORY_ARGUMENT],
  [0x3f, 0x40, ZERO_BYTE],
  [0x41, 0x41, SIGNED_32],
  [0x42, 0x42, SIGNED_64],
  [0x43, 0x43, BYTES_4],
  [0x44, 0x44, BYTES_8],
  [0x45, 0xc4, PLAIN],
  [0xd0, 0xd0, REFERENCE_TYPE],
  [0xd1, 0xd1, PLAIN],
  [0xd2, 0xd2, INDEX],
  [0xfc, 0xfd, PREFIX],
])

/** The same behind 0xfc: conversions that saturate, bulk memory, tables. */
export const BULK_IMMEDIATES: Uint8Array = table(18, [
  [0, 7, PLAIN],
  [8, 8, INDEX_AND_ZERO_BYTE],
  [9, 9, INDEX],
  [10, 10, TWO_ZERO_BYTES],
  [11, 11, ZERO_BYTE],
  [12, 12, INDEX_AND_INDEX],
  [13, 13, INDEX],
  [14, 14, INDEX_AND_INDEX],
  [15, 17, INDEX],
])

const VECTOR_HOLES = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2,
  0xee,
]

/** The same behind 0xfd: vectors of 128 bits. The relaxed ones (0x100 and up) differ between machines and are refused. */
export const VECTOR_IMMEDIATES: Uint8Array = table(256, [
  [0x00, 0x0b, MEMORY_ARGUMENT],
  [0x0c, 0x0d, BYTES_16],
  [0x0e, 0x14, PLAIN],
  [0x15, 0x22, LANE],
  [0x23, 0x53, PLAIN],
  [0x54, 0x5b, MEMORY_ARGUMENT_AND_LANE],
  [0x5c, 0x5d, MEMORY_ARGUMENT],
  [0x5e, 0xff, PLAIN],
  ...VECTOR_HOLES.map((hole) => [hole, hole, REFUSED] as const),
])

/**
 * What an opcode of one byte costs: one for an instruction, nothing for what only gives the code its shape, more for what
 * a processor takes many cycles for. Those behind a prefix cost one.
 */
export const COSTS: Uint8Array = table(256, [
  [0x00, 0xff, 1],
  [BLOCK_OP, LOOP, 0],
  [ELSE, ELSE, 0],
  [END, END, 0],
  // A call saves, jumps, checks the stack and comes back; an indirect one compares types too.
  [CALL, CALL, 4],
  [CALL_INDIRECT, CALL_INDIRECT, 6],
  [RETURN_CALL, RETURN_CALL, 4],
  [RETURN_CALL_INDIRECT, RETURN_CALL_INDIRECT, 6],
  // Setting an entry of a table is a call of the engine.
  [TABLE_SET, TABLE_SET, 64],
  // Division and remainder of integers; square roots and division of floats.
  [0x6d, 0x70, 8],
  [0x7f, 0x82, 8],
  [0x91, 0x91, 4],
  [0x95, 0x95, 4],
  [0x9f, 0x9f, 4],
  [0xa3, 0xa3, 4],
])

/** Names for those who read a refusal: what the first opcodes of the proposals belong to that are not taken. */
export function whatIs(opcode: number): string {
  if (opcode >= 0x06 && opcode <= 0x0a) return 'exceptions'
  if (opcode === 0x18 || opcode === 0x19 || opcode === 0x1f) return 'exceptions'
  if (opcode === 0x14 || opcode === 0x15) return 'calls through typed references'
  if (opcode >= 0xd3 && opcode <= 0xd6) return 'typed references'
  if (opcode === 0xfb) return 'garbage-collected types'
  if (opcode === 0xfe) return 'threads and atomics'
  return 'an unknown instruction'
}
