import { type Answer, fakeUpstream, virtualClock } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import {
  type Attempt,
  createProxy,
  createUpstream,
  defineSlot,
  DownstreamError,
  type Exchange,
  exchangeEnded,
  type Middleware,
  Reply,
  UpstreamError,
} from '../src/index.ts'
import { makeExchange } from './exchange.ts'
import { ABC, codeOf, heldUpstream } from './upstream/held-upstream.ts'

/** An attempt that only remembers why it was cancelled. */
function attemptOn(exchange: Exchange): { readonly attempt: Attempt; readonly cancelled: unknown[] } {
  const cancelled: unknown[] = []
  const attempt = { cancel: (error: unknown) => void cancelled.push(error), release() {} } as unknown as Attempt
  exchange.began(attempt)
  return { attempt, cancelled }
}

const color = defineSlot<string>()('test.color')

describe('a branch', () => {
  it('has the head as it was when it was made, and keeps its own changes', () => {
    const body = Body.of('content')
    const exchange = makeExchange({ method: 'POST', target: '/a?x=1', headers: { 'X-Kept': '1' }, body })
    exchange.request.headers.set('X-Before', '1')
    const [first, second] = [exchange.branch(), exchange.branch()]
    first.request.headers.set('X-Mine', '1').delete('x-kept')
    first.request.method = 'PUT'
    first.request.target = '/b?y=2'
    first.request.authority = 'other.test'
    first.request.body = Body.empty
    expect([first.request.path, first.request.query.get('y')]).toEqual(['/b', '2'])
    for (const { request } of [exchange, second, exchange.branch()]) {
      expect([request.method, request.target, request.path, request.query.get('x'), request.authority]).toEqual([
        'POST',
        '/a?x=1',
        '/a',
        '1',
        'localhost',
      ])
      expect([...request.headers].map(([name]) => name)).toEqual(['X-Kept', 'X-Before'])
      expect(request.body).toBe(body)
    }
    exchange.request.headers.set('X-After', '1')
    expect(second.request.headers.has('x-after')).toBe(false)
  })

  it('shares what belongs to the whole exchange', () => {
    const exchange = makeExchange()
    const branch = exchange.branch()
    for (const name of ['received', 'client', 'downstream', 'settings', 'clock', 'startedAt', 'route'] as const)
      expect(branch[name]).toBe(exchange[name])
  })

  it('knows the parameters of the route', async () => {
    const params: unknown[] = []
    const proxy = createProxy().route({ path: '/users/:id' }, (route) =>
      route.handle((exchange) => {
        const branch = exchange.branch()
        branch.request.target = '/elsewhere'
        params.push(branch.params, branch.branch().params, branch.route?.name)
        return Reply.empty(204)
      }),
    )
    await proxy.inject({ path: '/users/7' })
    expect(params).toEqual([{ id: '7' }, { id: '7' }, '/users/:id'])
  })

  it('has a copy of the slots', () => {
    const exchange = makeExchange().set(color, 'red')
    const [first, second] = [exchange.branch(), exchange.branch()]
    first.set(color, 'green')
    exchange.set(color, 'blue')
    expect([exchange, first, second].map((each) => each.get(color))).toEqual(['blue', 'green', 'red'])
    const bare = makeExchange()
    bare.branch().set(color, 'green')
    expect(bare.peek(color)).toBeUndefined()
  })

  it('lists the attempts of the whole exchange, in order', () => {
    const exchange = makeExchange()
    const [first, second] = [exchange.branch(), exchange.branch()]
    const inner = second.branch()
    const attempts = [first, inner, exchange, second].map((each) => attemptOn(each).attempt)
    for (const each of [exchange, first, second, inner, exchange.branch()]) expect(each.attempts).toEqual(attempts)
  })

  it('goes to another target than the branches before it', async () => {
    const { send, held } = heldUpstream({
      middleware: async (exchange, next) => {
        await next(exchange.branch())
        await next(exchange.branch())
        return await next(exchange.branch())
      },
    })
    const sent = await send()
    for (let i = 0; i < 3; i++) await held[i]!.answer({ status: 500 + i })
    expect(held.map(({ target }) => target)).toEqual(ABC)
    expect(sent.reply?.status).toBe(502)
    expect(sent.reply?.exchange.attempts.map(({ status }) => status)).toEqual([500, 501, 502])
  })

  it('calls back when the whole exchange ends, once', async () => {
    const ends: unknown[] = []
    const proxy = createProxy().handle((exchange) => {
      exchange.branch().onEnd(({ reply }) => ends.push(reply?.status))
      exchange
        .branch()
        .branch()
        .onEnd(({ reply }) => ends.push(reply?.status))
      return Reply.empty(204)
    })
    await proxy.inject()
    expect(ends).toEqual([204, 204])
  })
})

