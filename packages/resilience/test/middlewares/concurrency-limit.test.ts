import { ConfigError, defineMiddleware, type Exchange, type Middleware, Reply, UpstreamError } from '@sluice/core'
import { seededRandom } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { concurrencyLimit, type ConcurrencyLimitOptions, limitRefused } from '../../src/index.ts'
import { codeOf, flowing, record, setUp } from './set-up.ts'

/** A gateway whose exchanges wait, each until it is let go on. */
function held(options: ConcurrencyLimitOptions, more: readonly Middleware[] = []) {
  const limit = concurrencyLimit(options)
  const inside: {
    readonly exchange: Exchange
    readonly reply: (reply: Reply) => void
    readonly fail: (error: Error) => void
  }[] = []
  const hold = defineMiddleware(
    'hold',
    (exchange) => new Promise<Reply>((reply, fail) => inside.push({ exchange, reply, fail })),
  )
  const set = setUp({ use: [...more, limit, hold] })
  return {
    ...set,
    limit,
    inside,
    /** The paths that were let in, in order. */
    paths: () => inside.map(({ exchange }) => exchange.request.path).join(' '),
    counts: () => {
      const { inFlight, pending, refused } = limit.snapshot()
      return [inFlight, pending, refused]
    },
  }
}

describe('a limit', () => {
  it('lets so many in, and refuses the others with 503 and Retry-After', async () => {
    const events = record(limitRefused)
    const { counts, inject, inside, settle } = held({ max: 2, retryAfterMs: 2_500 })
    const first = inject()
    const second = inject()
    const third = await inject()
    expect([third.status, third.headers.get('retry-after'), await codeOf(third)]).toEqual([
      503,
      '3',
      'ERR_SLUICE_CONCURRENCY_LIMIT',
    ])
    expect(counts()).toEqual([2, 0, 1])
    expect(events).toMatchObject([{ reason: 'full', limit: 2, inFlight: 2, pending: 0 }])
    for (const { reply } of inside) reply(Reply.text('done'))
    await Promise.all([first, second])
    await settle()
    expect(counts()).toEqual([0, 0, 1])
    void inject()
    expect(inside).toHaveLength(3)
  })

  it('counts an exchange until its body has ended', async () => {
    const { counts, inject, inside } = held({ max: 1 })
    const pending = inject()
    inside[0]!.reply(new Reply(200, undefined, flowing('body')))
    const reply = await pending
    expect(counts()).toEqual([1, 0, 0])
    await reply.text()
    expect(counts()).toEqual([0, 0, 0])
  })

  it('frees the place of one that fails at once, though its exchange goes on', async () => {
    const caught = defineMiddleware('caught', async (exchange, next) => {
      try {
        return await next(exchange)
      } catch {
        return new Reply(200, undefined, flowing('made up'))
      }
    })
    const { counts, inject, inside } = held({ max: 1 }, [caught])
    const pending = inject()
    inside[0]!.fail(new UpstreamError('ERR_SLUICE_CONNECTION_RESET'))
    const reply = await pending
    expect(counts()).toEqual([0, 0, 0])
    await reply.text()
    expect(counts()).toEqual([0, 0, 0])
  })

  it('frees the place of one whose chain throws before it waits for anything', async () => {
    const limit = concurrencyLimit({ max: 1 })
    const throws = defineMiddleware('throws', () => {
      throw new Error('at once')
    })
    const { inject } = setUp({ use: [limit, throws] })
    await inject()
    expect(limit.snapshot().inFlight).toBe(0)
  })

  it('is one for all the routes that it stands in', async () => {
    const limit = concurrencyLimit({ max: 1 })
    const one = setUp({ use: [limit], handler: () => ({ hang: true }) })
    const two = setUp({ use: [limit] })
    void one.inject()
    expect((await two.inject()).status).toBe(503)
  })

  it('does not let in what is over already, whose place nobody would give back', async () => {
    const gone = defineMiddleware('gone', (exchange, next) => {
      exchange.abort()
      return next(exchange)
    })
    const { counts, inject, inside } = held({ max: 1, key: 'client' }, [gone])
    expect((await inject()).status).toBe(499)
    expect([counts(), inside.length]).toEqual([[0, 0, 0], 0])
  })
})

