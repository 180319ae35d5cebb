import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Breaker, breakerPolicy, type BreakerOptions, type BreakerState, type BreakerTicket } from '../../src/index.ts'

/** Ratios out of the way unless they are what is tested. */
function make(options: BreakerOptions = {}, random = () => 0) {
  const changes: [from: BreakerState, to: BreakerState][] = []
  const breaker = new Breaker(breakerPolicy({ failureRatio: 0, ...options }, 'breaker'), random, 0, (each, before) =>
    changes.push([before, each.state]),
  )
  return { breaker, changes }
}

function run(breaker: Breaker, now: number, results: string): void {
  for (const result of results) {
    const ticket = breaker.began(now)
    if (result === 's') breaker.succeeded(now, ticket)
    else breaker.failed(now, ticket)
    breaker.ended(ticket)
  }
}

describe('a closed breaker', () => {
  it('opens at the fifth failure in a row, and not before', () => {
    const { breaker, changes } = make()
    run(breaker, 0, 'ffffsffff')
    expect(breaker.state).toBe('closed')
    expect(breaker.snapshot(0).consecutiveFailures).toBe(4)
    run(breaker, 0, 'f')
    expect(breaker.state).toBe('open')
    expect(changes).toEqual([['closed', 'open']])
  })

  it('opens at a share of failures once there is enough volume', () => {
    const { breaker } = make({ consecutiveFailures: 0, failureRatio: 0.5, minVolume: 6 })
    run(breaker, 0, 'ffss')
    run(breaker, 0, 'f')
    expect(breaker.state).toBe('closed')
    run(breaker, 0, 's')
    expect(breaker.state).toBe('open')
  })

  it('stays closed below the share', () => {
    const { breaker } = make({ consecutiveFailures: 0, failureRatio: 0.5, minVolume: 4 })
    for (let i = 0; i < 50; i++) run(breaker, 0, 'sfs')
    expect(breaker.state).toBe('closed')
  })

  it('forgets what is older than the window, a tenth at a time', () => {
    const { breaker } = make({ consecutiveFailures: 0, failureRatio: 0.5, minVolume: 4, windowMs: 1_000 })
    run(breaker, 0, 'fff')
    expect(breaker.snapshot(999)).toMatchObject({ failures: 3 })
    expect(breaker.snapshot(1_000)).toMatchObject({ failures: 0 })
    run(breaker, 1_000, 'fs')
    run(breaker, 1_500, 'ss')
    expect(breaker.snapshot(1_999)).toMatchObject({ successes: 3, failures: 1 })
    expect(breaker.snapshot(2_000)).toMatchObject({ successes: 2, failures: 0 })
    expect(breaker.snapshot(90_000)).toMatchObject({ successes: 0, failures: 0 })
  })

  it('counts a body that breaks as a failure in place of the success', () => {
    const { breaker } = make({ consecutiveFailures: 3 })
    for (let i = 0; i < 3; i++) {
      expect(breaker.state).toBe('closed')
      const ticket = breaker.began(0)
      breaker.succeeded(0, ticket)
      breaker.ended(ticket)
      breaker.brokeOff(0, ticket)
    }
    expect(breaker.state).toBe('open')
    const other = make({ consecutiveFailures: 0, failureRatio: 1, minVolume: 2 }).breaker
    const ticket = other.began(0)
    other.succeeded(0, ticket)
    other.brokeOff(0, ticket)
    expect(other.snapshot(0)).toMatchObject({ successes: 0, failures: 1 })
  })

  it('is not moved by what began before it last closed', () => {
    const { breaker } = make({ consecutiveFailures: 1, successesToClose: 1 })
    const slow = breaker.began(0)
    run(breaker, 0, 'f')
    expect(breaker.state).toBe('open')
    run(breaker, 10_000, 's')
    expect(breaker.state).toBe('closed')
    breaker.failed(10_001, slow)
    breaker.brokeOff(10_001, slow)
    expect(breaker.state).toBe('closed')
    run(breaker, 10_002, 'f')
    expect(breaker.state).toBe('open')
  })
})

