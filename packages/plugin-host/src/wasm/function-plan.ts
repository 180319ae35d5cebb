/** Reads functions and plans what is written into them: charges, and what has to happen around calls and exits. */
import { ByteReader } from './byte-reader.ts'
import { ChargePoints } from './charge-points.ts'
import { ControlFrames } from './control-frames.ts'
import { EDIT, EditList } from './edit-list.ts'
import { readOpcode, shapeOf, skipImmediate } from './instruction-reader.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import type { ModuleReader } from './module-reader.ts'
import { type FunctionSignature, readValueType } from './module-types.ts'
import * as op from './opcodes.ts'
import { refuse } from './refuse-module.ts'
import type { Span } from './sections.ts'
import type { CallNode } from './stack-charges.ts'
import { stackEffectOf } from './stack-effects.ts'

/** What calls cost beside the instruction. */
export interface CallPrices {
  readonly host: number
  /** Through a table, which may lead to the host. */
  readonly indirect: number
}

/** What is known of a function, and where its part of the charge points and edits is. */
export interface FunctionPlan extends CallNode {
  readonly body: Span
  /** Where the declarations of local variables end and the code begins. */
  readonly codeStart: number
  /** Parameters and declared variables. */
  readonly locals: number
  readonly hasLoop: boolean
  readonly hasBulk: boolean
  /** Values that are alive at once, times places where ways part or meet. */
  readonly weight: number
  readonly points: Span
  readonly edits: Span
}

/** What a call takes of the stack beside its values, in bytes: 54 measured. */
const FRAME_BYTES = 96

/** Plans the functions of a module, one after the other. */
export class FunctionPlanner {
  readonly points: ChargePoints = new ChargePoints()
  readonly edits: EditList = new EditList()
  readonly #module: ModuleReader
  readonly #prices: CallPrices
  readonly #frames: ControlFrames = new ControlFrames(this.points)
  readonly #passesVectors: boolean
  /** By callee, the last function that was seen to call it. */
  readonly #lastCaller: Int32Array
  #planned = 0
  #callees: number[] = []
  #callsIndirectly = false
  #hasLoop = false
  #hasBulk = false
  #hasVectors = false
  #branches = 0
  /** The most values that go to and come from one call. */
  #passed = 0

  constructor(module: ModuleReader, prices: CallPrices) {
    this.#module = module
    this.#prices = prices
    this.#passesVectors = module.hasVectors
    this.#lastCaller = new Int32Array(module.bodies.length)
  }

