/** Modules written byte by byte, for what no assembler writes. */

/** An unsigned integer (LEB128). */
export const u32 = (value: number): number[] => (value < 128 ? [value] : [(value & 0x7f) | 0x80, ...u32(value >>> 7)])

/** A signed one. */
export function signed(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest < -64n || rest > 63n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return [...bytes, Number(rest & 0x7fn)]
}

/** Entries with their count before them. */
export const vector = (...entries: readonly (readonly number[])[]): number[] => [
  ...u32(entries.length),
  ...entries.flat(),
]

/** A section with its length. */
export function section(id: number, ...parts: readonly (number | readonly number[])[]): number[] {
  const content = parts.flat()
  return [id, ...u32(content.length), ...content]
}

/** A body with its length. */
export const body = (locals: readonly number[], code: readonly number[]): number[] => [
  ...u32(locals.length + code.length + 1),
  ...locals,
  ...code,
  0x0b,
]

/** A name with its length. */
export const name = (text: string): number[] => [...u32(text.length), ...Buffer.from(text, 'latin1')]

/** A module of these sections. */
export const moduleOf = (...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()])

/** A module with one function, of no parameters and results, that has this code. */
export const functionOf = (...code: readonly number[]): Uint8Array<ArrayBuffer> =>
  moduleOf(section(1, 1, 0x60, 0, 0), section(3, 1, 0), section(10, vector(body([0], code))))

/** A module of functions that have so many variables and conditions, each of which sets one. */
export function branching(functions: number, locals: number, conditions: number): Uint8Array<ArrayBuffer> {
  const code = Array.from({ length: conditions }, () => [0x20, 0, 0x04, 0x40, 0x20, 0, 0x21, 1, 0x0b]).flat()
  const one = body([1, ...u32(locals), 0x7f], code)
  const all = Array.from({ length: functions }, () => one)
  const types = Array.from({ length: functions }, () => [0])
  return moduleOf(section(1, 1, 0x60, 0, 0), section(3, vector(...types)), section(10, vector(...all)))
}
