import { fakeUpstream, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Attempt,
  attemptEnded,
  createProxy,
  createUpstream,
  defineMiddleware,
  type ExchangeEnded,
  exchangeEnded,
  type Gate,
  type InjectedRequest,
  Reply,
} from '../src/index.ts'

const pass = (name: string) => defineMiddleware(name, async (exchange, next) => await next(exchange))

describe('inject()', () => {
  it('runs the pipeline without a socket, with what it is not told filled in', async () => {
    const fake = fakeUpstream()
    const proxy = createProxy().forward(
      createUpstream('users', { targets: ['http://users.test'], transport: fake.transport }),
    )
    const reply = await proxy.inject({ method: 'POST', path: '/a?b=c', body: 'hello', headers: { 'X-A': '1' } })
    expect(reply.status).toBe(200)
    expect(await reply.json()).toMatchObject({
      method: 'POST',
      path: '/a?b=c',
      body: 'hello',
      headers: { 'x-a': '1', host: 'localhost', 'x-forwarded-for': '127.0.0.1' },
    })
    expect(reply.exchange.attempts).toMatchObject([{ phase: 'complete', status: 200 }])
  })

  it('takes a body that flows, in memory, or none', async () => {
    const proxy = createProxy().handle(async (x) =>
      Reply.text(
        `${x.received.headers.get('content-length') ?? x.received.headers.get('transfer-encoding')} ${await x.body.text()}`,
      ),
    )
    const say = async (body: InjectedRequest['body']) =>
      await (await proxy.inject({ method: 'PUT', ...(body === undefined ? {} : { body }) })).text()
    expect(await say(Buffer.from('abc'))).toBe('3 abc')
    expect(await say(Body.fromStream(new Blob(['flow']).stream() as never))).toBe('chunked flow')
    expect(await say(undefined)).toBe('undefined ')
  })

  it('is the client it is told to be', async () => {
    const proxy = createProxy().handle((x) => Reply.json([x.client.address, x.client.scheme, x.received.httpVersion]))
    const reply = await proxy.inject({ peer: { address: '9.9.9.9', secure: true }, httpVersion: '2.0' })
    expect(await reply.json()).toEqual(['9.9.9.9', 'https', '2.0'])
  })

  it('refuses what a listener would refuse, and never rejects', async () => {
    const proxy = createProxy().handle(() => Reply.empty(200))
    expect((await proxy.inject({ path: '//evil' })).status).toBe(400)
    expect((await proxy.inject({ headers: { Host: 'a, b' } })).status).toBe(400)
    expect((await proxy.inject({ path: '/a/%2e%2e/b' })).status).toBe(400)
    expect((await proxy.inject({ headers: { Expect: 'miracles' } })).status).toBe(417)
    expect((await proxy.inject({ method: 'CONNECT', path: 'a:1' })).status).toBe(405)
    expect(proxy.inFlight).toBe(0)
  })

  it('brings informational replies and trailers', async () => {
    const fake = fakeUpstream(() => ({
      body: ['a', 'b'],
      trailers: { 'X-Sum': '1' },
      informational: [{ status: 103, headers: { Link: '</x>' } }],
    }))
    const proxy = createProxy().forward(
      createUpstream('users', { targets: ['http://users.test'], transport: fake.transport }),
    )
    const reply = await proxy.inject()
    expect(reply.informational.map(({ status, headers }) => [status, headers.get('link')])).toEqual([[103, '</x>']])
    expect(reply.trailers).toBeUndefined()
    expect(proxy.inFlight).toBe(1)
    expect(await reply.text()).toBe('ab')
    expect(reply.trailers?.get('x-sum')).toBe('1')
    expect(proxy.inFlight).toBe(0)
  })

  it('limits a reply that is read, though its length is known beforehand', async () => {
    const fake = fakeUpstream(() => ({ body: 'x'.repeat(1_000) }))
    const proxy = createProxy().forward(
      createUpstream('users', { targets: ['http://users.test'], transport: fake.transport }),
    )
    const reply = await proxy.inject()
    await expect(reply.text({ maxBytes: 10 })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SLUICE_BODY_TOO_LARGE' }),
    )
    await waitFor(() => reply.exchange.attempts[0]!.endedAt !== undefined)
    expect(reply.exchange.attempts[0]!.phase).toBe('cancelled')
  })
})