describe('those who wait', () => {
  const come = async (set: ReturnType<typeof held>, ...paths: string[]) => {
    for (const path of paths) void set.inject({ path })
    await set.settle()
  }

  it.each([
    ['fifo', '/a /b /c /d'],
    ['lifo', '/a /d /c /b'],
  ] as const)('are served %s', async (order, expected) => {
    const set = held({ max: 1, maxPending: 3, order })
    await come(set, '/a', '/b', '/c', '/d')
    expect((await set.inject({ path: '/e' })).status).toBe(503)
    for (let i = 0; i < 4; i++) {
      set.inside[i]!.reply(Reply.text(''))
      await set.settle()
    }
    expect(set.paths()).toBe(expected)
    expect(set.counts()).toEqual([0, 0, 1])
  })

  it('are refused when it takes too long', async () => {
    const events = record(limitRefused)
    const set = held({ max: 1, maxPending: 1, pendingTimeoutMs: 200 })
    await come(set, '/a')
    const pending = set.inject({ path: '/b' })
    await set.clock.advanceAsync(199)
    expect(set.counts()).toEqual([1, 1, 0])
    await set.clock.advanceAsync(1)
    const reply = await pending
    expect([reply.status, await codeOf(reply)]).toEqual([503, 'ERR_SLUICE_CONCURRENCY_LIMIT'])
    expect(events).toMatchObject([{ reason: 'timeout' }])
    expect(set.counts()).toEqual([1, 0, 1])
  })

  it('leave at once with their client, and are not let in', async () => {
    const set = held({ max: 1, maxPending: 2 })
    await come(set, '/a')
    const leaving = set.inject({ path: '/b' })
    await come(set, '/c')
    set.exchanges[1]!.abort()
    expect(set.counts()).toEqual([1, 1, 0])
    expect((await leaving).status).toBe(499)
    set.inside[0]!.reply(Reply.text(''))
    await set.settle()
    expect(set.paths()).toBe('/a /c')
  })

  it('lose nothing where the client leaves between the grant and the next step', async () => {
    const set = held({ max: 1, maxPending: 2 })
    await come(set, '/a')
    const leaving = set.inject({ path: '/b' })
    await set.settle()
    // Ends the first exchange, and so grants the place, synchronously; then the second one's client is gone.
    set.exchanges[0]!.end(undefined, 0)
    set.exchanges[1]!.abort()
    expect((await leaving).status).toBe(499)
    expect(set.counts()).toEqual([0, 0, 0])
    expect(set.paths()).toBe('/a')
  })

  it('give a place back at once that came too late, though their exchange goes on', async () => {
    const caught = defineMiddleware('caught', async (exchange, next) => {
      try {
        return await next(exchange)
      } catch {
        return new Reply(200, undefined, flowing('made up'))
      }
    })
    const set = held({ max: 1, maxPending: 2 }, [caught])
    await come(set, '/a')
    const leaving = set.inject({ path: '/b' })
    await set.settle()
    set.exchanges[0]!.end(undefined, 0)
    set.exchanges[1]!.abort()
    expect((await leaving).status).toBe(200)
    expect(set.counts()).toEqual([0, 0, 0])
  })

  it('are ended by a deadline', async () => {
    const late = defineMiddleware('late', (exchange, next) => {
      exchange.expireAt(exchange.startedAt + 50)
      return next(exchange)
    })
    const set = held({ max: 1, maxPending: 2, pendingTimeoutMs: 0 }, [late])
    void set.inject({ path: '/a' })
    const pending = set.inject({ path: '/b' })
    await set.clock.advanceAsync(50)
    expect(await codeOf(await pending)).toBe('ERR_SLUICE_DEADLINE_EXCEEDED')
    expect(set.limit.snapshot().pending).toBe(0)
  })
})