describe('aborting', () => {
  it('a branch cancels its attempts and those below it, and no others', () => {
    const exchange = makeExchange({ body: Body.fromStream(new Blob(['flow']).stream() as never) })
    const [first, second] = [exchange.branch(), exchange.branch()]
    const inner = first.branch()
    const signals = [exchange, first, second, inner].map(({ signal }) => signal)
    const attempts = [exchange, first, second, inner].map((each) => attemptOn(each))
    const error = new UpstreamError('ERR_SLUICE_TRY_TIMEOUT')
    first.abort(error)
    expect(attempts.map(({ cancelled }) => [...new Set(cancelled)])).toEqual([[], [error], [], [error]])
    expect([exchange, first, second, inner].map(({ aborted }) => aborted)).toEqual([undefined, error, undefined, error])
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true, false, true])
    expect(signals[1]!.reason).toBe(error)
    // The others need it.
    expect(exchange.body.isUsed).toBe(false)
    first.abort(new UpstreamError('ERR_SLUICE_HEAD_TIMEOUT'))
    expect(first.aborted).toBe(error)
  })

  it('the exchange cancels every attempt of every branch, and the body', () => {
    const exchange = makeExchange({ body: Body.fromStream(new Blob(['flow']).stream() as never) })
    const [first, second] = [exchange.branch(), exchange.branch()]
    const inner = second.branch()
    const { signal } = inner
    const attempts = [exchange, first, second, inner].map((each) => attemptOn(each))
    const error = new DownstreamError('ERR_SLUICE_CLIENT_ABORT')
    exchange.abort(error)
    for (const { cancelled } of attempts) expect([...new Set(cancelled)]).toEqual([error])
    for (const each of [exchange, first, second, inner]) expect(each.aborted).toBe(error)
    expect([signal.aborted, signal.reason]).toEqual([true, error])
    expect(exchange.body.isUsed).toBe(true)
  })

  it('before a branch is made aborts that branch, too', () => {
    const exchange = makeExchange()
    exchange.abort()
    const branch = exchange.branch()
    expect(branch.aborted).toMatchObject({ code: 'ERR_SLUICE_CLIENT_ABORT' })
    expect(branch.signal.aborted).toBe(true)
  })

  it('a branch leaves the way to another one open', async () => {
    const { send, held } = heldUpstream({
      middleware: async (exchange, next) => {
        const first = exchange.branch()
        const lost = Promise.resolve(next(first))
        first.abort(new UpstreamError('ERR_SLUICE_TRY_TIMEOUT'))
        await expect(lost).rejects.toThrow(expect.objectContaining({ code: 'ERR_SLUICE_TRY_TIMEOUT' }))
        return await next(exchange.branch())
      },
    })
    const sent = await send({ method: 'POST', body: 'content' })
    expect(held.map(({ target, aborted }) => [target, aborted])).toEqual([[ABC[1], false]])
    await held[0]!.answer()
    expect(sent.reply?.status).toBe(200)
    expect(sent.reply?.exchange.attempts.map(({ phase }) => phase)).toEqual(['failed', 'complete'])
  })
})

