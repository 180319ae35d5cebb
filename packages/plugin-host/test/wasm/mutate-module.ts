/**
 * Makes modules that nobody wrote. Changes of bytes are for the reader: most are no module any more. Changes of instructions
 * leave most modules valid, and are for the charges: loops that do not end, lengths that are too large, calls in a circle.
 */
import { PluginError } from '@sluice/core'
import { ByteReader } from '../../src/wasm/byte-reader.ts'
import { readOpcode, shapeOf, skipImmediate } from '../../src/wasm/instruction-reader.ts'
import { ModuleReader } from '../../src/wasm/module-reader.ts'
import { LABEL_TABLE } from '../../src/wasm/opcodes.ts'
import { SECTION, type Span } from '../../src/wasm/sections.ts'
import { section, signed, u32, vector } from './bytes.ts'
import type { Dice } from './inputs.ts'

/** A changed copy: one or two changes, both of bytes or all of instructions. */
export function mutate(bytes: Uint8Array, roll: Dice): Uint8Array<ArrayBuffer> {
  let mutant = new Uint8Array(bytes)
  const change = roll(3) === 0 ? changeBytes : changeInstruction
  for (let left = 1 + roll(2); left > 0; left--) mutant = change(mutant, roll)
  return mutant
}

function changeBytes(bytes: Uint8Array, roll: Dice): Uint8Array<ArrayBuffer> {
  const at = roll(bytes.length)
  const until = Math.min(bytes.length, at + 1 + roll(8))
  const some = Array.from({ length: 1 + roll(4) }, () => roll(256))
  const ways = [
    (): number[] => [...bytes.subarray(0, at), bytes[at]! ^ (1 << roll(8)), ...bytes.subarray(at + 1)],
    (): number[] => [...bytes.subarray(0, at), roll(256), ...bytes.subarray(at + 1)],
    (): number[] => [...bytes.subarray(0, at), ...some, ...bytes.subarray(at)],
    (): number[] => [...bytes.subarray(0, at), ...bytes.subarray(until)],
    (): number[] => [...bytes.subarray(0, until), ...bytes.subarray(at)],
    (): number[] => [...bytes.subarray(0, at)],
  ]
  // To cut the rest off is one way of many.
  return Uint8Array.from(ways[roll(20) === 0 ? 5 : roll(5)]!())
}

/** Gives a module that can't be read back as it is. */
function changeInstruction(bytes: Uint8Array<ArrayBuffer>, roll: Dice): Uint8Array<ArrayBuffer> {
  try {
    return withChange(new ModuleReader(bytes), roll)
  } catch (error) {
    if (PluginError.is(error)) return bytes
    throw error
  }
}

function withChange(module: ModuleReader, roll: Dice): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(module.bytes)
  if (module.bodies.length === 0) return bytes
  const index = roll(module.bodies.length)
  const body = module.bodies[index]!
  const instructions = instructionsOf(bytes, body)
  const at = instructions[roll(instructions.length)]!
  const isLast = at.to === body.to
  const added = roll(3) === 0 || isLast
  const replaced = added ? [...hostile(module, roll), ...bytes.subarray(at.from, at.to)] : variant(bytes, at, roll)
  const changed = [...bytes.subarray(body.from, at.from), ...replaced, ...bytes.subarray(at.to, body.to)]
  const bodies = module.bodies.map((each, place) => {
    const content = place === index ? changed : [...bytes.subarray(each.from, each.to)]
    return [...u32(content.length), ...content]
  })
  const parts = module.sections.map(({ id, from, to }) =>
    id === SECTION.code ? section(id, vector(...bodies)) : section(id, [...bytes.subarray(from, to)]),
  )
  return Uint8Array.from([...bytes.subarray(0, 8), ...parts.flat()])
}

interface Instruction extends Span {
  readonly opcode: number
}