describe('an open breaker', () => {
  it('admits nothing until its time is over', () => {
    const { breaker, changes } = make({ openMs: 100 })
    run(breaker, 50, 'fffff')
    expect(breaker.nextChangeAt).toBe(150)
    expect(breaker.admits(149.9)).toBe(false)
    expect(breaker.admits(150)).toBe(true)
    expect(breaker.nextChangeAt).toBeUndefined()
    expect(changes.at(-1)).toEqual(['open', 'half-open'])
  })

  it('gives what begins all the same a ticket that counts for nothing', () => {
    const { breaker } = make()
    run(breaker, 0, 'fffff')
    const ticket = breaker.began(1)
    expect(ticket).toBe(0)
    breaker.succeeded(10_000, ticket)
    breaker.advance(10_000)
    breaker.failed(10_000, ticket)
    breaker.ended(ticket)
    expect(breaker.snapshot(10_000)).toMatchObject({ state: 'half-open', probes: 0 })
  })

  it('stays open twice as long each time, up to a limit', () => {
    const { breaker } = make({ consecutiveFailures: 1, openMs: 10, maxOpenMs: 65 })
    let now = 0
    const lengths = Array.from({ length: 6 }, () => {
      run(breaker, now, 'f')
      const length = breaker.nextChangeAt! - now
      now = breaker.nextChangeAt!
      breaker.advance(now)
      return length
    })
    expect(lengths).toEqual([10, 20, 40, 65, 65, 65])
  })

  it('stays open longer by chance, and never shorter', () => {
    const { breaker } = make({ openMs: 100, jitter: 0.5 }, () => 0.5)
    run(breaker, 0, 'fffff')
    expect(breaker.nextChangeAt).toBe(125)
  })

  it('begins its backoff anew only where it has been well for a while', () => {
    const lengthAfter = (wellMs: number) => {
      const { breaker } = make({ consecutiveFailures: 1, openMs: 10, successesToClose: 1 })
      run(breaker, 0, 'f')
      run(breaker, 10, 's')
      expect(breaker.state).toBe('closed')
      run(breaker, 10 + wellMs, 'f')
      return breaker.nextChangeAt! - (10 + wellMs)
    }
    expect(lengthAfter(9)).toBe(20)
    expect(lengthAfter(10)).toBe(10)
  })
})

describe('a half-open breaker', () => {
  function halfOpen(options: BreakerOptions = {}) {
    const made = make({ openMs: 10, ...options })
    run(made.breaker, 0, 'fffff')
    made.breaker.advance(10)
    return made
  }

  it('admits one probe, and one more after each that succeeds', () => {
    const { breaker } = halfOpen({ maxProbes: 3, successesToClose: 10 })
    const widths: number[] = []
    for (let round = 0; round < 4; round++) {
      const tickets: BreakerTicket[] = []
      while (breaker.admits(10)) tickets.push(breaker.began(10))
      widths.push(tickets.length)
      for (const ticket of tickets) breaker.ended(ticket)
      const ticket = breaker.began(10)
      breaker.succeeded(10, ticket)
      breaker.ended(ticket)
    }
    expect(widths).toEqual([1, 2, 3, 3])
  })

  it('closes after enough have succeeded', () => {
    const { breaker, changes } = halfOpen({ successesToClose: 3 })
    run(breaker, 10, 'ss')
    expect(breaker.state).toBe('half-open')
    run(breaker, 10, 's')
    expect(breaker.state).toBe('closed')
    expect(changes).toEqual([
      ['closed', 'open'],
      ['open', 'half-open'],
      ['half-open', 'closed'],
    ])
  })

  it('opens at the first that fails, also by its body', () => {
    const { breaker } = halfOpen()
    run(breaker, 10, 'ssf')
    expect(breaker.state).toBe('open')
    breaker.advance(30)
    const ticket = breaker.began(30)
    breaker.succeeded(30, ticket)
    breaker.ended(ticket)
    expect(breaker.state).toBe('half-open')
    breaker.brokeOff(31, ticket)
    expect(breaker.state).toBe('open')
  })

  it('learns nothing from a probe that is given up, and has its place back', () => {
    const { breaker } = halfOpen()
    const ticket = breaker.began(10)
    expect(breaker.admits(10)).toBe(false)
    breaker.ended(ticket)
    expect(breaker.admits(10)).toBe(true)
    expect(breaker.state).toBe('half-open')
  })

  it('leaves out the places of probes that still hang from the time before', () => {
    const { breaker } = halfOpen({ maxProbes: 2 })
    run(breaker, 10, 's')
    const [hanging, failing] = [breaker.began(10), breaker.began(10)]
    breaker.failed(10, failing)
    breaker.ended(failing)
    breaker.advance(30)
    expect(breaker.state).toBe('half-open')
    expect(breaker.admits(30)).toBe(false)
    breaker.failed(31, hanging)
    expect(breaker.state).toBe('half-open')
    breaker.ended(hanging)
    expect(breaker.admits(31)).toBe(true)
  })
})

