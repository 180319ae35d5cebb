/** Steps over what follows an opcode, and refuses the instructions that are not taken. */
import type { ByteReader } from './byte-reader.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import { readReferenceType, readValueType } from './module-types.ts'
import * as op from './opcodes.ts'
import { refuse } from './refuse-module.ts'

/**
 * Reads an opcode, with what is behind its prefix: `0xfc08` for the ninth of those behind 0xfc.
 * What follows it is still to be read.
 */
export function readOpcode(reader: ByteReader): number {
  const at = reader.at
  const first = reader.u8()
  const shape = op.IMMEDIATES[first]!
  if (shape !== op.REFUSED && shape !== op.PREFIX) return first
  if (shape === op.PREFIX) {
    const second = reader.u32()
    const known = first === 0xfc ? op.BULK_IMMEDIATES : op.VECTOR_IMMEDIATES
    if (second >= known.length || known[second] === op.REFUSED) {
      const kind = first === 0xfd ? 'a relaxed or unknown vector instruction' : 'an unknown instruction'
      refuse(`it uses ${kind}, 0x${first.toString(16)} 0x${second.toString(16)}`, at)
    }
    return first * 256 + second
  }
  return refuse(`it uses ${op.whatIs(first)}, 0x${first.toString(16)}`, at)
}

/** The shape of what follows. */
export function shapeOf(opcode: number): number {
  if (opcode < 256) return op.IMMEDIATES[opcode]!
  return (opcode < 0xfd00 ? op.BULK_IMMEDIATES : op.VECTOR_IMMEDIATES)[opcode & 0xff]!
}

/** Steps over it. */
export function skipImmediate(reader: ByteReader, shape: number): void {
  switch (shape) {
    case op.PLAIN:
      return
    case op.BLOCK:
      reader.s33()
      return
    case op.LABEL:
    case op.INDEX:
      reader.u32()
      return
    case op.LABEL_TABLE:
      for (let left = reader.count('labels', MODULE_LIMITS.labels); left >= 0; left--) reader.u32()
      return
    case op.INDEX_AND_INDEX:
      reader.u32()
      reader.u32()
      return
    case op.MEMORY_ARGUMENT:
      skipMemoryArgument(reader)
      return
    case op.MEMORY_ARGUMENT_AND_LANE:
      skipMemoryArgument(reader)
      reader.skip(1)
      return
    case op.LANE:
      reader.skip(1)
      return
    case op.ZERO_BYTE:
      skipMemoryIndex(reader)
      return
    case op.TWO_ZERO_BYTES:
      skipMemoryIndex(reader)
      skipMemoryIndex(reader)
      return
    case op.INDEX_AND_ZERO_BYTE:
      reader.u32()
      skipMemoryIndex(reader)
      return
    case op.SIGNED_32:
      reader.skipSigned(32)
      return
    case op.SIGNED_64:
      reader.skipSigned(64)
      return
    case op.BYTES_4:
      reader.skip(4)
      return
    case op.BYTES_8:
      reader.skip(8)
      return
    case op.BYTES_16:
      reader.skip(16)
      return
    case op.VALUE_TYPES:
      for (let left = reader.count('types', 1); left > 0; left--) readValueType(reader)
      return
    case op.REFERENCE_TYPE:
      readReferenceType(reader)
      return
    default:
      refuse('it uses an unknown instruction', reader.at)
  }
}

/** Alignment and offset. An alignment of 64 and more says that another memory's index follows. */
function skipMemoryArgument(reader: ByteReader): void {
  const at = reader.at
  if (reader.u32() >= 64) refuse('it uses more than one memory', at)
  reader.u32()
}

function skipMemoryIndex(reader: ByteReader): void {
  const at = reader.at
  if (reader.u32() !== 0) refuse('it uses more than one memory', at)
}
