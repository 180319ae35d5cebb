import {
  type Answer,
  fakeUpstream,
  hostileUpstream,
  type RecordedRequest,
  virtualClock,
  waitFor,
} from '@sluice/testing'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import {
  type Attempt,
  ConfigError,
  createProxy,
  createUpstream,
  forward,
  type ForwardOptions,
  type Gate,
  type InjectedRequest,
  type Middleware,
  RetryBudget,
  retryBudget,
  type RetryBudgetOptions,
  type Target,
  type UpstreamOptions,
  wireTransport,
} from '../src/index.ts'

interface SetUp {
  readonly handler?: (request: RecordedRequest) => Answer
  readonly targets?: readonly string[]
  readonly options?: ForwardOptions
  readonly middleware?: Middleware
  readonly upstreamOptions?: Partial<UpstreamOptions>
}

function setUp({ handler, targets = ['http://a.test'], options, middleware, upstreamOptions }: SetUp = {}) {
  const clock = virtualClock()
  const fake = fakeUpstream(handler, { clock })
  const observed: string[] = []
  const gate = (): Gate => ({
    name: 'observer',
    admits: () => true,
    observe: (target: Target, attempt: Attempt) =>
      void observed.push(`${target.url.hostname} ${attempt.phase} ${attempt.status ?? attempt.error?.code}`),
  })
  // Starts with the first target.
  const upstream = createUpstream('users', {
    targets,
    transport: fake.transport,
    clock,
    gates: [gate],
    random: () => 0.999,
    ...upstreamOptions,
  })
  const proxy = createProxy({ clock })
    .use(middleware ?? (async (exchange, next) => await next(exchange)))
    .forward(upstream, options)
  return {
    clock,
    fake,
    upstream,
    proxy,
    observed,
    inject: async (request?: InjectedRequest) => await proxy.inject(request),
  }
}

const ABC = ['http://a.test', 'http://b.test', 'http://c.test']

describe('forward to targets that refuse', () => {
  it('tries another one, whatever the method, with the whole body', async () => {
    const { fake, inject, observed } = setUp({ targets: ABC })
    fake.refusing.add('http://a.test').add('http://b.test')
    const reply = await inject({ method: 'POST', body: 'hello' })
    expect(await reply.json()).toMatchObject({ method: 'POST', body: 'hello' })
    expect(reply.exchange.attempts.map(({ target }) => target.key)).toEqual(ABC)
    expect(observed).toEqual([
      'a.test failed ERR_SLUICE_CONNECT_REFUSED',
      'b.test failed ERR_SLUICE_CONNECT_REFUSED',
      'c.test replied 200',
    ])
  })

  it('sends a flowing body that nothing has read of', async () => {
    const { fake, inject } = setUp({ targets: ABC })
    fake.refusing.add('http://a.test')
    const body = Body.fromStream(new Blob(['flow']).stream() as never)
    expect(await (await inject({ method: 'POST', body })).json()).toMatchObject({ body: 'flow' })
  })

  it('answers 502 when all of them do, or as many as may be tried', async () => {
    const { fake, inject } = setUp({ targets: ABC, options: { maxConnectAttempts: 2 } })
    ABC.forEach((key) => fake.refusing.add(key))
    const reply = await inject()
    expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([502, 'ERR_SLUICE_CONNECT_REFUSED'])
    expect(reply.exchange.attempts).toHaveLength(2)
    const one = setUp()
    one.fake.refusing.add('http://a.test')
    expect((await one.inject()).exchange.attempts).toHaveLength(1)
  })

  it('answers 502 where two of two do, each tried once', async () => {
    const { fake, inject } = setUp({ targets: ABC.slice(0, 2) })
    ABC.forEach((key) => fake.refusing.add(key))
    const reply = await inject()
    expect(reply.exchange.attempts.map(({ target }) => target.key)).toEqual(ABC.slice(0, 2))
  })

  it('answers 500 when an edit throws on the way to the next one', async () => {
    const fake = fakeUpstream()
    fake.refusing.add('http://a.test')
    const upstream = createUpstream('users', { targets: ABC, transport: fake.transport, random: () => 0.999 })
    const thrown: unknown[] = []
    const proxy = createProxy({ onError: (error) => thrown.push(error) }).forward(upstream, {
      edits: [
        (_head, _exchange, target) => {
          if (target.key === 'http://b.test') throw new Error('not this one')
        },
      ],
    })
    expect((await proxy.inject()).status).toBe(500)
    expect(thrown).toMatchObject([{ message: 'not this one' }])
    expect(proxy.inFlight).toBe(0)
  })
})

