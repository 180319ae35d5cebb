import { ConfigError, defineMiddleware, Reply, RetryBudget } from '@sluice/core'
import type { Answer, RecordedRequest } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { hedge, hedged, type HedgeOptions, hedgeWon, retry } from '../../src/index.ts'
import { ABC, codeOf, flowing, hostsOf, record, setUp, type SetUp } from './set-up.ts'

const [A, B] = ABC

function withHedge(options: HedgeOptions, more: Partial<SetUp> = {}) {
  return setUp({ use: [hedge(options)], ...more })
}

/** Each target its own answer; those without one hang. */
function byTarget(answers: Record<string, Answer>): (request: RecordedRequest) => Answer {
  return ({ target }) => answers[target] ?? { hang: true }
}

describe('after a fixed delay', () => {
  it('a second target is asked, and the first answer is taken', async () => {
    const started = record(hedged)
    const won = record(hedgeWon)
    const { clock, fake, inject, upstream } = withHedge(
      { delayMs: 50 },
      { handler: byTarget({ [B!]: { body: 'b', delayMs: 10 } }) },
    )
    const pending = inject()
    await clock.advanceAsync(49)
    expect(hostsOf(fake.requests)).toBe('a')
    await clock.advanceAsync(11)
    const reply = await pending
    expect(await reply.text()).toBe('b')
    expect(hostsOf(fake.requests)).toBe('ab')
    expect(started).toMatchObject([{ tryNumber: 2, delayMs: 50 }])
    expect(won).toMatchObject([{ tryNumber: 2, durationMs: 60 }])
    // The loser is cancelled, and not blamed.
    expect(fake.requests[0]!.aborted).toBe(true)
    expect(reply.exchange.attempts[0]).toMatchObject({ phase: 'cancelled', error: { code: 'ERR_SLUICE_SUPERSEDED' } })
    expect(upstream.targets.map(({ active }) => active)).toEqual([0, 0, 0])
    expect(clock.pending).toBe(0)
  })

  it('nobody else is asked where the first answers in time', async () => {
    const { clock, fake, inject } = withHedge({ delayMs: 50 }, { handler: () => ({ body: 'a', delayMs: 49 }) })
    const pending = inject()
    await clock.advanceAsync(500)
    expect(await (await pending).text()).toBe('a')
    expect([fake.requests.length, clock.pending]).toEqual([1, 0])
  })

  it('the first may still win, and the hedge is cancelled', async () => {
    const won = record(hedgeWon)
    const { clock, fake, inject } = withHedge(
      { delayMs: 50 },
      { handler: byTarget({ [A!]: { body: 'a', delayMs: 60 } }) },
    )
    const pending = inject()
    await clock.advanceAsync(60)
    expect(await (await pending).text()).toBe('a')
    expect(fake.requests.map(({ aborted }) => aborted)).toEqual([false, true])
    expect(won).toEqual([])
  })

  it('as many are sent as allowed, each after the same delay', async () => {
    const { clock, fake, inject } = withHedge({ delayMs: 50, maxHedges: 2 }, { handler: () => ({ hang: true }) })
    const pending = inject()
    await clock.advanceAsync(99)
    expect(hostsOf(fake.requests)).toBe('ab')
    await clock.advanceAsync(1)
    expect(hostsOf(fake.requests)).toBe('abc')
    await clock.advanceAsync(1_000)
    expect(fake.requests).toHaveLength(3)
    await clock.advanceAsync(60_000)
    expect((await pending).status).toBe(504)
  })
})

