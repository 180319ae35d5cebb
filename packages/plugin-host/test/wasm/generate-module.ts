/**
 * Random valid modules: typed programs for a stack machine, with all kinds of control, that end by themselves. Loops and
 * calls are only continued while a budget in a global lasts. Bits of NaN are never looked at, since they may differ.
 */
import { body, moduleOf, name, section, signed, u32, vector } from './bytes.ts'
import { dice, type Dice } from './inputs.ts'

const I32 = 0x7f
const I64 = 0x7e
const F32 = 0x7d
const F64 = 0x7c
const NUMBERS = [I32, I64, F32, F64]

/** Globals: one of each type, then the budget, then the count of instructions. */
const BUDGET = 4
const COUNT = 5

/** Instructions that take two values of a type and give one of it. */
const BINARY: Readonly<Record<number, readonly number[]>> = {
  [I32]: [0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x6d, 0x70],
  [I64]: [0x7c, 0x7d, 0x7e, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x80, 0x81],
  [F32]: [0x92, 0x93, 0x94, 0x95, 0x96, 0x97],
  [F64]: [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5],
}

/** Those that take one. */
const UNARY: Readonly<Record<number, readonly number[]>> = {
  [I32]: [0x67, 0x68, 0x69, 0xc0, 0xc1],
  [I64]: [0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4],
  [F32]: [0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91],
  [F64]: [0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f],
}

/** Those that compare two, giving an i32. */
const COMPARE: Readonly<Record<number, readonly number[]>> = {
  [I32]: [0x46, 0x47, 0x48, 0x49, 0x4a, 0x4f],
  [I64]: [0x51, 0x52, 0x53, 0x54, 0x55, 0x5a],
  [F32]: [0x5b, 0x5c, 0x5d, 0x60],
  [F64]: [0x61, 0x62, 0x63, 0x66],
}

/** From another type: what it takes, and the instruction. Conversions to integers saturate. */
const CONVERT: Readonly<Record<number, readonly (readonly [number, readonly number[]])[]>> = {
  [I32]: [
    [I64, [0xa7]],
    [F32, [0xfc, 0]],
    [F64, [0xfc, 3]],
    [I32, [0x45]],
    [I64, [0x50]],
  ],
  [I64]: [
    [I32, [0xac]],
    [I32, [0xad]],
    [F32, [0xfc, 4]],
    [F64, [0xfc, 7]],
  ],
  [F32]: [
    [I32, [0xb2]],
    [I64, [0xb5]],
    [F64, [0xb6]],
  ],
  [F64]: [
    [I32, [0xb8]],
    [I64, [0xb9]],
    [F32, [0xbb]],
  ],
}

/** A module, and the same module counting what it runs into a global. */
export interface Generated {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly counting: Uint8Array<ArrayBuffer>
}

/** The same for the same seed; without bulk operations every instruction is cheap. Exports `run`, of an i32 and an i64, `memory`, the globals `g0` to `g3` and `count`. */
export function generateModule(seed: number, hasBulk: boolean): Generated {
  const make = (isCounting: boolean) => new Program(dice(seed), hasBulk, isCounting).assemble()
  return { bytes: make(false), counting: make(true) }
}

interface Signature {
  readonly parameters: readonly number[]
  readonly results: readonly number[]
}

interface Label {
  readonly results: readonly number[]
  readonly isLoop: boolean
}

class Program {
  readonly #roll: Dice
  readonly #hasBulk: boolean
  readonly #isCounting: boolean
  readonly #signatures: Signature[]
  #code: number[] = []
  #locals: number[] = []
  #labels: Label[] = []
  /** The function at hand; it may call those before it. */
  #index = 0

