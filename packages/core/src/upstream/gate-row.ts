/** The gates of one upstream, asked and told as one. */
import { ConfigError } from '../errors.ts'
import type { Attempt } from './attempt.ts'
import type { Gate, GateFactory, GateServices } from './gate.ts'
import { madeGate } from './made-parts.ts'
import type { Target } from './target.ts'
import type { PartSnapshot } from './upstream-options.ts'

export class GateRow {
  // Until all are made there are none: one that says `changed` while it is made must find a list.
  readonly #gates: readonly Gate[] = []

  /** `at` is their place, for messages. */
  constructor(factories: readonly GateFactory[], services: GateServices, at: string) {
    if (!Array.isArray(factories)) throw new ConfigError(at, 'must be a list of gates')
    this.#gates = factories.map((create: GateFactory, index) => madeGate(create, `${at}[${index}]`, services))
  }

  get list(): readonly Gate[] {
    return this.#gates
  }

  admits(target: Target): boolean {
    return this.#gates.every((gate) => gate.admits(target))
  }

  reasonsAgainst(target: Target): string[] {
    return this.#gates
      .filter((gate) => !gate.admits(target))
      .map((gate) => gate.reason?.(target) ?? `not admitted by ${gate.name}`)
  }

  /** When all of them will admit the target again; Infinity where one does not know. */
  admitAgainAt(target: Target): number {
    let at = 0
    for (const gate of this.#gates) {
      if (!gate.admits(target)) at = Math.max(at, gate.admitsAgainAt?.(target) ?? Number.POSITIVE_INFINITY)
    }
    return at
  }

  weightOf(target: Target): number {
    return this.#gates.reduce((weight, gate) => weight * (gate.weight?.(target) ?? 1), target.weight)
  }

  began(attempt: Attempt): void {
    for (let i = 0; i < this.#gates.length; i++) this.#gates[i]!.began?.(attempt.target, attempt)
  }

  observe(attempt: Attempt): void {
    for (let i = 0; i < this.#gates.length; i++) this.#gates[i]!.observe(attempt.target, attempt)
  }

  ended(attempt: Attempt): void {
    for (let i = 0; i < this.#gates.length; i++) this.#gates[i]!.ended?.(attempt.target, attempt)
  }

  /** The target is admissible now and was not before. */
  entered(target: Target): void {
    for (const gate of this.#gates) gate.entered?.(target)
  }

  snapshot(): PartSnapshot[] {
    return this.#gates.map((gate) => ({ name: gate.name, state: gate.snapshot?.() }))
  }

  close(): void {
    for (const gate of this.#gates) gate.close?.()
  }
}
