/** The instructions of a module that are not just copied: many, so they are kept as columns of numbers. */

/** What an instruction needs. */
export const EDIT = {
  /** The counter has to be in its global meanwhile. */
  call: 0,
  /** All has to be given back before. */
  tailCall: 1,
  /** Becomes a branch to where all is given back. */
  return: 2,
  /** Costs by the length on the stack. */
  bulk: 3,
} as const

export class EditList {
  readonly kinds: number[] = []
  /** The first byte of the instruction, and behind its last. */
  readonly from: number[] = []
  readonly to: number[] = []
  /** Of a bulk operation the opcode, of a return the number of blocks that are open. */
  readonly values: number[] = []

  get length(): number {
    return this.kinds.length
  }

  add(kind: number, from: number, to: number, value: number): void {
    this.kinds.push(kind)
    this.from.push(from)
    this.to.push(to)
    this.values.push(value)
  }
}
