import { ConfigError, createProxy, type Middleware, Reply } from '@sluice/core'
import type { Answer } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  breakerClosed,
  breakerHalfOpen,
  breakerOpened,
  concurrencyLimit,
  routeBreaker,
  type RouteBreakerOptions,
} from '../../src/index.ts'
import { ABC, codeOf, record, setUp } from './set-up.ts'

/** A gateway whose upstream answers what it is told to; the breaker opens after three failures for ten seconds. */
function guarded(options: RouteBreakerOptions = {}, below: readonly Middleware[] = []) {
  let answer: Answer = { status: 500 }
  const breaker = routeBreaker({ consecutiveFailures: 3, jitter: 0, successesToClose: 2, ...options })
  const set = setUp({ use: [breaker, ...below], handler: () => answer, forward: { headTimeoutMs: 100 } })
  return {
    ...set,
    breaker,
    state: () => breaker.snapshot()?.state,
    answers: (next: Answer) => void (answer = next),
    statuses: async (count: number) => {
      const seen: number[] = []
      for (let i = 0; i < count; i++) {
        const reply = await set.inject()
        await reply.text()
        seen.push(reply.status)
      }
      return seen
    },
  }
}

describe('a route breaker', () => {
  it('opens after failures, and answers 503 with the time that it will be open', async () => {
    const opened = record(breakerOpened)
    const { clock, fake, inject, state, statuses } = guarded({ name: 'reports' })
    expect(state()).toBeUndefined()
    expect(await statuses(3)).toEqual([500, 500, 500])
    expect(state()).toBe('open')
    await clock.advanceAsync(7_500)
    const reply = await inject()
    expect([reply.status, reply.headers.get('retry-after'), await codeOf(reply)]).toEqual([
      503,
      '3',
      'ERR_SLUICE_CIRCUIT_OPEN',
    ])
    expect(fake.requests).toHaveLength(3)
    expect(opened).toMatchObject([{ of: 'route', name: 'reports', target: undefined, before: 'closed' }])
  })

  it('lets a few through when its time is over, and closes when they are well', async () => {
    const halfOpened = record(breakerHalfOpen)
    const closed = record(breakerClosed)
    const { answers, clock, state, statuses } = guarded()
    await statuses(3)
    answers({ body: 'well' })
    await clock.advanceAsync(10_000)
    expect(await statuses(1)).toEqual([200])
    expect(state()).toBe('half-open')
    expect(await statuses(1)).toEqual([200])
    expect(state()).toBe('closed')
    expect([halfOpened.length, closed.length]).toEqual([1, 1])
  })

  it('opens again, for longer, when one of them fails', async () => {
    const { clock, state, statuses } = guarded()
    await statuses(3)
    await clock.advanceAsync(10_000)
    expect(await statuses(2)).toEqual([500, 503])
    await clock.advanceAsync(19_999)
    expect(await statuses(1)).toEqual([503])
    await clock.advanceAsync(1)
    expect(await statuses(1)).toEqual([500])
    expect(state()).toBe('open')
  })

  it('lets one probe through at a time at first, and the place of one that hangs is free again at its end', async () => {
    const { answers, clock, fake, inject, state, statuses } = guarded()
    await statuses(3)
    await clock.advanceAsync(10_000)
    answers({ hang: true })
    const probe = inject()
    const other = await inject()
    expect([other.status, other.headers.get('retry-after')]).toEqual([503, '1'])
    expect(fake.requests).toHaveLength(4)
    await clock.advanceAsync(100)
    expect((await probe).status).toBe(504)
    expect([state(), await statuses(1)]).toEqual(['open', [503]])
  })

  it('frees the place of a probe whose client leaves, which counts for nothing', async () => {
    const { answers, clock, exchanges, inject, state, statuses } = guarded()
    await statuses(3)
    await clock.advanceAsync(10_000)
    answers({ hang: true })
    const probe = inject()
    await clock.advanceAsync(10)
    exchanges.at(-1)!.abort()
    await probe
    expect(state()).toBe('half-open')
    answers({})
    expect(await statuses(2)).toEqual([200, 200])
    expect(state()).toBe('closed')
  })
})