it.each<[path: string, options: BreakerOptions]>([
  ['x.consecutiveFailures', { consecutiveFailures: 1.5 }],
  ['x.consecutiveFailures', { consecutiveFailures: -1 }],
  ['x.failureRatio', { failureRatio: 1.1 }],
  ['x.failureRatio', { failureRatio: Number.NaN }],
  ['x.minVolume', { minVolume: 0 }],
  ['x.windowMs', { windowMs: 0 }],
  ['x.openMs', { openMs: 0 }],
  ['x.maxOpenMs', { openMs: 100, maxOpenMs: 99 }],
  ['x.jitter', { jitter: 2 }],
  ['x.maxProbes', { maxProbes: 0 }],
  ['x.successesToClose', { successesToClose: 0 }],
  ['x', { consecutiveFailures: 0, failureRatio: 0 }],
  ['x.openMs', { openMs: '10' as unknown as number }],
])('refuses %s: %j', (path, options) => {
  expect(() => breakerPolicy(options, 'x')).toThrow(expect.objectContaining({ path, code: 'ERR_SLUICE_CONFIG' }))
})

describe('whatever happens', () => {
  type Step = {
    readonly kind: 'begin' | 'wait' | 'force' | 'succeed' | 'fail' | 'break' | 'give-up'
    readonly pick: number
  }
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('begin', 'begin', 'wait', 'force', 'succeed', 'fail', 'break', 'give-up'),
    pick: fc.nat(500),
  })

  it('keeps its promises', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        (steps, maxProbes, successesToClose) => {
          const options = { consecutiveFailures: 3, failureRatio: 0.5, minVolume: 6, windowMs: 100, openMs: 50 }
          const policy = breakerPolicy({ ...options, maxOpenMs: 400, maxProbes, successesToClose }, 'x')
          let now = -1_000.5
          let openedAt = now
          let probeSuccesses = 0
          const order: BreakerState[] = ['closed']
          const breaker = new Breaker(
            policy,
            () => 0.3,
            now,
            ({ state }) => {
              order.push(state)
              probeSuccesses = 0
              if (state === 'open') openedAt = now
            },
          )
          // Those that have neither ended nor been judged, with the state in which they began.
          const underWay: { ticket: BreakerTicket; isProbe: boolean }[] = []
          for (const { kind, pick } of steps) {
            if (kind === 'wait') now += pick
            else if (kind === 'begin' || kind === 'force') {
              const admitted = breaker.admits(now)
              if (breaker.state === 'closed') expect(admitted).toBe(true)
              if (breaker.state === 'open') {
                expect(admitted).toBe(false)
                expect(now).toBeLessThan(breaker.nextChangeAt!)
                expect(breaker.nextChangeAt! - openedAt).toBeGreaterThanOrEqual(50)
                expect(breaker.nextChangeAt! - openedAt).toBeLessThanOrEqual(400 * 1.1)
              }
              if (!admitted && kind === 'begin') continue
              const isProbe = breaker.state === 'half-open' && admitted
              underWay.push({ ticket: breaker.began(now), isProbe })
              const probes = underWay.filter((each) => each.isProbe).length
              expect(probes).toBe(breaker.snapshot(now).probes)
              if (isProbe) expect(probes).toBeLessThanOrEqual(Math.min(maxProbes, probeSuccesses + 1))
            } else if (underWay.length > 0) {
              const [{ ticket, isProbe }] = underWay.splice(pick % underWay.length, 1) as [(typeof underWay)[0]]
              const before = order.length
              if (kind === 'succeed') {
                breaker.succeeded(now, ticket)
                if (isProbe && order.length === before && breaker.state === 'half-open') probeSuccesses++
              } else if (kind === 'fail') breaker.failed(now, ticket)
              else if (kind === 'break') {
                breaker.succeeded(now, ticket)
                breaker.brokeOff(now, ticket)
              }
              breaker.ended(ticket)
              if (kind === 'give-up') expect(order).toHaveLength(before)
            }
          }
          for (const [index, state] of order.entries()) {
            const next = order[index + 1]
            if (next !== undefined) expect(ALLOWED[state]).toContain(next)
          }
          for (const { ticket } of underWay) breaker.ended(ticket)
          expect(breaker.snapshot(now).probes).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
  })

  const ALLOWED: Record<BreakerState, BreakerState[]> = {
    closed: ['open'],
    open: ['half-open'],
    'half-open': ['open', 'closed'],
  }
})
