/** Reads constant expressions (core specification, section 3.3.10), extended by sums and products as linkers write them. */
import type { ByteReader } from './byte-reader.ts'
import { END, I32_CONST, GLOBAL_GET, REF_FUNC } from './opcodes.ts'
import { refuse } from './refuse-module.ts'

/** Steps over one, and adds the functions that it refers to. */
export function readConstant(part: ByteReader, referenced: Set<number>): void {
  for (;;) {
    const at = part.at
    const opcode = part.u8()
    if (opcode === END) return
    if (opcode === I32_CONST) part.skipSigned(32)
    else if (opcode === 0x42) part.skipSigned(64)
    else if (opcode === 0x43) part.skip(4)
    else if (opcode === 0x44) part.skip(8)
    else if (opcode === GLOBAL_GET) part.u32()
    else if (opcode === REF_FUNC) referenced.add(part.u32())
    else if (opcode === 0xd0) part.u8()
    else if (opcode === 0xfd && part.u32() === 0x0c) part.skip(16)
    else if (!((opcode >= 0x6a && opcode <= 0x6c) || (opcode >= 0x7c && opcode <= 0x7e)))
      refuse(`0x${opcode.toString(16)} is no constant that is taken`, at)
  }
}
