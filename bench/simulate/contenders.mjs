/** The balancers that are compared, by the name of their row, and the gates that they are compared with. */
import {
  leastConnections,
  maglev,
  peakEwma,
  powerOfTwoChoices,
  random,
  ringHash,
  weightedRandom,
  weightedRoundRobin,
} from '@sluice/balancers'
import { roundRobin } from '@sluice/core'
import { circuitBreaker, outlierEjection } from '@sluice/resilience'
import { SimulatedTargets, SLOW } from './targets.mjs'

const key = 'client-address'

/** Weights as somebody gives them who knows which targets are slow. */
const bySpeed = (index) => (SimulatedTargets.kindOf(index) === SLOW ? 1 : 10)

/** `weightOf` gives a target's weight by its place in the list; without it they are all equal. */
export const balancers = {
  'round-robin': { create: roundRobin },
  'weighted round-robin': { create: weightedRoundRobin, weightOf: bySpeed },
  random: { create: random },
  'weighted random': { create: weightedRandom, weightOf: bySpeed },
  'power of two choices': { create: powerOfTwoChoices },
  'least connections': { create: leastConnections },
  'peak EWMA': { create: peakEwma },
  'ring hash': { create: () => ringHash({ key }) },
  'bounded ring hash': { create: () => ringHash({ key, boundedLoad: 1.25 }) },
  // `ipHash()` is this very balancer by this very key: it would be the same row.
  'maglev / IP hash': { create: () => maglev({ key }) },
}

/** With their defaults. */
export const gateSets = {
  none: [],
  ejection: [outlierEjection],
  breaker: [circuitBreaker],
  both: [outlierEjection, circuitBreaker],
}