describe('explain()', () => {
  const closed = (): Gate => ({
    name: 'closed',
    admits: (target) => target.url.hostname !== 'b.test',
    reason: () => 'it was asked to stay out',
    observe() {},
  })
  function setUp() {
    const fake = fakeUpstream()
    const users = createUpstream('users', {
      targets: ['http://a.test', 'http://b.test', { url: 'http://c.test', state: 'drain' }],
      gates: [closed],
      transport: fake.transport,
    })
    const ran: string[] = []
    const proxy = createProxy()
      .use(pass('outer'))
      .route({ path: '/users/:id', allowPaths: ['encoded-slash'] }, (r) =>
        r
          .use(pass('inner'))
          .use(async (x, next) => {
            ran.push('anonymous')
            return await next(x)
          })
          .forward(users),
      )
      .route({ path: '/own', name: 'own' }, (r) => r.handle(() => Reply.empty(200)))
    return { fake, proxy, ran }
  }

  it('says which route, which middlewares in order, and each target with why not', () => {
    const { fake, proxy, ran } = setUp()
    const explanation = proxy.explain({ path: '/users/a%2Fb?x', peer: { address: '9.9.9.9' } })
    expect(explanation).toMatchObject({
      outcome: 'routed',
      path: '/users/a%2Fb',
      ambiguities: ['encoded-slash'],
      client: { address: '9.9.9.9', scheme: 'http' },
      route: { name: '/users/:id', params: { id: 'a/b' } },
      middlewares: ['outer', 'inner', 'anonymous'],
      refusal: undefined,
    })
    expect(explanation.upstream?.targets.map(({ key, admitted, reasons }) => [key, admitted, reasons])).toEqual([
      ['http://a.test', true, []],
      ['http://b.test', false, ['it was asked to stay out']],
      ['http://c.test', false, ['its state is "drain"']],
    ])
    expect([fake.requests, ran, proxy.inFlight]).toEqual([[], [], 0])
  })

  it('is plain data, also for handlers, refusals and what is not matched', () => {
    const { proxy } = setUp()
    const all = {
      own: proxy.explain({ path: '/own' }),
      none: proxy.explain({ path: '/none' }),
      refused: proxy.explain({ path: '/own', headers: { Host: 'a b' } }),
      ambiguous: proxy.explain({ path: '/users/a%5cb' }),
    }
    expect(all.own).toMatchObject({
      outcome: 'routed',
      route: { name: 'own' },
      middlewares: ['outer'],
      upstream: undefined,
    })
    expect(all.none).toMatchObject({ outcome: 'unmatched', route: undefined, middlewares: [], refusal: undefined })
    expect(all.refused).toMatchObject({ outcome: 'refused', refusal: { status: 400, code: 'ERR_SLUICE_BAD_HOST' } })
    expect(all.ambiguous).toMatchObject({
      outcome: 'refused',
      ambiguities: ['backslash'],
      refusal: { status: 400, code: 'ERR_SLUICE_AMBIGUOUS_PATH' },
    })
    for (const each of Object.values(all)) {
      const copy: unknown = structuredClone(each)
      expect(copy).toEqual({
        ...each,
        ...(each.route === undefined ? {} : { route: { ...each.route, params: { ...each.route.params } } }),
      })
      expect(JSON.parse(JSON.stringify(each))).toEqual(JSON.parse(JSON.stringify(copy)))
    }
  })
})