describe('a deadline', () => {
  const at = (options: { readonly clock: ReturnType<typeof virtualClock> }) => makeExchange({ options })

  it('is the earliest of several, and there is one timer for it', () => {
    const clock = virtualClock()
    const exchange = at({ clock })
    const now = clock.now()
    expect([exchange.deadlineAt, exchange.remainingMs]).toEqual([undefined, Number.POSITIVE_INFINITY])
    exchange.expireAt(now + 500)
    exchange.expireAt(now + 900)
    expect([exchange.deadlineAt, exchange.remainingMs, clock.pending]).toEqual([now + 500, 500, 1])
    exchange.branch().expireAt(now + 200)
    expect([exchange.deadlineAt, exchange.branch().remainingMs, clock.pending]).toEqual([now + 200, 200, 1])
    clock.advance(150)
    expect(exchange.remainingMs).toBe(50)
    clock.advance(49)
    expect(exchange.aborted).toBeUndefined()
    clock.advance(1)
    expect(exchange.aborted).toMatchObject({ code: 'ERR_SLUICE_DEADLINE_EXCEEDED' })
    expect([exchange.remainingMs, clock.pending]).toEqual([0, 0])
    clock.advance(1_000)
    expect(exchange.remainingMs).toBe(0)
  })

  it('that has passed already is one for now', () => {
    const clock = virtualClock()
    const exchange = at({ clock })
    exchange.expireAt(clock.now() - 1)
    expect(exchange.remainingMs).toBe(0)
    clock.advance(0)
    expect(exchange.aborted).toMatchObject({ code: 'ERR_SLUICE_DEADLINE_EXCEEDED', status: 504 })
  })

  it('can be lifted, also by a branch, and set again', () => {
    const clock = virtualClock()
    const exchange = at({ clock })
    exchange.expireAt(clock.now() + 500)
    exchange.branch().liftDeadline()
    expect([exchange.deadlineAt, exchange.remainingMs, clock.pending]).toEqual([undefined, Number.POSITIVE_INFINITY, 0])
    clock.advance(1_000)
    expect(exchange.aborted).toBeUndefined()
    exchange.expireAt(clock.now() + 5_000)
    expect(exchange.remainingMs).toBe(5_000)
  })

  const expiring =
    (ms: number): Middleware =>
    (exchange, next) => {
      exchange.expireAt(exchange.clock.now() + ms)
      return next(exchange)
    }

  it('cuts off an attempt that is under way: 504', async () => {
    const { send, clock, held } = heldUpstream({ middleware: expiring(300) })
    const sent = await send()
    await clock.advanceAsync(299)
    expect(sent.reply).toBeUndefined()
    await clock.advanceAsync(1)
    expect(sent.reply?.status).toBe(504)
    expect(await codeOf(sent.reply)).toBe('ERR_SLUICE_DEADLINE_EXCEEDED')
    expect([held[0]!.aborted, held.length, clock.pending]).toEqual([true, 1, 0])
  })

  it('leaves a chain behind that has not answered a moment later, and what it answers after all', async () => {
    const clock = virtualClock()
    let answer: (reply: Reply) => void = () => {}
    const late = Reply.text('late')
    const proxy = createProxy({ clock })
      .use(expiring(300))
      .handle(async () => await new Promise<Reply>((resolve) => (answer = resolve)))
    const sent = proxy.inject()
    await clock.advanceAsync(549)
    expect(clock.pending).toBe(1)
    await clock.advanceAsync(1)
    const reply = await sent
    expect([reply.status, await codeOf(reply)]).toEqual([504, 'ERR_SLUICE_DEADLINE_EXCEEDED'])
    const cancelled: Error[] = []
    late.body = Body.from({ start() {}, resume() {}, cancel: (error) => void cancelled.push(error) })
    answer(late)
    await clock.advanceAsync(0)
    expect([cancelled.length, clock.pending]).toEqual([1, 0])
  })

  it('cuts off every branch, and lets no other begin', async () => {
    const { send, clock, held } = heldUpstream({
      middleware: async (exchange, next) => {
        exchange.expireAt(exchange.clock.now() + 300)
        const outcomes = await Promise.allSettled([next(exchange.branch()), next(exchange.branch())])
        expect(outcomes).toMatchObject([
          { reason: { code: 'ERR_SLUICE_DEADLINE_EXCEEDED' } },
          { reason: { code: 'ERR_SLUICE_DEADLINE_EXCEEDED' } },
        ])
        return await next(exchange.branch())
      },
    })
    const sent = await send()
    await clock.advanceAsync(300)
    expect(sent.reply?.status).toBe(504)
    expect(held.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('after the head breaks the body off', async () => {
    const { send, clock, held } = heldUpstream({ middleware: expiring(300), bodyIdleTimeoutMs: 0 })
    const sent = await send()
    const endless = async function* () {
      yield 'first'
      await new Promise(() => {})
    }
    await held[0]!.answer({ body: endless() })
    expect(sent.reply?.status).toBe(200)
    const outcome = expect(sent.reply!.text()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SLUICE_DEADLINE_EXCEEDED' }),
    )
    await clock.advanceAsync(300)
    await outcome
    expect([held[0]!.aborted, clock.pending]).toEqual([true, 0])
  })

  it('leaves no timer behind when the exchange has ended, and none is set any more', async () => {
    const clock = virtualClock()
    const fake = fakeUpstream((): Answer => ({ body: 'content' }), { clock })
    const upstream = createUpstream('users', { targets: ABC, transport: fake.transport, clock })
    const reply = await createProxy({ clock }).use(expiring(300)).forward(upstream).inject()
    expect(clock.pending).toBeGreaterThan(0)
    await reply.text()
    await clock.advanceAsync(0)
    expect(clock.pending).toBe(0)
    reply.exchange.expireAt(clock.now() + 100)
    expect(clock.pending).toBe(0)
    expect(reply.exchange.aborted).toBeUndefined()
  })

  it('aborts the signal of what a middleware does meanwhile', async () => {
    const clock = virtualClock()
    const proxy = createProxy({ clock })
      .use(expiring(300))
      .handle(
        async ({ signal }) =>
          await new Promise<Reply>((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          }),
      )
    const promise = proxy.inject()
    await clock.advanceAsync(300)
    const reply = await promise
    expect([reply.status, await codeOf(reply)]).toEqual([504, 'ERR_SLUICE_DEADLINE_EXCEEDED'])
  })
})

describe('a detached exchange', () => {
  it('has the head, the route and the slots as they were, and keeps its own changes', () => {
    const exchange = makeExchange({ target: '/a', headers: { 'X-Kept': '1' } }).set(color, 'red')
    const detached = exchange.detached()
    detached.request.headers.delete('x-kept')
    detached.request.target = '/b'
    expect(exchange.request.target).toBe('/a')
    expect(exchange.request.headers.has('x-kept')).toBe(true)
    expect(detached.get(color)).toBe('red')
    expect(detached.route).toBe(exchange.route)
  })

  it('has the slots of both sides apart, whoever sets one first', () => {
    const shape = defineSlot<string>()('test.shape')
    const exchange = makeExchange().set(color, 'red')
    const [first, second] = [exchange.detached(), exchange.detached()]
    const third = first.detached()
    first.set(color, 'green')
    second.set(shape, 'round')
    exchange.set(color, 'blue').set(color, 'black')
    third.set(color, 'white')
    const of = (each: Exchange) => [each.peek(color), each.peek(shape)]
    expect([exchange, first, second, third].map(of)).toEqual([
      ['black', undefined],
      ['green', undefined],
      ['red', 'round'],
      ['white', undefined],
    ])
  })

  it('has begun when its request came, as the other', () => {
    const clock = virtualClock()
    const exchange = makeExchange({ options: { clock } })
    clock.advance(40)
    const detached = exchange.detached()
    let durationMs: number | undefined
    detached.onEnd((end) => (durationMs = end.durationMs))
    clock.advance(2)
    detached.end(undefined, 0)
    expect([detached.startedAt, durationMs]).toEqual([exchange.startedAt, 42])
  })

  it('neither aborts nor ends with the other, and is waited for at a shutdown', () => {
    const exchange = makeExchange()
    const detached = exchange.detached()
    const { cancelled } = attemptOn(detached)
    const ended: string[] = []
    exchange.onEnd(() => ended.push('exchange'))
    detached.onEnd(() => ended.push('detached'))
    expect(exchange.settings.inFlight.size).toBe(1)
    exchange.abort()
    exchange.end(undefined, 0)
    expect([detached.aborted, cancelled, ended]).toEqual([undefined, [], ['exchange']])
    detached.abort()
    expect(cancelled).toHaveLength(1)
    detached.end(undefined, 0)
    expect(ended).toEqual(['exchange', 'detached'])
    expect(exchange.settings.inFlight.size).toBe(0)
  })

  it('has a deadline of its own', () => {
    const clock = virtualClock()
    const exchange = makeExchange({ options: { clock } })
    const detached = exchange.detached()
    exchange.expireAt(clock.now() + 100)
    clock.advance(200)
    expect([exchange.aborted?.code, detached.aborted]).toEqual(['ERR_SLUICE_DEADLINE_EXCEEDED', undefined])
    detached.end(undefined, 0)
  })

  it('that is awaited lists its attempts with the other, also from a branch of that', () => {
    const exchange = makeExchange()
    const { attempt: own } = attemptOn(exchange)
    const { attempt } = attemptOn(exchange.detached({ awaited: true }))
    const { attempt: ofBranch } = attemptOn(exchange.branch().detached({ awaited: true }))
    attemptOn(exchange.detached())
    expect(exchange.attempts).toEqual([own, attempt, ofBranch])
    expect(exchange.branch().attempts).toEqual([own, attempt, ofBranch])
  })

  it('passes 1xx replies on while it is awaited, and not once the client has left', async () => {
    const seen: number[] = []
    const exchange = makeExchange()
    exchange.downstream.informational = (status) => void seen.push(status)
    const awaited = exchange.detached({ awaited: true })
    exchange.detached().downstream.informational(102, awaited.request.headers)
    awaited.downstream.informational(103, awaited.request.headers)
    exchange.abort()
    awaited.downstream.informational(102, awaited.request.headers)
    expect(seen).toEqual([103])
  })

  it('is not told of as an exchange that has ended', async () => {
    const told: Exchange[] = []
    const listener = ({ exchange }: { exchange: Exchange }) => void told.push(exchange)
    exchangeEnded.subscribe(listener)
    try {
      const exchange = makeExchange()
      exchange.detached().end(undefined, 0)
      exchange.end(undefined, 0)
      expect(told).toEqual([exchange])
    } finally {
      exchangeEnded.unsubscribe(listener)
    }
  })
})

it('calls back once when it is given up, and branches do with it', () => {
  const exchange = makeExchange()
  const branch = exchange.branch()
  const seen: unknown[] = []
  exchange.onAbort(({ code }) => seen.push(['exchange', code]))
  exchange.onAbort(() => seen.push('again'))
  branch.onAbort(() => seen.push('branch'))
  exchange.abort()
  exchange.abort()
  expect(seen).toEqual([['exchange', 'ERR_SLUICE_CLIENT_ABORT'], 'again', 'branch'])
})