  constructor(roll: Dice, hasBulk: boolean, isCounting: boolean) {
    this.#roll = roll
    this.#hasBulk = hasBulk
    this.#isCounting = isCounting
    const some = (most: number): number[] => Array.from({ length: roll(most + 1) }, () => this.#pick(NUMBERS))
    const inner = Array.from({ length: 1 + roll(4) }, () => ({ parameters: some(3), results: some(3) }))
    this.#signatures = [...inner, { parameters: [I32, I64], results: [I32, F64] }]
  }

  assemble(): Uint8Array<ArrayBuffer> {
    const bodies = this.#signatures.map((signature, index) => this.#body(signature, index))
    const types = this.#signatures.map(({ parameters, results }) => [
      0x60,
      ...vector(...parameters.map((type) => [type])),
      ...vector(...results.map((type) => [type])),
    ])
    const global = (type: number, ...value: readonly number[]): number[] => [type, 1, ...value, 0x0b]
    const exported = (index: number): number[] => [...name(`g${index}`), 3, index]
    const last = bodies.length - 1
    return moduleOf(
      section(1, vector(...types)),
      section(3, vector(...bodies.map((_, index) => u32(index)))),
      section(4, vector([0x70, 0, ...u32(bodies.length)])),
      section(5, vector([1, 1, 3])),
      section(
        6,
        vector(
          global(I32, 0x41, 7),
          global(I64, 0x42, 9),
          global(F32, 0x43, 0, 0, 0x80, 0x3f),
          global(F64, 0x44, 0, 0, 0, 0, 0, 0, 0, 0x40),
          global(I32, 0x41, ...signed(300n)),
          global(I32, 0x41, 0),
        ),
      ),
      section(
        7,
        vector([...name('run'), 0, last], [...name('memory'), 2, 0], ...[0, 1, 2, 3].map(exported), [
          ...name('count'),
          3,
          COUNT,
        ]),
      ),
      section(9, vector([0, 0x41, 0, 0x0b, ...vector(...bodies.map((_, index) => u32(index)))])),
      section(12, 1),
      section(10, vector(...bodies)),
      section(11, vector([1, ...vector(...[...Array(40).keys()].map((byte) => [byte]))])),
    )
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#roll(from.length)]!
  }

  #body({ parameters, results }: Signature, index: number): number[] {
    const declared = Array.from({ length: this.#roll(6) }, () => this.#pick(NUMBERS))
    this.#index = index
    this.#code = []
    this.#locals = [...parameters, ...declared]
    this.#labels = [{ results, isLoop: false }]
    for (let left = 1 + this.#roll(6); left > 0; left--) this.#statement(4)
    for (const type of results) this.#value(type, 3)
    return body(vector(...declared.map((type) => [1, type])), this.#code)
  }

  /** An instruction. */
  #do(...bytes: readonly number[]): void {
    if (this.#isCounting) this.#code.push(0x23, COUNT, 0x41, 1, 0x6a, 0x24, COUNT)
    this.#code.push(...bytes)
  }

  /** What only gives the code its shape. */
  #shape(...bytes: readonly number[]): void {
    this.#code.push(...bytes)
  }

  #within(label: Label, inside: () => void): void {
    this.#labels.push(label)
    inside()
    this.#labels.pop()
    this.#shape(0x0b)
  }

  /** Puts a value of a type on the stack. */
  #value(type: number, depth: number): void {
    const roll = this.#roll(depth <= 0 ? 3 : 14)
    if (roll <= 1) this.#constant(type)
    else if (roll === 2) this.#variable(type)
    else if (roll <= 5) this.#operation(type, depth)
    else if (roll === 6) {
      const [from, instruction] = this.#pick(CONVERT[type]!)
      this.#value(from, depth - 1)
      this.#do(...instruction)
    } else if (roll === 7 && type === I32) {
      const compared = this.#pick(NUMBERS)
      this.#value(compared, depth - 1)
      this.#value(compared, depth - 1)
      this.#do(this.#pick(COMPARE[compared]!))
    } else if (roll === 8 && (type === I32 || type === I64)) {
      this.#address(depth)
      if (type === I32) this.#do(this.#pick([0x2c, 0x2d, 0x2e, 0x2f]), 0, this.#roll(100))
      else this.#do(this.#pick([0x29, 0x30, 0x33, 0x35]), 0, this.#roll(100))
    } else if (roll === 9) {
      this.#value(type, depth - 1)
      this.#value(type, depth - 1)
      this.#value(I32, depth - 1)
      this.#do(0x1b)
    } else if (roll === 10) this.#block(type, depth)
    else if (roll === 11) this.#condition([type], depth)
    else if (roll === 12 && type === I32) this.#memory(depth)
    else this.#tee(type, depth)
  }

  #constant(type: number): void {
    if (type === I32) this.#do(0x41, ...signed(BigInt(this.#roll(2_000) - 1_000)))
    else if (type === I64)
      this.#do(0x42, ...signed(BigInt(this.#roll(1_000_000) - 500_000) * BigInt(1 + this.#roll(1_000_000))))
    else if (type === F32) this.#do(0x43, 0, 0, this.#roll(256), 0x3e + this.#roll(4))
    else this.#do(0x44, 0, 0, 0, 0, 0, 0, this.#roll(256), 0x3f + this.#roll(2))
  }

  /** A local variable of a type where there is one; otherwise the global. */
  #localOf(type: number): number | undefined {
    const fitting = [...this.#locals.keys()].filter((index) => this.#locals[index] === type)
    return fitting.length === 0 ? undefined : this.#pick(fitting)
  }

  #variable(type: number): void {
    const local = this.#localOf(type)
    if (local === undefined) this.#do(0x23, NUMBERS.indexOf(type))
    else this.#do(0x20, local)
  }

  #tee(type: number, depth: number): void {
    this.#value(type, depth - 1)
    const local = this.#localOf(type)
    if (local !== undefined) this.#do(0x22, local)
  }

  #operation(type: number, depth: number): void {
    this.#value(type, depth - 1)
    if (this.#roll(3) === 0) {
      this.#do(this.#pick(UNARY[type]!))
      return
    }
    this.#value(type, depth - 1)
    this.#do(this.#pick(BINARY[type]!))
  }

  #address(depth: number): void {
    this.#value(I32, depth - 1)
    this.#do(0x41, ...signed(0xfffn))
    this.#do(0x71)
  }

  /** A block with a value that a branch may bring along. */
  #block(type: number, depth: number): void {
    this.#shape(0x02, type)
    this.#within({ results: [type], isLoop: false }, () => {
      this.#value(type, depth - 1)
      this.#value(I32, depth - 1)
      this.#do(0x0d, 0)
      this.#do(0x1a)
      if (this.#roll(2) === 0) this.#statement(depth - 1)
      this.#value(type, depth - 1)
    })
  }

  #condition(results: readonly number[], depth: number): void {
    this.#value(I32, depth - 1)
    this.#do(0x04, results[0] ?? 0x40)
    this.#within({ results, isLoop: false }, () => {
      this.#some(results, depth)
      if (results.length === 0 && this.#roll(2) === 0) return
      this.#shape(0x05)
      this.#some(results, depth)
    })
  }

  #some(results: readonly number[], depth: number): void {
    for (let left = this.#roll(3); left > 0; left--) this.#statement(depth - 1)
    for (const type of results) this.#value(type, depth - 1)
  }

  #memory(depth: number): void {
    if (!this.#hasBulk || this.#roll(2) === 0) {
      this.#do(0x3f, 0)
      return
    }
    this.#value(I32, depth - 1)
    this.#do(0x41, 1)
    this.#do(0x71)
    this.#do(0x40, 0)
  }

  #statement(depth: number): void {
    const roll = this.#roll(depth <= 0 ? 3 : 16)
    if (roll <= 2) this.#assign(depth)
    else if (roll === 3) this.#store(depth)
    else if (roll <= 5) this.#condition([], depth)
    else if (roll <= 7) this.#loop(depth)
    else if (roll === 8) {
      this.#shape(0x02, 0x40)
      this.#within({ results: [], isLoop: false }, () => this.#some([], depth + 1))
    } else if (roll <= 10) this.#leave(depth)
    else if (roll === 11) this.#switch(depth)
    else if (roll <= 13) this.#call(depth)
    else if (roll === 14 && this.#hasBulk) this.#bulk(depth)
    else this.#do(0x01)
  }

  #assign(depth: number): void {
    const type = this.#pick(NUMBERS)
    this.#value(type, depth - 1)
    const local = this.#localOf(type)
    if (local === undefined || this.#roll(4) === 0) this.#do(0x24, NUMBERS.indexOf(type))
    else this.#do(0x21, local)
  }

  #store(depth: number): void {
    this.#address(depth)
    const isLong = this.#roll(2) === 0
    this.#value(isLong ? I64 : I32, depth - 1)
    if (isLong) this.#do(0x37, 0, this.#roll(100))
    else this.#do(this.#pick([0x36, 0x3a, 0x3b]), 0, this.#roll(100))
  }

  /** One more of the budget; whether there was one is on the stack. */
  #spend(): void {
    this.#do(0x23, BUDGET)
    this.#do(0x41, 1)
    this.#do(0x6b)
    this.#do(0x24, BUDGET)
    this.#do(0x23, BUDGET)
    this.#do(0x41, 0)
    this.#do(0x4a)
  }

  #loop(depth: number): void {
    this.#shape(0x03, 0x40)
    this.#within({ results: [], isLoop: true }, () => {
      this.#some([], depth)
      this.#spend()
      if (this.#roll(2) === 0) {
        this.#value(I32, depth - 1)
        this.#do(0x71)
      }
      this.#do(0x0d, 0)
    })
  }

  /** Goes to an outer block, perhaps; back to a loop only while the budget lasts. */
  #leave(depth: number): void {
    const target = this.#roll(this.#labels.length)
    const { results, isLoop } = this.#labels[this.#labels.length - 1 - target]!
    this.#value(I32, depth - 1)
    this.#do(0x04, 0x40)
    this.#within({ results: [], isLoop: false }, () => {
      if (isLoop) {
        this.#spend()
        this.#do(0x0d, ...u32(target + 1))
        return
      }
      for (const type of results) this.#value(type, depth - 2)
      if (target === this.#labels.length - 2 && this.#roll(2) === 0) this.#do(0x0f)
      else this.#do(0x0c, ...u32(target + 1))
      // Nothing leads here.
      if (this.#roll(3) === 0) this.#statement(depth - 2)
    })
  }

  #switch(depth: number): void {
    const ways = 1 + this.#roll(4)
    const nothing: Label = { results: [], isLoop: false }
    for (let way = 0; way < ways; way++) {
      this.#shape(0x02, 0x40)
      this.#labels.push(nothing)
    }
    this.#value(I32, depth - 1)
    this.#do(0x0e, ...vector(...Array.from({ length: this.#roll(6) }, () => u32(this.#roll(ways)))), this.#roll(ways))
    for (let way = 0; way < ways; way++) {
      this.#labels.pop()
      this.#shape(0x0b)
      this.#statement(depth - 1)
    }
  }

  #call(depth: number): void {
    if (this.#index === 0) return
    const callee = this.#roll(this.#index)
    const { parameters, results } = this.#signatures[callee]!
    this.#spend()
    this.#do(0x04, 0x40)
    this.#within({ results: [], isLoop: false }, () => {
      for (const type of parameters) this.#value(type, depth - 2)
      if (this.#roll(3) === 0) {
        this.#do(0x41, ...signed(BigInt(callee)))
        this.#do(0x11, ...u32(callee), 0)
      } else this.#do(0x10, ...u32(callee))
      for (const type of results.toReversed()) {
        const local = this.#localOf(type)
        if (local === undefined) this.#do(0x1a)
        else this.#do(0x21, local)
      }
    })
  }

  #bulk(depth: number): void {
    this.#address(depth)
    const kind = this.#roll(3)
    if (kind === 0) this.#value(I32, depth - 1)
    else if (kind === 1) this.#address(depth)
    else this.#do(0x41, this.#roll(20))
    this.#value(I32, depth - 1)
    this.#do(0x41, this.#roll(20))
    this.#do(0x71)
    if (kind === 0) this.#do(0xfc, 11, 0)
    else if (kind === 1) this.#do(0xfc, 10, 0, 0)
    else this.#do(0xfc, 8, 0, 0)
  }
}