describe('events', () => {
  const attempts: Attempt[] = []
  const exchanges: ExchangeEnded[] = []
  const onAttempt = (attempt: Attempt): void => void attempts.push(attempt)
  const onExchange = (ended: ExchangeEnded): void => void exchanges.push(ended)

  afterEach(() => {
    attemptEnded.unsubscribe(onAttempt)
    exchangeEnded.unsubscribe(onExchange)
    attempts.length = 0
    exchanges.length = 0
  })

  it('tell of each attempt and each exchange that has ended, once', async () => {
    expect([attemptEnded.name, exchangeEnded.name]).toEqual(['sluice:core:attempt-ended', 'sluice:core:exchange-ended'])
    attemptEnded.subscribe(onAttempt)
    exchangeEnded.subscribe(onExchange)
    const fake = fakeUpstream(() => ({ body: 'x' }))
    fake.refusing.add('http://a.test')
    const proxy = createProxy().forward(
      createUpstream('users', {
        targets: ['http://a.test', 'http://b.test'],
        transport: fake.transport,
        random: () => 0.9,
      }),
    )
    const reply = await proxy.inject()
    expect(exchanges).toEqual([])
    await reply.text()
    await waitFor(() => attempts.length === 2)
    expect(attempts.map(({ target, phase, status, error }) => [target.key, phase, status, error?.code])).toEqual([
      ['http://a.test', 'failed', undefined, 'ERR_SLUICE_CONNECT_REFUSED'],
      ['http://b.test', 'complete', 200, undefined],
    ])
    expect(exchanges).toMatchObject([{ exchange: reply.exchange, error: undefined }])
    await proxy.inject({ path: '//bad' })
    expect(exchanges).toHaveLength(2)
  })

  it('cost nothing that a subscriber could still get once it has left', async () => {
    exchangeEnded.subscribe(onExchange)
    expect(exchangeEnded.hasSubscribers).toBe(true)
    exchangeEnded.unsubscribe(onExchange)
    expect(exchangeEnded.hasSubscribers).toBe(false)
    await createProxy()
      .handle(() => Reply.empty(200))
      .inject()
    expect(exchanges).toEqual([])
  })
})

describe('a signal', () => {
  it('gives the request up, as where a client leaves', async () => {
    const fake = fakeUpstream(() => ({ hang: true }))
    const upstream = createUpstream('users', { targets: ['http://users.test'], transport: fake.transport })
    const proxy = createProxy().forward(upstream)
    const leaver = new AbortController()
    const pending = proxy.inject({ signal: leaver.signal })
    await waitFor(() => fake.requests.length === 1)
    leaver.abort()
    const { exchange } = await pending
    expect([exchange.aborted?.code, upstream.snapshot().targets[0]!.active]).toEqual(['ERR_SLUICE_CLIENT_ABORT', 0])
  })

  it('that was given before lets nothing go out, and one that comes too late does nothing', async () => {
    const fake = fakeUpstream()
    const upstream = createUpstream('users', { targets: ['http://users.test'], transport: fake.transport })
    const proxy = createProxy().forward(upstream)
    const gone = await proxy.inject({ signal: AbortSignal.abort() })
    expect([gone.exchange.aborted?.code, fake.requests.length]).toEqual(['ERR_SLUICE_CLIENT_ABORT', 0])
    const leaver = new AbortController()
    const reply = await proxy.inject({ signal: leaver.signal })
    await reply.text()
    leaver.abort()
    expect([reply.status, reply.exchange.aborted]).toEqual([200, undefined])
  })
})

describe('onEnd', () => {
  it('calls everyone once, though one of them throws', async () => {
    const told: unknown[] = []
    const ends: unknown[] = []
    const proxy = createProxy({ onError: (error) => told.push(error) }).handle((x) => {
      x.onEnd(() => {
        throw new Error('on purpose')
      })
      x.onEnd((end) => ends.push(end))
      return Reply.text('four')
    })
    const reply = await proxy.inject()
    await reply.text()
    await reply.text()
    expect(ends).toMatchObject([{ bodyBytes: 4, error: undefined, durationMs: expect.any(Number) }])
    expect(told).toEqual([new Error('on purpose')])
  })
})