describe('another attempt, since no connection was made', () => {
  const tight: RetryBudgetOptions = { ratio: 0, minRetries: 2, perSecond: 0 }
  const budgeted = (set: SetUp = {}) => {
    const made = setUp({ targets: ABC, upstreamOptions: { retryBudget: tight, random: () => 0.999 }, ...set })
    ABC.slice(0, 2).forEach((key) => made.fake.refusing.add(key))
    const budget = () => made.upstream.retryBudget.snapshot(made.clock.now())
    return { ...made, budget }
  }

  it('draws from the budget of the upstream; without one the error stands', async () => {
    const { inject, budget, clock } = budgeted()
    const first = await inject({ method: 'POST', body: 'x' })
    expect([first.status, first.exchange.attempts.length]).toEqual([200, 3])
    expect(budget()).toMatchObject({ requests: 1, retries: 2 })
    // The next pick begins with the first target again.
    const second = await inject()
    expect([second.status, second.exchange.attempts.length]).toEqual([502, 1])
    expect(budget()).toMatchObject({ requests: 2, retries: 2 })
    clock.advance(10_000)
    // Whose turn is the last target's, which is well.
    expect((await inject()).exchange.attempts).toHaveLength(1)
    const fourth = await inject()
    expect([fourth.status, fourth.exchange.attempts.length]).toEqual([200, 3])
  })

  it('draws from the budget that a middleware has set, where there is one', async () => {
    const own = new RetryBudget({ ...tight, minRetries: 1 })
    const { inject, budget, clock } = budgeted({
      middleware: async (exchange, next) => await next(exchange.branch().set(retryBudget, own)),
    })
    const reply = await inject()
    expect([reply.status, reply.exchange.attempts.length]).toEqual([502, 2])
    expect(own.snapshot(clock.now())).toMatchObject({ retries: 1 })
    expect(budget()).toMatchObject({ retries: 0 })
  })

  it('of a lost connection that had served before draws from none', async () => {
    let count = 0
    const { inject, upstream, clock } = setUp({
      handler: () => (++count === 2 ? { reset: true } : {}),
      upstreamOptions: { retryBudget: { ratio: 0, minRetries: 0, perSecond: 0 } },
    })
    await inject()
    expect((await inject()).status).toBe(200)
    expect([count, upstream.retryBudget.snapshot(clock.now()).retries]).toEqual([3, 0])
  })
})

describe('a connection that is lost before the reply', () => {
  /** Answers the first request, so that its connection is used again; loses the second; answers the rest. */
  const stale = () => {
    let count = 0
    return (): Answer => (++count === 2 ? { reset: true } : { body: String(count) })
  }

  it.each([
    ['an idempotent request', { method: 'PUT', body: 'x' }, 200],
    ['a GET', {}, 200],
    ['a request that is not idempotent', { method: 'POST', body: 'x' }, 502],
    ['a method that nobody knows', { method: 'BREW' }, 502],
  ])('and was used before: %s', async (_, request, status) => {
    const { inject } = setUp({ handler: stale() })
    await (await inject()).text()
    const reply = await inject(request)
    expect(reply.status).toBe(status)
    expect(reply.exchange.attempts).toHaveLength(status === 200 ? 2 : 1)
    if (status === 200) expect(reply.exchange.attempts.map(({ reused }) => reused)).toEqual([true, false])
  })

  it('and was used before: not where the body has flowed, unless it can be replayed', async () => {
    const flowing = () => ({ method: 'PUT', body: Body.fromStream(new Blob(['flow']).stream() as never) })
    const once = setUp({ handler: stale() })
    await (await once.inject()).text()
    expect((await once.inject(flowing())).status).toBe(502)
    const replaying: Middleware = async (exchange, next) => {
      exchange.request.body = exchange.request.body.replayable(100)
      return await next(exchange)
    }
    const twice = setUp({ handler: stale(), middleware: replaying })
    await (await twice.inject()).text()
    expect((await twice.inject(flowing())).status).toBe(200)
    expect(twice.fake.requests.map(({ body }) => body.toString())).toEqual(['', 'flow', 'flow'])
  })

  it('and was new: no second try', async () => {
    const { inject, fake } = setUp({ handler: () => ({ reset: true }) })
    expect((await inject()).status).toBe(502)
    expect(fake.requests).toHaveLength(1)
  })

  it('and is lost again, new as it is: no third try', async () => {
    let count = 0
    const { inject, fake } = setUp({ handler: () => (++count > 1 ? { reset: true } : {}) })
    await (await inject()).text()
    expect((await inject()).status).toBe(502)
    expect(fake.requests).toHaveLength(3)
  })
})