describe('what counts as a failure', () => {
  it.each<[Answer, number]>([
    [{ status: 503 }, 503],
    [{ reset: true }, 502],
  ])('%j does', async (answer, status) => {
    const { answers, state, statuses } = guarded()
    answers(answer)
    expect(await statuses(4)).toEqual([status, status, status, 503])
    expect(state()).toBe('open')
  })

  it('no target does, and so does a fault below', async () => {
    const none = setUp({
      use: [routeBreaker({ consecutiveFailures: 1 })],
      upstream: { targets: ABC.map((url) => ({ url, state: 'down' })) },
    })
    expect(await codeOf(await none.inject())).toBe('ERR_SLUICE_NO_TARGET')
    expect(await codeOf(await none.inject())).toBe('ERR_SLUICE_CIRCUIT_OPEN')
    const faulty = guarded({ consecutiveFailures: 1 }, [
      () => {
        throw new Error('a mistake')
      },
    ])
    expect(await faulty.statuses(2)).toEqual([500, 503])
  })

  it('a 404 does not, nor what a limit below refuses, nor a client that leaves', async () => {
    const missing = guarded()
    missing.answers({ status: 404 })
    expect(await missing.statuses(10)).toEqual(Array(10).fill(404))
    const full = guarded({ consecutiveFailures: 1 }, [concurrencyLimit({ max: 1 })])
    full.answers({ hang: true })
    void full.inject()
    expect(await full.statuses(3)).toEqual([503, 503, 503])
    expect(full.state()).toBe('closed')
    full.exchanges[0]!.abort()
    await full.settle()
    expect(full.breaker.snapshot()).toMatchObject({ state: 'closed', failures: 0, successes: 0 })
  })

  it('can be told by statuses', async () => {
    const { answers, state, statuses } = guarded({ failureStatuses: [429] })
    expect(await statuses(5)).toEqual(Array(5).fill(500))
    answers({ status: 429 })
    await statuses(3)
    expect(state()).toBe('open')
  })
})

describe('a fallback', () => {
  const openWith = async (fallback: NonNullable<RouteBreakerOptions['fallback']>) => {
    const set = guarded({ consecutiveFailures: 1, fallback })
    expect(await set.statuses(1)).toEqual([500])
    return set.inject
  }

  it('may be data, and is a new reply each time', async () => {
    const inject = await openWith({ status: 203, headers: { 'X-Stale': 'yes' }, body: { items: [] } })
    for (let i = 0; i < 2; i++) {
      const reply = await inject()
      reply.headers.append('X-Seen', '1')
      expect([reply.status, reply.headers.get('x-stale'), reply.headers.get('x-seen')]).toEqual([203, 'yes', '1'])
      expect(reply.headers.get('content-type')).toBe('application/json')
      expect(await reply.json()).toEqual({ items: [] })
    }
  })

  it('may be text, or nothing at all', async () => {
    const text = await (await openWith({ body: 'later' }))()
    expect([text.headers.get('content-type'), await text.text()]).toEqual(['text/plain; charset=utf-8', 'later'])
    expect((await (await openWith({ status: 204 }))()).status).toBe(204)
  })

  it('may be made by a function, which is told why', async () => {
    const inject = await openWith(async (exchange, error) => Reply.text(`${exchange.request.path} ${error.code}`))
    expect(await (await inject({ path: '/x' })).text()).toBe('/x ERR_SLUICE_CIRCUIT_OPEN')
  })
})

describe('options', () => {
  it.each<[path: string, options: unknown]>([
    ['routeBreaker', { consecutiveFailures: 0, failureRatio: 0 }],
    ['routeBreaker.openMs', { openMs: 0 }],
    ['routeBreaker.failureStatuses[0]', { failureStatuses: ['6xx'] }],
    ['routeBreaker.fallback', { fallback: 'later' }],
    ['routeBreaker.fallback', { fallback: { status: 99 } }],
    ['routeBreaker.fallback', { fallback: { headers: { 'a b': 'c' } } }],
  ])('%s is refused', (path, options) => {
    const build = () => routeBreaker(options as RouteBreakerOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })

  it('has a name for explain()', () => {
    const proxy = createProxy().route({}, (route) => route.use(routeBreaker()).handle(() => Reply.text('')))
    expect(proxy.explain().middlewares).toEqual(['routeBreaker'])
  })
})