describe('keys', () => {
  it('are limited each by itself, and forgotten when nobody uses them', async () => {
    const set = held({ max: 1, key: (exchange) => exchange.request.headers.get('x-tenant') })
    const as = (tenant: string) => set.inject({ headers: { 'X-Tenant': tenant } })
    const first = as('a')
    expect((await as('a')).status).toBe(503)
    const second = as('b')
    void set.inject()
    void set.inject()
    await set.settle()
    expect(set.inside).toHaveLength(4)
    expect(set.limit.snapshot()).toEqual({
      limit: 1,
      inFlight: 2,
      pending: 0,
      refused: 1,
      keys: [
        { key: 'a', inFlight: 1, pending: 0 },
        { key: 'b', inFlight: 1, pending: 0 },
      ],
    })
    set.inside.forEach(({ reply }) => reply(Reply.text('')))
    await Promise.all([first, second])
    expect(set.limit.snapshot().keys).toEqual([])
  })

  it('can be the addresses of clients', async () => {
    const set = held({ max: 1, key: 'client' })
    const from = (address: string) => set.inject({ peer: { address } })
    void from('192.0.2.1')
    void from('192.0.2.2')
    expect((await from('192.0.2.1')).status).toBe(503)
    expect(set.inside).toHaveLength(2)
  })

  it('share one limit where there are too many', async () => {
    const set = held({ max: 1, maxKeys: 2, key: (exchange) => exchange.request.path })
    for (const path of ['/a', '/b', '/c']) void set.inject({ path })
    expect((await set.inject({ path: '/d' })).status).toBe(503)
    expect(set.inside).toHaveLength(3)
    expect(set.limit.snapshot()).toMatchObject({ inFlight: 3, keys: [{ key: '/a' }, { key: '/b' }] })
  })
})

describe('an adaptive limit', () => {
  /** Answers one request at a time, each within the time given. */
  async function pass(set: ReturnType<typeof held>, ms: number, reply = () => Reply.text('')) {
    const pending = set.inject()
    await set.clock.advanceAsync(ms)
    set.inside.at(-1)!.reply(reply())
    await pending
  }

  it('learns from the time to the head, not from how long the body takes', async () => {
    const set = held({ max: { initial: 2, min: 1, max: 10, queueSize: 0 } })
    for (let i = 0; i < 20; i++) await pass(set, 10)
    expect(set.limit.snapshot().limit).toBe(2)
    const slowBody = set.inject()
    await set.clock.advanceAsync(10)
    set.inside.at(-1)!.reply(new Reply(200, undefined, flowing('body')))
    const reply = await slowBody
    await set.clock.advanceAsync(10_000)
    await reply.text()
    expect(set.limit.snapshot().limit).toBe(2)
    await pass(set, 1_000)
    expect(set.limit.snapshot().limit).toBe(1)
  })

  it('shrinks for overload, and not for other failures', async () => {
    const set = held({ max: { initial: 10, min: 1, max: 10 } })
    await pass(set, 10, () => Reply.text('', { status: 500 }))
    expect(set.limit.snapshot().limit).toBe(10)
    await pass(set, 10, () => Reply.text('', { status: 503 }))
    expect(set.limit.snapshot().limit).toBe(9)
    const reset = set.inject()
    set.inside.at(-1)!.fail(new UpstreamError('ERR_SLUICE_CONNECTION_RESET'))
    await reset
    expect(set.limit.snapshot().limit).toBe(9)
    const late = set.inject()
    set.inside.at(-1)!.fail(new UpstreamError('ERR_SLUICE_HEAD_TIMEOUT'))
    await late
    expect(set.limit.snapshot().limit).toBe(8)
  })

  it('lets those who wait in when it grows', async () => {
    const set = held({ max: { initial: 1, min: 1, max: 10 }, maxPending: 10 })
    const all = Array.from({ length: 6 }, () => set.inject())
    await set.settle()
    expect(set.inside).toHaveLength(1)
    // The first answer grows the limit to 1.8, the second to 2.6.
    set.inside[0]!.reply(Reply.text(''))
    await set.settle()
    expect(set.inside).toHaveLength(2)
    set.inside[1]!.reply(Reply.text(''))
    await set.settle()
    expect(set.inside).toHaveLength(4)
    for (let i = 2; i < 6; i++) {
      set.inside[i]!.reply(Reply.text(''))
      await set.settle()
    }
    await Promise.all(all)
    expect(set.counts()).toEqual([0, 0, 0])
  })
})

