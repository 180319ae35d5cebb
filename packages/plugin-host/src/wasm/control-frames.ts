/**
 * Follows the nesting of a function's blocks: how high the operand stack is, and which stretches of code begin and end
 * where, for the charge points.
 */
import type { ChargePoints } from './charge-points.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import { BLOCK_OP, IF, LOOP } from './opcodes.ts'
import { refuse } from './refuse-module.ts'

interface Frame {
  kind: number
  /** The height of the operand stack below its parameters. */
  base: number
  parameters: number
  results: number
  /** Who pays for what follows the block, and how surely. */
  point: number
  isCertain: boolean
  /** Nothing leads into it. */
  isDead: boolean
  /** A branch leads to it. */
  isTarget: boolean
  /** The outermost block that a branch from within leads to, as its place; its own where none leads further out. */
  outermost: number
}

export class ControlFrames {
  /** How high the operand stack gets, in values. */
  highest = 0
  readonly #points: ChargePoints
  /** Made once, and used again by every block at their depth. */
  readonly #frames: Frame[] = []
  #depth = 0
  #height = 0

  constructor(points: ChargePoints) {
    this.#points = points
  }

  /** How many blocks are open, the function itself being one. */
  get depth(): number {
    return this.#depth
  }

  beginFunction(results: number): void {
    this.highest = 0
    this.#height = 0
    this.#depth = 0
    this.#push(BLOCK_OP, 0, results)
  }

  /** Notes what an instruction does to the height of the operand stack. */
  move(by: number): void {
    if (this.#points.isDead) return
    this.#height += by
    if (this.#height > this.highest) this.highest = this.#height
  }

  /** Opens a block, a loop or a condition. */
  open(kind: number, parameters: number, results: number, place: number): void {
    if (this.#depth > MODULE_LIMITS.nesting) refuse('its blocks are nested too deeply', place)
    if (kind === IF) this.move(-1)
    this.#points.settle(place)
    this.#push(kind, parameters, results)
    if (kind === IF) this.#points.begin(place, false)
    else if (kind === LOOP) this.#points.beginLoop(place)
  }

  /** The second way of a condition. */
  otherwise(place: number): void {
    const frame = this.#frames[this.#depth - 1]!
    this.#points.settle(place)
    this.#points.point = frame.point
    this.#points.isDead = frame.isDead
    this.#points.begin(place, false)
    this.#height = frame.base + frame.parameters
  }

  close(place: number): void {
    const frame = this.#frames[--this.#depth]!
    const parent = this.#depth === 0 ? undefined : this.#frames[this.#depth - 1]!
    const points = this.#points
    // A block that nothing jumps out of is no more than the code in it.
    const isStraight = frame.kind === BLOCK_OP && !frame.isTarget && !points.isDead
    if (parent !== undefined && frame.outermost < parent.outermost) parent.outermost = frame.outermost
    this.#height = frame.base + frame.results
    if (this.#height > this.highest) this.highest = this.#height
    if (isStraight && parent !== undefined) return
    points.settle(place)
    points.point = frame.point
    points.isDead = frame.isDead
    points.begin(place, frame.isCertain && frame.outermost >= this.#depth)
  }

  /** Notes a branch to the block that is `depth` blocks further out. */
  branch(depth: number): void {
    const target = this.#depth - 1 - depth
    this.#frames[target]!.isTarget = true
    const innermost = this.#frames[this.#depth - 1]!
    if (target < innermost.outermost) innermost.outermost = target
  }

  /** Behind a condition: what follows may be skipped. */
  part(place: number): void {
    this.#points.settle(place)
    this.#points.begin(place, false)
  }

  /** Nothing leads to what follows, up to the end of the block. */
  die(place: number): void {
    this.part(place)
    this.#points.isDead = true
  }

  #push(kind: number, parameters: number, results: number): void {
    const { point, isCertain, isDead } = this.#points
    const frame = (this.#frames[this.#depth] ??= newFrame())
    frame.kind = kind
    frame.base = this.#height - parameters
    frame.parameters = parameters
    frame.results = results
    frame.point = point
    frame.isCertain = isCertain
    frame.isDead = isDead
    frame.isTarget = false
    frame.outermost = this.#depth++
  }
}

const newFrame = (): Frame => ({
  kind: 0,
  base: 0,
  parameters: 0,
  results: 0,
  point: 0,
  isCertain: false,
  isDead: false,
  isTarget: false,
  outermost: 0,
})