describe('a bad reply', () => {
  it.each<Answer>([
    { status: 503, delayMs: 60 },
    { reset: true, delayMs: 60 },
  ])('does not win while another is pending: %j', async (bad) => {
    const { clock, inject } = withHedge(
      { delayMs: 50 },
      { handler: byTarget({ [A!]: bad, [B!]: { body: 'b', delayMs: 100 } }) },
    )
    const pending = inject()
    await clock.advanceAsync(200)
    expect(await (await pending).text()).toBe('b')
  })

  it('of which nothing is used has its connection freed', async () => {
    const endless = (async function* () {
      yield 'busy'
      await new Promise(() => {})
    })()
    const { clock, fake, inject, upstream } = withHedge(
      { delayMs: 50 },
      { handler: byTarget({ [A!]: { status: 503, delayMs: 60, body: endless }, [B!]: { body: 'b', delayMs: 100 } }) },
    )
    const pending = inject()
    await clock.advanceAsync(200)
    expect(await (await pending).text()).toBe('b')
    expect(fake.requests[0]!.aborted).toBe(true)
    expect(upstream.targets.map(({ active }) => active)).toEqual([0, 0, 0])
  })

  it('is what the client gets when all are bad, before an error', async () => {
    const { clock, inject } = withHedge(
      { delayMs: 50 },
      { handler: byTarget({ [A!]: { reset: true, delayMs: 60 }, [B!]: { status: 503, body: 'busy', delayMs: 100 } }) },
    )
    const pending = inject()
    await clock.advanceAsync(200)
    const reply = await pending
    expect([reply.status, await reply.text()]).toEqual([503, 'busy'])
  })

  it('that no target has sent is freed as well', async () => {
    const busy = new Reply(503, undefined, flowing('busy'))
    let calls = 0
    const first = defineMiddleware('first', async (exchange, next) => {
      if (++calls > 1) return await next(exchange)
      await new Promise<void>((resolve) => exchange.clock.schedule(60, resolve))
      return busy
    })
    const { clock, inject } = setUp({
      use: [hedge({ delayMs: 50 }), first],
      handler: () => ({ delayMs: 50, body: 'b' }),
    })
    const pending = inject()
    await clock.advanceAsync(100)
    expect(await (await pending).text()).toBe('b')
    expect(busy.body.isUsed).toBe(true)
  })

  it('of the only try goes on at once: hedging does not retry', async () => {
    const { clock, fake, inject } = withHedge({ delayMs: 50 }, { handler: () => ({ reset: true, delayMs: 10 }) })
    const pending = inject()
    await clock.advanceAsync(10)
    expect(await codeOf(await pending)).toBe('ERR_SLUICE_CONNECTION_RESET')
    await clock.advanceAsync(1_000)
    expect(fake.requests).toHaveLength(1)
  })
})

describe('what is hedged', () => {
  const hangs = () => ({ hang: true })

  async function requestsFor(request: object, options: HedgeOptions = {}) {
    const { clock, fake, inject } = withHedge({ delayMs: 50, ...options }, { handler: hangs })
    const pending = inject(request)
    await clock.advanceAsync(60_100)
    await pending
    return fake.requests
  }

  it('is idempotent', async () => {
    expect(await requestsFor({ method: 'QUERY' })).toHaveLength(2)
    expect(await requestsFor({ method: 'POST' })).toHaveLength(1)
    expect(await requestsFor({ method: 'POST' }, { methods: ['POST'] })).toHaveLength(2)
  })

  it('is no upgrade', async () => {
    expect(await requestsFor({ headers: { Connection: 'Upgrade', Upgrade: 'chat' } })).toHaveLength(1)
  })

  it('may have a body, which both tries get in whole', async () => {
    const requests = await requestsFor({ method: 'PUT', body: flowing('the body', 8) })
    expect(requests.map(({ body }) => body.toString())).toEqual(['the body', 'the body'])
  })

  it('has none that is too long, or of unknown length', async () => {
    expect(await requestsFor({ method: 'PUT', body: 'nine byte' }, { maxBodyBytes: 8 })).toHaveLength(1)
    const [only, second] = await requestsFor({ method: 'PUT', body: flowing('x') })
    expect([only!.body.toString(), second]).toEqual(['x', undefined])
  })

  it('stays within the budget', async () => {
    const budget = new RetryBudget({ ratio: 0, minRetries: 1, perSecond: 0 })
    expect(await requestsFor({}, { budget })).toHaveLength(2)
    expect(await requestsFor({}, { budget })).toHaveLength(1)
  })

  it('draws from the budget of the retry around it', async () => {
    const budget = new RetryBudget({ ratio: 0, minRetries: 0, perSecond: 0 })
    const { clock, fake, inject } = setUp({ use: [retry({ budget }), hedge({ delayMs: 50 })], handler: hangs })
    const pending = inject()
    await clock.advanceAsync(60_000)
    await pending
    expect(fake.requests).toHaveLength(1)
    expect(budget.snapshot(clock.now())).toMatchObject({ retries: 0 })
  })
})

describe('a client that leaves', () => {
  it('has all tries cancelled, and no more begun', async () => {
    const { clock, exchanges, fake, inject, proxy } = withHedge(
      { delayMs: 50, maxHedges: 2 },
      { handler: () => ({ hang: true }) },
    )
    const pending = inject()
    await clock.advanceAsync(60)
    exchanges[0]!.abort()
    expect((await pending).status).toBe(499)
    await clock.advanceAsync(1_000)
    expect(fake.requests.map(({ aborted }) => aborted)).toEqual([true, true])
    expect([clock.pending, proxy.inFlight]).toEqual([0, 0])
  })
})

describe('a chain that ignores that its client has left', () => {
  it('is not asked a second time', async () => {
    let calls = 0
    const stuck = defineMiddleware('stuck', () => {
      calls++
      return new Promise<Reply>(() => {})
    })
    const { clock, exchanges, inject } = setUp({ use: [hedge({ delayMs: 50 }), stuck] })
    void inject()
    exchanges[0]!.abort()
    await clock.advanceAsync(1_000)
    expect(calls).toBe(1)
  })
})