describe('timeouts', () => {
  it('of the whole: 504 in virtual time, to the millisecond', async () => {
    const { clock, inject, observed } = setUp({ handler: () => ({ hang: true }), options: { totalTimeoutMs: 5_000 } })
    let status = 0
    const reply = inject().then((reply) => (status = reply.status))
    await clock.advanceAsync(4_999)
    expect(status).toBe(0)
    await clock.advanceAsync(1)
    expect(await reply).toBe(504)
    expect(observed).toEqual(['a.test failed ERR_SLUICE_TOTAL_TIMEOUT'])
    expect(clock.pending).toBe(0)
  })

  it('of the whole: a body that is still flowing breaks off, an event stream goes on', async () => {
    const endless = (type: string) => (): Answer => ({
      headers: { 'Content-Type': type },
      body: (async function* () {
        yield 'first'
        await new Promise(() => {})
      })(),
    })
    const plain = setUp({ handler: endless('text/plain'), options: { totalTimeoutMs: 5_000, bodyIdleTimeoutMs: 0 } })
    const text = (await plain.inject()).text()
    const outcome = expect(text).rejects.toThrow(expect.objectContaining({ code: 'ERR_SLUICE_TOTAL_TIMEOUT' }))
    await plain.clock.advanceAsync(5_000)
    await outcome
    const events = setUp({
      handler: endless('Text/Event-Stream; charset=utf-8'),
      options: { totalTimeoutMs: 5_000, bodyIdleTimeoutMs: 0 },
    })
    const reply = await events.inject()
    await events.clock.advanceAsync(60_000)
    expect(reply.exchange.attempts[0]!.phase).toBe('replied')
    expect(events.clock.pending).toBe(0)
    reply.body.cancel()
  })

  it('of the head: 504, with its own code', async () => {
    const { clock, inject } = setUp({ handler: () => ({ hang: true }), options: { headTimeoutMs: 300 } })
    const reply = inject()
    await clock.advanceAsync(300)
    expect(await (await reply).json()).toMatchObject({ status: 504, code: 'ERR_SLUICE_HEAD_TIMEOUT' })
  })

  it.each<[code: string, ms: number, upstreamOptions: Partial<UpstreamOptions>, options: ForwardOptions]>([
    ['ERR_SLUICE_HEAD_TIMEOUT', 300, { headTimeoutMs: 300 }, {}],
    ['ERR_SLUICE_HEAD_TIMEOUT', 200, { headTimeoutMs: 300 }, { headTimeoutMs: 200 }],
    ['ERR_SLUICE_HEAD_TIMEOUT', 60_000, {}, {}],
    ['ERR_SLUICE_TOTAL_TIMEOUT', 300, { totalTimeoutMs: 300 }, {}],
    ['ERR_SLUICE_TOTAL_TIMEOUT', 400, { totalTimeoutMs: 300 }, { totalTimeoutMs: 400 }],
    ['ERR_SLUICE_HEAD_TIMEOUT', 60_000, { totalTimeoutMs: 300 }, { totalTimeoutMs: 0 }],
  ])('of the upstream hold where the route has none: %s after %d ms', async (code, ms, upstreamOptions, options) => {
    const { clock, inject } = setUp({ handler: () => ({ hang: true }), options, upstreamOptions })
    let isOver = false
    const reply = inject().finally(() => (isOver = true))
    await clock.advanceAsync(ms - 1)
    expect(isOver).toBe(false)
    await clock.advanceAsync(1)
    expect(await (await reply).json()).toMatchObject({ code })
  })

  it.each<[ms: number, options: ForwardOptions]>([
    [300, {}],
    [200, { bodyIdleTimeoutMs: 200 }],
  ])('of the upstream hold where the route has none: a body that is silent for %d ms', async (ms, options) => {
    const { clock, inject } = setUp({
      handler: () => ({
        body: (async function* () {
          yield 'first'
          await new Promise(() => {})
        })(),
      }),
      options,
      upstreamOptions: { bodyIdleTimeoutMs: 300 },
    })
    const text = (await inject()).text()
    let isOver = false
    const outcome = expect(text.finally(() => (isOver = true))).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SLUICE_BODY_IDLE' }),
    )
    await clock.advanceAsync(ms - 1)
    expect(isOver).toBe(false)
    await clock.advanceAsync(1)
    await outcome
  })

  it.each(['headTimeoutMs', 'bodyIdleTimeoutMs', 'totalTimeoutMs'])(
    'of the upstream have to be numbers: %s',
    (name) => {
      const build = () => createUpstream('users', { targets: ABC, [name]: -1 })
      expect(build).toThrow(ConfigError)
      expect(build).toThrow(expect.objectContaining({ path: `upstreams.users.${name}` }))
    },
  )

  it('leave no timer behind where all went well', async () => {
    const { clock, inject } = setUp({ handler: () => ({ body: 'x' }), options: { totalTimeoutMs: 5_000 } })
    await (await inject()).text()
    await clock.advanceAsync(0)
    expect(clock.pending).toBe(0)
  })
})