  /** @throws {PluginError} `ERR_SLUICE_PLUGIN_MODULE` for instructions that are not taken, and for too large a function */
  plan(body: Span, signature: FunctionSignature): FunctionPlan {
    const { points, edits } = this
    const frames = this.#frames
    const reader = new ByteReader(this.#module.bytes, body.from, body.to)
    const firstPoint = points.places.length
    const firstEdit = edits.length
    this.#planned++
    this.#callees = []
    this.#callsIndirectly = this.#hasLoop = this.#hasBulk = false
    this.#hasVectors = this.#passesVectors
    this.#branches = this.#passed = 0
    const declared = this.#readLocals(reader, signature.parameters.length)
    const locals = signature.parameters.length + declared
    const codeStart = reader.at
    // Variables are cleared at each entry, in long runs.
    points.beginFunction(codeStart, 1 + (declared >> 2))
    frames.beginFunction(signature.results.length)
    while (frames.depth > 0) this.#read(reader)
    if (!reader.isDone) refuse('a function goes on behind its end', reader.at)
    const weight = (locals + frames.highest) * this.#branches
    if (weight > MODULE_LIMITS.functionWeight)
      refuse('a function has too many branches for its number of variables', body.from)
    return {
      body,
      codeStart,
      locals,
      hasLoop: this.#hasLoop,
      hasBulk: this.#hasBulk,
      weight,
      points: { from: firstPoint, to: points.places.length },
      edits: { from: firstEdit, to: edits.length },
      // Code that is not optimised keeps every value on the stack.
      frameBytes: FRAME_BYTES + (locals + frames.highest + this.#passed) * (this.#hasVectors ? 16 : 8),
      callees: this.#callees,
      callsIndirectly: this.#callsIndirectly,
    }
  }

  #read(reader: ByteReader): void {
    const at = reader.at
    const opcode = readOpcode(reader)
    this.points.add(opcode < 256 ? op.COSTS[opcode]! : 1)
    if (opcode <= op.RETURN_CALL_INDIRECT) {
      this.#control(opcode, at, reader)
      return
    }
    if (opcode === op.REF_FUNC) this.#module.referenced.add(reader.u32())
    else skipImmediate(reader, shapeOf(opcode))
    this.#frames.move(stackEffectOf(opcode))
    if (opcode >= 0xfd00) this.#hasVectors = true
    else if (opcode === op.MEMORY_GROW || (opcode >= 0xfc00 && op.BULK_OPERATIONS.has(opcode))) {
      this.#hasBulk = true
      this.edits.add(EDIT.bulk, at, reader.at, opcode)
    }
  }

  #control(opcode: number, at: number, reader: ByteReader): void {
    const frames = this.#frames
    switch (opcode) {
      case op.BLOCK_OP:
      case op.IF:
      case op.LOOP: {
        const { parameters, results } = this.#readBlockType(reader)
        this.#branches++
        if (opcode === op.LOOP) this.#hasLoop = true
        frames.open(opcode, parameters, results, reader.at)
        return
      }
      case op.ELSE:
        frames.otherwise(reader.at)
        return
      case op.END:
        frames.close(reader.at)
        return
      case op.BR:
        this.#branch(reader.u32())
        frames.die(reader.at)
        return
      case op.BR_IF:
        frames.move(-1)
        this.#branch(reader.u32())
        frames.part(reader.at)
        return
      case op.BR_TABLE:
        for (let left = reader.count('labels', MODULE_LIMITS.labels); left >= 0; left--) this.#branch(reader.u32())
        frames.die(reader.at)
        return
      case op.RETURN:
        this.edits.add(EDIT.return, at, reader.at, frames.depth - 1)
        this.#branch(frames.depth - 1)
        frames.die(reader.at)
        return
      case op.CALL:
      case op.RETURN_CALL: {
        const callee = reader.u32()
        this.#noteCallee(callee - this.#module.importedFunctions)
        this.#call(opcode === op.CALL, this.#module.signatureOf(callee), at, reader.at)
        return
      }
      case op.CALL_INDIRECT:
      case op.RETURN_CALL_INDIRECT: {
        const signature = this.#module.types[reader.u32()]!
        reader.u32()
        this.#callsIndirectly = true
        this.points.add(this.#prices.indirect)
        frames.move(-1)
        this.#call(opcode === op.CALL_INDIRECT, signature, at, reader.at)
        return
      }
      case op.UNREACHABLE:
        frames.die(reader.at)
        return
      default:
      // nop
    }
  }

  /** A function of the module by its place, or one of the host, below 0. */
  #noteCallee(defined: number): void {
    if (defined < 0) this.points.add(this.#prices.host)
    else if (this.#lastCaller[defined] !== this.#planned) {
      this.#lastCaller[defined] = this.#planned
      this.#callees.push(defined)
    }
  }

  #call(returns: boolean, { parameters, results }: FunctionSignature, from: number, to: number): void {
    this.#passed = Math.max(this.#passed, parameters.length + results.length)
    this.edits.add(returns ? EDIT.call : EDIT.tailCall, from, to, 0)
    if (returns) {
      this.#frames.move(results.length - parameters.length)
      return
    }
    this.#branch(this.#frames.depth - 1)
    this.#frames.die(to)
  }

  #branch(depth: number): void {
    this.#branches++
    this.#frames.branch(depth)
  }

  #readBlockType(reader: ByteReader): { readonly parameters: number; readonly results: number } {
    const type = reader.s33()
    if (type < 0) return type === op.EMPTY_BLOCK_TYPE ? NOTHING : ONE_RESULT
    const { parameters, results } = this.#module.types[type]!
    return { parameters: parameters.length, results: results.length }
  }

  #readLocals(reader: ByteReader, parameters: number): number {
    let declared = 0
    for (let groups = reader.count('groups of local variables', MODULE_LIMITS.locals); groups > 0; groups--) {
      const at = reader.at
      declared += reader.u32()
      if (readValueType(reader) === 'v128') this.#hasVectors = true
      if (declared + parameters > MODULE_LIMITS.locals)
        refuse(`a function has more than ${MODULE_LIMITS.locals} local variables`, at)
    }
    return declared
  }
}

const NOTHING = { parameters: 0, results: 0 }
const ONE_RESULT = { parameters: 0, results: 1 }