function instructionsOf(bytes: Uint8Array, { from, to }: Span): Instruction[] {
  const reader = new ByteReader(bytes, from, to)
  for (let groups = reader.u32(); groups > 0; groups--) {
    reader.u32()
    reader.u8()
  }
  const all: Instruction[] = []
  while (!reader.isDone) {
    const start = reader.at
    const opcode = readOpcode(reader)
    skipImmediate(reader, shapeOf(opcode))
    all.push({ opcode, from: start, to: reader.at })
  }
  return all
}

/** Instructions that fit wherever one of them does, as first and last opcode. */
const KIN = [
  [0x02, 0x03],
  [0x0c, 0x0d],
  [0x20, 0x22],
  [0x2c, 0x2f],
  [0x30, 0x35],
  [0x46, 0x4f],
  [0x51, 0x5a],
  [0x5b, 0x60],
  [0x61, 0x66],
  [0x67, 0x69],
  [0x6a, 0x78],
  [0x79, 0x7b],
  [0x7c, 0x8a],
  [0x8b, 0x91],
  [0x92, 0x98],
  [0x99, 0x9f],
  [0xa0, 0xa6],
  [0xc2, 0xc4],
] as const

/** Another instruction of its kind, or the same with another number. */
function variant(bytes: Uint8Array, { opcode, from, to }: Instruction, roll: Dice): number[] {
  const rest = [...bytes.subarray(from + 1, to)]
  const kin = KIN.find(([first, last]) => opcode >= first && opcode <= last)
  if (opcode === 0x41) return [opcode, ...signed(BigInt([0, 1, -1, 0x7fffffff, -0x80000000, roll(70_000)][roll(6)]!))]
  if (opcode < 256 && shapeOf(opcode) === LABEL_TABLE) return [0x0e, ...vector(u32(roll(4)), u32(roll(4))), roll(4)]
  const isNumber = opcode >= 0x0c && opcode <= 0x26 && rest.length === 1
  if (isNumber && (kin === undefined || roll(2) === 0)) return [opcode, roll(5)]
  if (kin === undefined) return [opcode & 0xff, ...rest]
  return [kin[0] + roll(kin[1] - kin[0] + 1), ...rest]
}

const I32_CONST = (value: number): number[] => [0x41, ...signed(BigInt(value))]

/** What a guest that means harm would add: each leaves the stack as it was. */
function hostile(module: ModuleReader, roll: Dice): number[] {
  const plain = [...module.functions.keys()].filter((index) => {
    const { parameters, results } = module.signatureOf(index)
    return parameters.length === 0 && results.length === 0
  })
  const sizes = [0, 1, 64, 65_536, 0x7fffffff, -1]
  const size = (): number[] => I32_CONST(sizes[roll(sizes.length)]!)
  const ways = [
    [0x03, 0x40, 0x0c, 0, 0x0b],
    [0x03, 0x40, ...I32_CONST(1), 0x0d, 0, 0x0b],
    [0x03, 0x40, 0x02, 0x40, ...I32_CONST(roll(3)), 0x0e, 2, 1, 0, 1, 0x0b, 0x0c, 0, 0x0b],
    [0x03, 0x40, ...size(), 0x40, 0, 0x1a, 0x0c, 0, 0x0b],
    [0x03, 0x40, ...size(), ...size(), ...size(), 0xfc, 11, 0, 0x0c, 0, 0x0b],
    [0x03, 0x40, ...size(), ...size(), ...size(), 0xfc, 10, 0, 0, 0x0c, 0, 0x0b],
    [0x03, 0x40, 0xd0, 0x70, ...size(), 0xfc, 15, 0, 0x1a, 0x0c, 0, 0x0b],
    [0x03, 0x40, ...I32_CONST(0), 0xd0, 0x70, ...size(), 0xfc, 17, 0, 0x0c, 0, 0x0b],
    [0x03, 0x40, ...I32_CONST(roll(4)), 0x11, ...u32(roll(module.types.length)), 0, 0x0c, 0, 0x0b],
    plain.length > 0 ? [0x10, ...u32(plain[roll(plain.length)]!)] : [0x01],
    plain.length > 0 ? [0x12, ...u32(plain[roll(plain.length)]!)] : [0x0f],
    [0x00],
  ]
  return ways[roll(ways.length)]!
}