describe('the wait for a connection', () => {
  /** On the engine's own transport, whose limit is far longer. */
  function onWire(targets: readonly string[], options: ForwardOptions, maxConnections = 10) {
    const clock = virtualClock()
    const upstream = createUpstream('users', {
      targets,
      transport: wireTransport({ clock, connectTimeoutMs: 60_000, pendingTimeoutMs: 0, maxConnections }),
      clock,
      random: () => 0.999,
      headTimeoutMs: 0,
    })
    return { clock, upstream, proxy: createProxy({ clock }).forward(upstream, options) }
  }

  it('is as long as the route says: 504 to the millisecond, or another target', async () => {
    const [dead, alive] = await Promise.all([
      hostileUpstream({ kind: 'hang-connect' }),
      hostileUpstream({ kind: 'raw', bytes: 'HTTP/1.1 204 No Content\r\n\r\n' }),
    ])
    const one = onWire([dead.url], { connectTimeoutMs: 300 })
    const two = onWire([dead.url, alive.url], { connectTimeoutMs: 300 })
    try {
      let isOver = false
      const late = one.proxy.inject().finally(() => (isOver = true))
      await one.clock.advanceAsync(299)
      expect(isOver).toBe(false)
      await one.clock.advanceAsync(1)
      expect(await (await late).json()).toMatchObject({ status: 504, code: 'ERR_SLUICE_CONNECT_TIMEOUT' })
      expect([one.upstream.active, one.clock.pending]).toEqual([0, 0])
      const other = two.proxy.inject({ method: 'POST', body: 'x' })
      await two.clock.advanceAsync(300)
      const reply = await other
      expect([reply.status, reply.exchange.attempts.length]).toEqual([204, 2])
    } finally {
      await Promise.all([one.upstream.destroy(), two.upstream.destroy(), dead.close(), alive.close()])
    }
  })

  it('includes that for a place among the connections', async () => {
    const busy = await hostileUpstream({ kind: 'accept-and-hang' })
    const { clock, upstream, proxy } = onWire([busy.url], { connectTimeoutMs: 300 }, 1)
    try {
      const first = proxy.inject()
      await waitFor(() => upstream.snapshot().targets[0]!.connections.active === 1)
      // What has its connection waits no more for one.
      await clock.advanceAsync(200)
      const second = proxy.inject()
      await clock.advanceAsync(299)
      expect(upstream.snapshot().targets[0]).toMatchObject({ active: 2, connections: { pending: 1 } })
      await clock.advanceAsync(1)
      expect(await (await second).json()).toMatchObject({ status: 504, code: 'ERR_SLUICE_CONNECT_TIMEOUT' })
      expect(upstream.snapshot().targets[0]).toMatchObject({ active: 1, connections: { active: 1, pending: 0 } })
      await upstream.destroy()
      expect((await first).status).toBe(502)
    } finally {
      await Promise.all([upstream.destroy(), busy.close()])
    }
  })
})

describe('without a target', () => {
  it('answers 503, as a reply that middlewares see', async () => {
    const seen: number[] = []
    const { upstream, inject } = setUp({
      middleware: async (exchange, next) => {
        const reply = await next(exchange)
        seen.push(reply.status)
        return reply
      },
    })
    upstream.update('http://a.test', { state: 'down' })
    const reply = await inject()
    expect([reply.status, reply.headers.get('proxy-status')]).toEqual([503, 'sluice; error=destination_unavailable'])
    expect(seen).toEqual([503])
  })
})

