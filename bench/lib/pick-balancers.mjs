/** The balancers whose picks are measured, by the name of their row. */
import {
  ipHash,
  leastConnections,
  maglev,
  peakEwma,
  powerOfTwoChoices,
  preferZone,
  priorities,
  random,
  ringHash,
  stickySessions,
  subset,
  weightedRandom,
  weightedRoundRobin,
} from '@sluice/balancers'
import { roundRobin } from '@sluice/core'

/** Weights 1 to 7: groups of targets, as people write them. */
const few = (index) => 1 + (index % 7)
/** All different. */
const many = (index) => 1 + index / 1000

const secret = 'only for a benchmark'
const version = { header: 'x-version' }

/** `weightOf` gives a target's weight by its place in the list. */
export const balancers = {
  nothing: { create: () => nextOne },
  'round-robin': { create: roundRobin },
  'weighted round-robin': { create: weightedRoundRobin, weightOf: few },
  'weighted round-robin, all weights different': { create: weightedRoundRobin, weightOf: many },
  random: { create: random },
  'weighted random': { create: weightedRandom, weightOf: few },
  'power of two choices': { create: powerOfTwoChoices },
  'power of two choices, weighted': { create: powerOfTwoChoices, weightOf: few },
  'least connections': { create: leastConnections },
  'least connections, weighted': { create: leastConnections, weightOf: few },
  'peak EWMA': { create: peakEwma },
  'IP hash': { create: ipHash },
  'ring hash': { create: () => ringHash({ key: 'path' }) },
  'ring hash, bounded load': { create: () => ringHash({ key: 'path', boundedLoad: 1.25 }) },
  maglev: { create: () => maglev({ key: 'path' }) },
  'sticky sessions, no cookie': { create: () => stickySessions({ secret, balancer: powerOfTwoChoices() }) },
  priorities: { create: () => priorities({ balancer: powerOfTwoChoices() }) },
  'zone preference': { create: () => preferZone({ zone: 'zone-1', balancer: powerOfTwoChoices() }) },
  subsets: { create: () => subset({ by: ['version'], select: { version }, balancer: powerOfTwoChoices() }) },
}

/** What the measurement itself costs. */
function nextOne() {
  let targets = []
  let next = 0
  return {
    name: 'next-one',
    update(admissible) {
      targets = admissible
    },
    pick() {
      next = next + 1 === targets.length ? 0 : next + 1
      return targets[next]
    },
  }
}