describe('after a percentile', () => {
  /** A gateway that has seen 19 quick replies for each slow one. */
  async function warmedUp(options: HedgeOptions = {}, samples = 100) {
    let slow = 100
    const set = withHedge(
      { minSamples: samples, ...options },
      {
        handler: ({ path }) => ({ delayMs: path === '/slow' ? slow : 20 }),
      },
    )
    for (let i = 0; i < samples; i++) {
      const pending = set.inject({ path: i % 20 === 7 ? '/slow' : '/' })
      await set.clock.advanceAsync(100)
      await pending
    }
    return { ...set, slowness: (ms: number) => (slow = ms) }
  }

  it('of what was learnt, and not before there is enough of it', async () => {
    const cold = await warmedUp({}, 20)
    expect(cold.fake.requests).toHaveLength(20)
    const events = record(hedged)
    const pending = cold.inject({ path: '/slow' })
    await cold.clock.advanceAsync(100)
    await pending
    expect(events).toHaveLength(1)
    expect(events[0]!.delayMs).toBeGreaterThanOrEqual(20)
    expect(events[0]!.delayMs).toBeLessThan(21)
  })

  it('holds to a fixed delay until then, where one is given', async () => {
    const events = record(hedged)
    const { clock, inject } = withHedge(
      { delayMs: 30, percentile: 0.9, minSamples: 1_000 },
      { handler: () => ({ delayMs: 40 }) },
    )
    const pending = inject()
    await clock.advanceAsync(100)
    await pending
    expect(events).toMatchObject([{ delayMs: 30 }])
  })

  it('never waits less than the least delay', async () => {
    const { clock, inject } = await warmedUp({ minDelayMs: 35 }, 20)
    const events = record(hedged)
    const pending = inject({ path: '/slow' })
    await clock.advanceAsync(100)
    await pending
    expect(events).toMatchObject([{ delayMs: 35 }])
  })

  it('stays where it is, though it never sees how long the losers would have taken', async () => {
    let index = 0
    let isFirst = true
    // First tries take from 1 to 100 ms, evenly; hedges win at once.
    const { clock, inject } = withHedge(
      { percentile: 0.9, windowMs: 20_000, minSamples: 100, budget: { ratio: 1 } },
      { handler: () => ({ delayMs: isFirst ? 1 + ((index++ * 37) % 100) : 1 }) },
    )
    const events = record(hedged)
    for (let i = 0; i < 1_000; i++) {
      isFirst = true
      const pending = inject()
      await clock.advanceAsync(0)
      isFirst = false
      await clock.advanceAsync(100)
      await pending
      if (i === 599) events.length = 0
    }
    expect(events.length).toBeGreaterThan(400 * 0.07)
    expect(events.length).toBeLessThan(400 * 0.13)
  })

  it.each([0, 10])('does not learn from errors, which may come fast, with %i samples before', async (samples) => {
    let fails = false
    const { clock, inject } = withHedge(
      { minSamples: 10 },
      { handler: () => (fails ? { status: 500 } : { delayMs: 20 }) },
    )
    const events = record(hedged)
    for (let i = 0; i < 60; i++) {
      fails = i >= samples && i < 59
      const pending = inject()
      await clock.advanceAsync(20)
      await pending
    }
    expect(events).toEqual([])
  })
})

describe('a loser that ignores its end', () => {
  it('has its late reply freed', async () => {
    let late!: (reply: Reply) => void
    let calls = 0
    const stuck = defineMiddleware('stuck', (exchange, next) =>
      ++calls > 1 ? next(exchange) : new Promise<Reply>((resolve) => (late = resolve)),
    )
    const { clock, inject, settle } = setUp({ use: [hedge({ delayMs: 50 }), stuck] })
    const pending = inject()
    await clock.advanceAsync(50)
    expect((await pending).status).toBe(200)
    const reply = new Reply(200, undefined, flowing('late'))
    late(reply)
    await settle()
    expect(reply.body.isUsed).toBe(true)
  })
})

describe('options', () => {
  it.each<[path: string, options: unknown]>([
    ['hedge.delayMs', { delayMs: -1 }],
    ['hedge.percentile', { percentile: 1 }],
    ['hedge.percentile', { percentile: 0 }],
    ['hedge.percentile', { percentile: 95 }],
    ['hedge.windowMs', { windowMs: 0 }],
    ['hedge.minSamples', { minSamples: 0 }],
    ['hedge.minDelayMs', { minDelayMs: '5' }],
    ['hedge.maxHedges', { maxHedges: 0 }],
    ['hedge.methods', { methods: ['GET', 3] }],
    ['hedge.maxBodyBytes', { maxBodyBytes: -1 }],
    ['hedge.budget.perSecond', { budget: { perSecond: -1 } }],
  ])('%s is refused', (path, options) => {
    const build = () => hedge(options as HedgeOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })
})