describe('a client that leaves', () => {
  it('cancels the attempt, which counts for nothing', async () => {
    const { fake, inject, observed, proxy } = setUp({
      handler: () => ({ hang: true }),
      middleware: async (exchange, next) => {
        queueMicrotask(() => setImmediate(() => exchange.abort()))
        return await next(exchange)
      },
    })
    const reply = await inject()
    expect(reply.status).toBe(499)
    expect(reply.exchange.attempts).toMatchObject([{ phase: 'cancelled', error: { code: 'ERR_SLUICE_CLIENT_ABORT' } }])
    expect(reply.exchange.signal.aborted).toBe(true)
    expect(observed).toEqual([])
    expect(fake.requests[0]!.aborted).toBe(true)
    await reply.text()
    expect(proxy.inFlight).toBe(0)
  })

  it('in the middle of the reply cancels the rest', async () => {
    const { inject, observed, upstream } = setUp({
      handler: () => ({
        body: (async function* () {
          yield 'first'
          await new Promise(() => {})
        })(),
      }),
    })
    const reply = await inject()
    const readable = reply.body.readable()
    await new Promise((resolve) => readable.once('data', resolve))
    readable.destroy()
    await waitFor(() => upstream.targets[0]!.active === 0)
    expect(reply.exchange.attempts[0]!.phase).toBe('cancelled')
    expect(observed).toEqual(['a.test replied 200'])
  })
})

describe('a reply that breaks off', () => {
  it('breaks off for the reader, and gates hear of it after its head', async () => {
    const { inject, observed } = setUp({ handler: () => ({ body: 'x'.repeat(100), abortAfterBytes: 10 }) })
    const reply = await inject()
    expect(reply.status).toBe(200)
    await expect(reply.text()).rejects.toThrow(expect.objectContaining({ code: 'ERR_SLUICE_RESPONSE_TRUNCATED' }))
    expect(observed).toEqual(['a.test replied 200', 'a.test failed 200'])
  })
})

describe('heads', () => {
  it('lose hop-by-hop fields both ways, and gain Via', async () => {
    const { fake, inject } = setUp({
      handler: () => ({ headers: { Connection: 'X-Secret', 'X-Secret': '1', 'X-Kept': '2', Via: '1.1 inner' } }),
    })
    const reply = await inject({ headers: { Connection: 'X-Mine', 'X-Mine': '1', 'X-Yours': '2', 'Keep-Alive': 'x' } })
    const [sent] = fake.requests
    expect(['x-mine', 'keep-alive', 'x-yours', 'via'].map((name) => sent!.header(name))).toEqual([
      undefined,
      undefined,
      '2',
      '1.1 sluice',
    ])
    expect(['x-secret', 'x-kept', 'via'].map((name) => reply.headers.get(name))).toEqual([
      undefined,
      '2',
      '1.1 inner, 1.1 sluice',
    ])
  })

  it('are made anew for each attempt, with the options and edits of the route', async () => {
    const { fake, inject } = setUp({
      targets: ['http://a.test/base', 'http://b.test:81'],
      options: { host: 'target', stripPrefix: '/api', edits: [(head) => void head.headers.append('X-Edit', '1')] },
    })
    fake.refusing.add('http://a.test/base')
    await inject({ path: '/api/users?x' })
    const [sent] = fake.requests
    expect(sent).toMatchObject({ path: '/users?x', target: 'http://b.test:81' })
    expect(['host', 'x-edit', 'x-forwarded-prefix', 'x-forwarded-host'].map((name) => sent!.header(name))).toEqual([
      'b.test:81',
      '1',
      '/api',
      'localhost',
    ])
    fake.reset()
    await inject({ path: '/api' })
    expect(fake.requests[0]).toMatchObject({ path: '/base/' })
  })

  it.each<[path: string, options: object]>([
    ['forward.host', { host: '' }],
    ['forward.host', { host: 'a\nb' }],
    ['forward.stripPrefix', { stripPrefix: 'api' }],
    ['forward.stripPrefix', { stripPrefix: '/api/' }],
    ['forward.headTimeoutMs', { headTimeoutMs: -1 }],
    ['forward.bodyIdleTimeoutMs', { bodyIdleTimeoutMs: Number.NaN }],
    ['forward.totalTimeoutMs', { totalTimeoutMs: Number.POSITIVE_INFINITY }],
    ['forward.connectTimeoutMs', { connectTimeoutMs: -1 }],
    ['forward.maxConnectAttempts', { maxConnectAttempts: 0 }],
  ])('of wrong options are refused when built: %s of %j', (path, options) => {
    const build = () => forward(setUp().upstream, options)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })
})
