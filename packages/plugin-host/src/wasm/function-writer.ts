/**
 * Writes a function with its charges.
 *
 * The counter is a global of the module, counted down. A function with loops keeps it in a local variable, which the
 * compiler holds in a register, and gives it back before it calls and before it leaves: a JSON parser then costs 10 % more
 * than unmetered instead of 18 %. For that the body becomes a block, so that all its exits lead to one place.
 *
 * Functions also take their frames from a count of the stack (`stack-charges.ts`). Without it the guest chooses the depth at
 * which the engine's stack ends, and so the place within a host function where that dies half done.
 */
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { EDIT } from './edit-list.ts'
import type { FunctionPlan, FunctionPlanner } from './function-plan.ts'
import { byteOf } from './module-types.ts'
import * as op from './opcodes.ts'

/** What all functions of a module have in common. */
export interface WriterSettings {
  readonly bytes: Uint8Array
  /** The indices of the two counters. */
  readonly fuel: number
  readonly stack: number
  readonly maxTableEntries: number
}

/** Bytes of memory that one unit pays for: a processor moves 8 in the time of an instruction. */
const BYTES_SHIFT = 3
/** A page is cleared when it is first touched. */
const PAGE_COST = 65_536 >> BYTES_SHIFT
const MAX_PAGES = 65_536
/** An entry of a table is a type, a function and its instance: 30 to 130 ns. */
const ENTRY_COST = 64
/** To grow is a call of the engine, even by nothing. */
const GROW_COST = 2_000

/** What a trap leaves in the counter that has caused it. */
const EMPTY = -1

const I32 = byteOf('i32')

export class FunctionWriter {
  readonly #out: ByteWriter
  readonly #settings: WriterSettings
  readonly #planner: FunctionPlanner
  /** The variable for the counter, or what is left of it; the next one is for a length. */
  #fuelLocal = 0
  /** Whether the variable is the counter, and the global behind the times. */
  #isLocal = false
  #frameBytes = 0

  constructor(out: ByteWriter, planner: FunctionPlanner, settings: WriterSettings) {
    this.#out = out
    this.#planner = planner
    this.#settings = settings
  }

  /**
   * `blockType`: that of a block with the function's results, as a signed integer; `frameBytes`: what it takes of the stack, 0
   * where it does not count.
   */
  write(plan: FunctionPlan, blockType: number, frameBytes: number): void {
    const out = this.#out
    this.#isLocal = plan.hasLoop
    this.#fuelLocal = plan.locals
    this.#frameBytes = frameBytes
    this.#writeLocals(plan)
    const isWrapped = this.#isLocal || this.#frameBytes > 0
    if (isWrapped) {
      out.u8(op.BLOCK_OP)
      out.s32(blockType)
    }
    this.#writeCode(plan, isWrapped)
    if (isWrapped) {
      this.#leave()
      out.u8(op.END)
    }
  }

  #writeLocals({ body, codeStart, hasBulk }: FunctionPlan): void {
    const out = this.#out
    const { bytes } = this.#settings
    const reader = new ByteReader(bytes, body.from, body.to)
    out.u32(reader.u32() + 1)
    out.bytes(bytes, reader.at, codeStart)
    out.u32(hasBulk || this.#frameBytes > 0 ? 2 : 1)
    out.u8(I32)
  }

