/** The host's hand on a metered instance: it fills, reads and charges the fuel. */
import type { WasmExports, WasmGlobal } from './engine.ts'

/** What a metered module exports beside its own: the counters, and its start function where it has one. */
export const FUEL_EXPORT = 'sluice:fuel'
export const STACK_EXPORT = 'sluice:stack'
export const START_EXPORT = 'sluice:start'

/** The most that a call can be given. */
export const MAX_FUEL: number = 2 ** 31 - 1

/** Where a counter is left by the trap that it caused. */
const EMPTY = -1

/**
 * Of one instance. A unit is about one instruction: 0.05 to 0.2 ns once the engine has optimised the code, 1 ns before, and
 * at worst, in code that does nothing but miss the caches, some 10 ns.
 */
export class FuelGauge {
  readonly #fuel: WasmGlobal
  readonly #stack: WasmGlobal
  readonly #start: (() => void) | undefined

  /** @throws {TypeError} for the exports of a module that was not metered */
  constructor(exports: WasmExports) {
    const fuel = exports[FUEL_EXPORT]
    const stack = exports[STACK_EXPORT]
    if (fuel === undefined || stack === undefined) throw new TypeError('the module was not metered')
    this.#fuel = fuel as WasmGlobal
    this.#stack = stack as WasmGlobal
    this.#start = exports[START_EXPORT] as (() => void) | undefined
  }

  /**
   * What is left; -1 when it was not enough. After a trap of another kind it may be as much as there was at the last call
   * or return, since a loop counts in a register.
   */
  get left(): number {
    return this.#fuel.value
  }

  /** Whether a call ended because its fuel did. */
  get isEmpty(): boolean {
    return this.#fuel.value < 0
  }

  /** Whether a call ended because it nested too deeply. */
  get isTooDeep(): boolean {
    return this.#stack.value === EMPTY
  }

  /** Gives `fuel` for the next call; what was left is forgotten. A whole number from 0 to {@link MAX_FUEL}. */
  fill(fuel: number): void {
    this.#fuel.value = Math.min(fuel, MAX_FUEL)
  }

  /**
   * Charges the guest for what a host function does for it, from within that function. Whether it could pay: if not, the
   * host function had better return at once, and the guest is stopped at its next charge.
   */
  charge(fuel: number): boolean {
    const left = this.#fuel.value - fuel
    this.#fuel.value = left < 0 ? EMPTY : left
    return left >= 0
  }

  /** Runs the module's start function, which pays as any other. The engine would have run it without fuel. */
  start(): void {
    this.#start?.()
  }
}
