/** The short form of the fuzzing: the same cases in every run. `pnpm fuzz` goes on from there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { disagreement } from './compare.ts'
import { type Pair, reduced, replyPair, requestPair, runCases, type Tally } from './differential.ts'
import { emptyReading, readMessage } from './reading.ts'

const SEED = 20_261_123
const CASES = 1_000

describe.each([
  { side: 'requests', open: requestPair },
  { side: 'replies', open: replyPair },
])('$side that are valid or nearly so', ({ open }) => {
  let pair: Pair
  beforeAll(async () => {
    pair = await open()
  })
  afterAll(async () => await pair.close())

  it('are read by us as Node reads them, or refused', { timeout: 60_000 }, async () => {
    const tally: Tally = await runCases(pair, SEED, (started) => started < CASES)
    const failures = await Promise.all(tally.failures.map(async (failure) => await reduced(pair, failure)))
    expect(failures).toEqual([])
    expect(tally.cases).toBe(CASES)
    // A run in which nearly everything is refused, or nearly nothing, would say little.
    expect(tally.accepted).toBeGreaterThan(CASES / 5)
    expect(tally.refused).toBeGreaterThan(CASES / 5)
  })
})

describe('the rule', () => {
  const message = (start: string, body: string) => ({
    ...readMessage(start, ['Host', 'a.test']),
    body,
    isComplete: true,
  })

  it('finds a body that the two cut at different places', () => {
    const ours = { ...emptyReading(), messages: [message('GET /', 'abc')] }
    const nodes = { ...emptyReading(), messages: [message('GET /', 'ab')] }
    expect(disagreement(ours, nodes, '', [], new Map())).toContain('body')
  })

  it('finds a message that only one of them reads', () => {
    const one = { ...emptyReading(), messages: [message('GET /', '')] }
    const two = { ...emptyReading(), messages: [message('GET /', ''), message('GET /hidden', '')] }
    expect(disagreement(two, one, '', [], new Map())).toContain('only we')
    expect(disagreement(one, two, '', [], new Map())).toContain('only Node')
  })

  it('leaves it to us to refuse what Node reads', () => {
    const ours = { ...emptyReading(), isRefused: true }
    const nodes = { ...emptyReading(), messages: [message('GET /', '')] }
    expect(disagreement(ours, nodes, '', [], new Map())).toBeUndefined()
  })
})