  #writeCode(plan: FunctionPlan, isWrapped: boolean): void {
    const { bytes } = this.#settings
    const { edits, points } = this.#planner
    let at = plan.codeStart
    let edit = plan.edits.from
    for (let point = plan.points.from; point <= plan.points.to; point++) {
      const isPoint = point < plan.points.to
      const place = isPoint ? points.places[point]! : plan.body.to
      for (; edit < plan.edits.to && edits.from[edit]! < place; edit++) {
        this.#out.bytes(bytes, at, edits.from[edit])
        this.#writeEdit(edit, isWrapped)
        at = edits.to[edit]!
      }
      this.#out.bytes(bytes, at, place)
      at = place
      if (isPoint && point === plan.points.from) this.#enter(points.costs[point]!)
      else if (isPoint) this.#charge(points.costs[point]!)
    }
  }

  #writeEdit(edit: number, isWrapped: boolean): void {
    const out = this.#out
    const { edits } = this.#planner
    const kind = edits.kinds[edit]!
    if (kind === EDIT.return && isWrapped) {
      this.#with(op.BR, edits.values[edit]!)
      return
    }
    if (kind === EDIT.call && this.#isLocal) this.#giveBack()
    else if (kind === EDIT.tailCall) this.#leave()
    else if (kind === EDIT.bulk) this.#chargeLength(edits.values[edit]!)
    out.bytes(this.#settings.bytes, edits.from[edit], edits.to[edit])
    if (kind === EDIT.call && this.#isLocal) {
      this.#with(op.GLOBAL_GET, this.#settings.fuel)
      this.#with(op.LOCAL_SET, this.#fuelLocal)
    }
  }

  #charge(cost: number): void {
    if (this.#isLocal) this.#with(op.LOCAL_GET, this.#fuelLocal)
    else this.#with(op.GLOBAL_GET, this.#settings.fuel)
    this.#constant(cost)
    this.#take()
  }

  /** Charges for the beginning, and takes the frame: with one branch for both, which saves Rust's formatting 4 %. */
  #enter(cost: number): void {
    const out = this.#out
    const { fuel, stack } = this.#settings
    this.#with(op.GLOBAL_GET, fuel)
    this.#constant(cost)
    if (this.#frameBytes === 0) return this.#take()
    const frameLocal = this.#fuelLocal + 1
    out.u8(op.I32_SUB)
    this.#with(op.LOCAL_TEE, this.#fuelLocal)
    if (!this.#isLocal) {
      this.#with(op.GLOBAL_SET, fuel)
      this.#with(op.LOCAL_GET, this.#fuelLocal)
    }
    this.#with(op.GLOBAL_GET, stack)
    this.#constant(this.#frameBytes)
    out.u8(op.I32_SUB)
    this.#with(op.LOCAL_TEE, frameLocal)
    this.#with(op.GLOBAL_SET, stack)
    this.#with(op.LOCAL_GET, frameLocal)
    // Negative where either is.
    out.u8(op.I32_OR)
    this.#beginIfNegative()
    this.#with(op.LOCAL_GET, this.#fuelLocal)
    this.#trapIfNegative(fuel)
    this.#constant(EMPTY)
    this.#with(op.GLOBAL_SET, stack)
    out.u8(op.UNREACHABLE)
    out.u8(op.END)
  }

  /** Charges for the length on top of the stack, and leaves it there. No product or sum reaches 2^31. */
  #chargeLength(opcode: number): void {
    const out = this.#out
    const length = this.#fuelLocal + 1
    this.#with(op.LOCAL_TEE, length)
    if (this.#isLocal) this.#with(op.LOCAL_GET, this.#fuelLocal)
    else this.#with(op.GLOBAL_GET, this.#settings.fuel)
    this.#with(op.LOCAL_GET, length)
    if (opcode === op.MEMORY_COPY || opcode === op.MEMORY_FILL || opcode === op.MEMORY_INIT) {
      this.#constant(BYTES_SHIFT)
      out.u8(op.I32_SHR_U)
    } else {
      const isMemory = opcode === op.MEMORY_GROW
      // More than there can be fails at once, or traps.
      const most = isMemory ? MAX_PAGES : this.#settings.maxTableEntries
      this.#constant(most)
      this.#with(op.LOCAL_GET, length)
      this.#constant(most)
      out.u8(op.I32_LT_U)
      out.u8(op.SELECT)
      this.#constant(isMemory ? PAGE_COST : ENTRY_COST)
      out.u8(op.I32_MUL)
      this.#constant(isMemory || opcode === op.TABLE_GROW ? GROW_COST : 0)
      out.u8(op.I32_ADD)
    }
    this.#take()
  }

  /** With the counter and a cost on the stack. */
  #take(): void {
    this.#out.u8(op.I32_SUB)
    this.#with(op.LOCAL_TEE, this.#fuelLocal)
    if (!this.#isLocal) {
      this.#with(op.GLOBAL_SET, this.#settings.fuel)
      this.#with(op.LOCAL_GET, this.#fuelLocal)
    }
    this.#trapIfNegative(this.#settings.fuel)
  }

  /** Gives back what the function holds. */
  #leave(): void {
    if (this.#isLocal) this.#giveBack()
    if (this.#frameBytes === 0) return
    const { stack } = this.#settings
    this.#with(op.GLOBAL_GET, stack)
    this.#constant(this.#frameBytes)
    this.#out.u8(op.I32_ADD)
    this.#with(op.GLOBAL_SET, stack)
  }

  #giveBack(): void {
    this.#with(op.LOCAL_GET, this.#fuelLocal)
    this.#with(op.GLOBAL_SET, this.#settings.fuel)
  }

  /** The counter is left at -1, so that the host can tell this trap from others. */
  #trapIfNegative(counter: number): void {
    this.#beginIfNegative()
    this.#constant(EMPTY)
    this.#with(op.GLOBAL_SET, counter)
    this.#out.u8(op.UNREACHABLE)
    this.#out.u8(op.END)
  }

  #beginIfNegative(): void {
    this.#constant(0)
    this.#out.u8(op.I32_LT_S)
    this.#out.u8(op.IF)
    this.#out.s32(op.EMPTY_BLOCK_TYPE)
  }

  #with(opcode: number, index: number): void {
    this.#out.u8(opcode)
    this.#out.u32(index)
  }

  #constant(value: number): void {
    this.#out.u8(op.I32_CONST)
    this.#out.s32(value)
  }
}
