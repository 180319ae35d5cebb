/** The less busy of two targets that are drawn at random. */
import type { Balancer, BalancerFactory } from '@sluice/core'
import { TwoChoices } from './two-choices.ts'

/**
 * Draws two targets and picks the one with fewer attempts under way, per weight. The balancer to take where nothing speaks
 * for another: constant time, no herds, and a slow target gets less.
 *
 * A light target is drawn as rarely as its weight says, and taken where it is idler than the other one; so it gets its
 * share at low load as well, where one that looks for the least load would give it nothing.
 */
export function powerOfTwoChoices(): BalancerFactory {
  return (services) => new PowerOfTwoChoices(services.random)
}

class PowerOfTwoChoices extends TwoChoices implements Balancer {
  readonly name = 'power-of-two-choices'

  protected isBetter(one: number, other: number): boolean {
    const a = this.chance.targets[one]!
    const b = this.chance.targets[other]!
    return a.active / a.effectiveWeight < b.active / b.effectiveWeight
  }
}
