/** Many keys for balancers that hash, without an exchange for each. */
import type { BalancerFactory, Target } from '@sluice/core'
import { NONE, Pool } from './pool.ts'

/** A pool whose exchanges have the key that was asked for last. */
export class KeyedPool extends Pool {
  readonly #state: { key: string | undefined }

  constructor(
    create: (key: () => string | undefined) => BalancerFactory,
    configs: ConstructorParameters<typeof Pool>[1],
    state: { key: string | undefined } = { key: undefined },
  ) {
    super(
      create(() => state.key),
      configs,
    )
    this.#state = state
  }

  pickFor(key: string | undefined, tried = NONE): Target | undefined {
    this.#state.key = key
    return this.pick(tried)
  }

  /** Who gets each of so many keys. */
  owners(count: number): (Target | undefined)[] {
    return Array.from({ length: count }, (_, i) => this.pickFor(`key ${i}`))
  }

  /** How many of the keys each target gets. */
  shares(count: number): number[] {
    let i = 0
    return this.counts(count, () => this.pickFor(`key ${i++}`))
  }
}