describe('under random load, with clients that leave and chains that throw', () => {
  it('no place is lost, and never are there too many inside', async () => {
    const random = seededRandom(11)
    const limit = concurrencyLimit({ max: 5, maxPending: 5, pendingTimeoutMs: 40, order: 'lifo' })
    let inside = 0
    let most = 0
    const chance = defineMiddleware('chance', async (exchange, next) => {
      most = Math.max(most, ++inside)
      try {
        if (random() < 0.2) throw new Error('by chance')
        const reply = await next(exchange)
        exchange.onEnd(() => void inside--)
        return reply
      } catch (error) {
        inside--
        throw error
      }
    })
    const set = setUp({
      use: [limit, chance],
      handler: () => {
        const dice = random()
        return dice < 0.1 ? { reset: true } : dice < 0.2 ? { hang: true } : { delayMs: 30 * random(), body: 'x' }
      },
      forward: { headTimeoutMs: 60 },
    })
    const statuses = new Map<number, number>()
    const replies: Promise<unknown>[] = []
    const run = async () => {
      const reply = await set.inject()
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      await reply.text().catch(() => {})
    }
    for (let i = 0; i < 600; i++) {
      replies.push(run())
      if (random() < 0.3) set.exchanges[Math.floor(random() * set.exchanges.length)]!.abort()
      if (random() < 0.5) await set.clock.advanceAsync(10 * random())
    }
    await set.clock.advanceAsync(1_000)
    await Promise.all(replies)
    expect(limit.snapshot()).toMatchObject({ inFlight: 0, pending: 0 })
    expect([most, inside, set.proxy.inFlight, set.clock.pending]).toEqual([5, 0, 0, 0])
    // All of it has happened.
    for (const status of [200, 499, 500, 502, 503, 504]) expect(statuses.get(status)).toBeGreaterThan(0)
  })
})

describe('options', () => {
  it.each<[path: string, options: unknown]>([
    ['concurrencyLimit.max', { max: 0 }],
    ['concurrencyLimit.max', { max: 1.5 }],
    ['concurrencyLimit.max', { max: '5' }],
    ['concurrencyLimit.max', { max: {}, key: 'client' }],
    ['concurrencyLimit.max.smoothing', { max: { smoothing: 2 } }],
    ['concurrencyLimit.maxPending', { maxPending: -1 }],
    ['concurrencyLimit.order', { order: 'random' }],
    ['concurrencyLimit.pendingTimeoutMs', { pendingTimeoutMs: -1 }],
    ['concurrencyLimit.key', { key: 'tenant' }],
    ['concurrencyLimit.maxKeys', { key: 'client', maxKeys: 0 }],
    ['concurrencyLimit.retryAfterMs', { retryAfterMs: -1 }],
  ])('%s is refused', (path, options) => {
    const build = () => concurrencyLimit(options as ConcurrencyLimitOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })

  it('has a name for explain()', () => {
    expect(concurrencyLimit().name).toBe('concurrencyLimit')
  })
})
