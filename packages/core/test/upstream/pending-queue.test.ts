import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BalancerFactory,
  ConfigError,
  createProxy,
  createUpstream,
  type Exchange,
  type Middleware,
  roundRobin,
} from '../../src/index.ts'
import { ABC, codeOf, heldUpstream, type HeldUpstream, type SentRequest } from './held-upstream.ts'

const ONE = ABC.slice(0, 1)

/** Keeps hold of exchanges, by path. */
function capture(): { exchanges: Map<string, Exchange>; middleware: Middleware } {
  const exchanges = new Map<string, Exchange>()
  return {
    exchanges,
    middleware: (exchange, next) => {
      exchanges.set(exchange.request.path, exchange)
      return next(exchange)
    },
  }
}

const pathsOf = ({ held }: HeldUpstream) => held.map(({ path }) => path)

async function sendAll(to: HeldUpstream, paths: readonly string[]): Promise<SentRequest[]> {
  const sent: SentRequest[] = []
  for (const path of paths) sent.push(await to.send({ path }))
  return sent
}

describe('a limit of attempts under way', () => {
  it('of the upstream lets more of them wait', async () => {
    const held = heldUpstream({ maxActive: 2 })
    const sent = await sendAll(held, ['/1', '/2', '/3'])
    expect(pathsOf(held)).toEqual(['/1', '/2'])
    expect(held.upstream.snapshot()).toMatchObject({ active: 2, pending: 1 })
    await held.held[0]!.answer()
    expect(pathsOf(held)).toEqual(['/1', '/2', '/3'])
    expect(held.upstream.snapshot()).toMatchObject({ active: 2, pending: 0 })
    await held.held[2]!.answer()
    expect(sent[2]!.reply?.status).toBe(200)
  })

  it('of a target makes others be picked, then wait; its own limit goes before that of the upstream', async () => {
    const held = heldUpstream({ targets: [{ url: ABC[0]!, maxActive: 2 }, ABC[1]!], maxActivePerTarget: 1 })
    await sendAll(held, ['/1', '/2', '/3', '/4'])
    expect(held.held.map(({ target }) => target[7])).toEqual(['a', 'b', 'a'])
    expect(held.upstream.snapshot().targets[0]).toMatchObject({
      admitted: false,
      reasons: ['2 attempts are under way, its limit'],
    })
    await held.held[1]!.answer()
    expect(held.held[3]).toMatchObject({ target: 'http://b.test', path: '/4' })
  })

  it('counts an attempt until its body has ended', async () => {
    const held = heldUpstream({ maxActive: 1 })
    const [first] = await sendAll(held, ['/1', '/2'])
    await held.held[0]!.answer({ body: 'content' })
    expect(pathsOf(held)).toEqual(['/1'])
    await first!.reply!.text()
    await held.clock.advanceAsync(0)
    expect(pathsOf(held)).toEqual(['/1', '/2'])
  })

  it.each([
    ['fifo', ['/1', '/2', '/3', '/4']],
    ['lifo', ['/1', '/4', '/3', '/2']],
  ] as const)('serves those that wait in order: %s', async (pendingOrder, order) => {
    const held = heldUpstream({ targets: ONE, maxActive: 1, pendingOrder })
    await sendAll(held, ['/1', '/2', '/3', '/4'])
    for (let i = 0; i < 4; i++) await held.held[i]!.answer()
    expect(pathsOf(held)).toEqual(order)
  })

  it.each<[path: string, options: object]>([
    ['maxActive', { maxActive: 0 }],
    ['maxActivePerTarget', { maxActivePerTarget: Number.NaN }],
    ['maxPending', { maxPending: -1 }],
    ['pendingTimeoutMs', { pendingTimeoutMs: Number.POSITIVE_INFINITY }],
    ['pendingOrder', { pendingOrder: 'random' }],
  ])('is refused with the path %s: %j', (path, options) => {
    const build = () => createUpstream('users', { targets: ABC, ...options })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `upstreams.users.${path}` }))
  })
})

describe('waiting', () => {
  it('is bounded in number: more get 503 at once, with Retry-After', async () => {
    const held = heldUpstream({ targets: ONE, maxActive: 1, maxPending: 1 })
    const [, , third] = await sendAll(held, ['/1', '/2', '/3'])
    expect(third!.reply?.status).toBe(503)
    expect(third!.reply?.headers.get('retry-after')).toBe('1')
    expect(await codeOf(third!.reply)).toBe('ERR_SLUICE_QUEUE_FULL')
    expect(held.upstream.snapshot()).toMatchObject({ active: 1, pending: 1 })
    const none = heldUpstream({ targets: ONE, maxActive: 1, maxPending: 0 })
    const [, second] = await sendAll(none, ['/1', '/2'])
    expect(second!.reply?.status).toBe(503)
  })

  it('is bounded in time, to the millisecond', async () => {
    const forwardOptions = { totalTimeoutMs: 9_000 }
    const held = heldUpstream({ targets: ONE, maxActive: 1, pendingTimeoutMs: 500, headTimeoutMs: 0, forwardOptions })
    const [, second] = await sendAll(held, ['/1', '/2'])
    await held.clock.advanceAsync(499)
    expect(second!.reply).toBeUndefined()
    await held.clock.advanceAsync(1)
    expect(second!.reply?.status).toBe(503)
    expect(await codeOf(second!.reply)).toBe('ERR_SLUICE_QUEUE_FULL')
    expect(held.upstream.snapshot()).toMatchObject({ active: 1, pending: 0 })
    await held.held[0]!.answer()
    expect([pathsOf(held), held.clock.pending]).toEqual([['/1'], 0])
  })

  it('of any length is allowed by 0', async () => {
    const held = heldUpstream({ targets: ONE, maxActive: 1, pendingTimeoutMs: 0, headTimeoutMs: 0 })
    const [, second] = await sendAll(held, ['/1', '/2'])
    await held.clock.advanceAsync(86_400_000)
    await held.held[0]!.answer()
    await held.held[1]!.answer()
    expect(second!.reply?.status).toBe(200)
  })

  it('leaves no timer behind when it was served in time', async () => {
    const held = heldUpstream({ targets: ONE, maxActive: 1, forwardOptions: { totalTimeoutMs: 9_000 } })
    await sendAll(held, ['/1', '/2'])
    await held.held[0]!.answer()
    await held.held[1]!.answer()
    expect(held.clock.pending).toBe(0)
  })

  it('ends when the client leaves, and the place in the queue is free', async () => {
    const { exchanges, middleware } = capture()
    const held = heldUpstream({ targets: ONE, maxActive: 1, maxPending: 2, middleware, headTimeoutMs: 0 })
    const [, second] = await sendAll(held, ['/1', '/2', '/3'])
    exchanges.get('/2')!.abort()
    await held.clock.advanceAsync(0)
    expect(second!.reply?.status).toBe(499)
    expect(held.upstream.snapshot().pending).toBe(1)
    await held.held[0]!.answer()
    expect(pathsOf(held)).toEqual(['/1', '/3'])
    expect(exchanges.get('/2')!.attempts).toEqual([])
    await held.held[1]!.answer()
    expect(held.clock.pending).toBe(0)
  })

  it('of a branch ends with that branch alone', async () => {
    const held = heldUpstream({
      targets: ONE,
      maxActive: 1,
      middleware: async (exchange, next) => {
        if (exchange.request.path === '/1') return await next(exchange)
        const [first, second] = [exchange.branch(), exchange.branch()]
        const replies = Promise.allSettled([next(first), next(second)])
        first.abort()
        const [lost, won] = await replies
        expect(lost).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SLUICE_CLIENT_ABORT' } })
        if (won.status === 'rejected') throw won.reason
        return won.value
      },
    })
    const [, sent] = await sendAll(held, ['/1', '/2'])
    expect(held.upstream.snapshot().pending).toBe(1)
    await held.held[0]!.answer()
    await held.held[1]!.answer()
    expect([sent!.reply?.status, held.held.length]).toEqual([200, 2])
  })

  it('ends at the deadline of the exchange: 504', async () => {
    const held = heldUpstream({
      targets: ONE,
      maxActive: 1,
      headTimeoutMs: 0,
      middleware: (exchange, next) => {
        if (exchange.request.path === '/2') exchange.expireAt(exchange.clock.now() + 300)
        return next(exchange)
      },
    })
    const [, second] = await sendAll(held, ['/1', '/2'])
    await held.clock.advanceAsync(299)
    expect(second!.reply).toBeUndefined()
    await held.clock.advanceAsync(1)
    expect(second!.reply?.status).toBe(504)
    expect(await codeOf(second!.reply)).toBe('ERR_SLUICE_DEADLINE_EXCEEDED')
    expect(held.upstream.snapshot().pending).toBe(0)
  })

  it('counts for totalTimeoutMs: 504', async () => {
    const held = heldUpstream({ targets: ONE, maxActive: 1, headTimeoutMs: 0 })
    await sendAll(held, ['/1'])
    let status: number | undefined
    const hurried = createProxy({ clock: held.clock }).forward(held.upstream, { totalTimeoutMs: 1_000 })
    const promise = hurried.inject({ path: '/2' }).finally(() => (status = 0))
    await held.clock.advanceAsync(999)
    expect([status, held.upstream.snapshot().pending]).toEqual([undefined, 1])
    await held.clock.advanceAsync(1)
    const reply = await promise
    expect([reply.status, await codeOf(reply)]).toEqual([504, 'ERR_SLUICE_TOTAL_TIMEOUT'])
    expect(held.upstream.snapshot()).toMatchObject({ active: 1, pending: 0 })
    await held.held[0]!.answer()
    expect([pathsOf(held), held.clock.pending]).toEqual([['/1'], 0])
  })
})

describe('a place that becomes free', () => {
  const full = () => heldUpstream({ targets: ONE, maxActivePerTarget: 1 })

  it.each<[how: string, free: (held: HeldUpstream) => void]>([
    ['by a target that is added', ({ upstream }) => void upstream.add('http://d.test')],
    ['by a list with more targets', ({ upstream }) => upstream.replace([...ABC])],
    ['by a higher limit', ({ upstream }) => upstream.update(ABC[0]!, { maxActive: 2 })],
  ])('%s is taken at once', async (_, free) => {
    const held = full()
    await sendAll(held, ['/1', '/2'])
    free(held)
    await held.clock.advanceAsync(0)
    expect(pathsOf(held)).toEqual(['/1', '/2'])
  })

  it('by a target that is up again, or that a gate admits again, is taken at once', async () => {
    const out = new Set<string>()
    let changed!: () => void
    const held = heldUpstream({
      maxActivePerTarget: 1,
      gates: [
        (services) => {
          changed = services.changed
          return { name: 'test', admits: ({ key }) => !out.has(key), observe() {} }
        },
      ],
    })
    held.upstream.update(ABC[1]!, { state: 'down' })
    out.add(ABC[2]!)
    changed()
    await sendAll(held, ['/1', '/2', '/3'])
    expect(pathsOf(held)).toEqual(['/1'])
    held.upstream.update(ABC[1]!, { state: 'up' })
    await held.clock.advanceAsync(0)
    expect(pathsOf(held)).toEqual(['/1', '/2'])
    out.clear()
    changed()
    await held.clock.advanceAsync(0)
    expect(pathsOf(held)).toEqual(['/1', '/2', '/3'])
  })

  it('never again, since no target is left: all that wait get 503 at once', async () => {
    const held = full()
    const sent = await sendAll(held, ['/1', '/2', '/3'])
    held.upstream.update(ABC[0]!, { state: 'down' })
    await held.clock.advanceAsync(0)
    expect(await Promise.all(sent.slice(1).map(async ({ reply }) => await codeOf(reply)))).toEqual([
      'ERR_SLUICE_NO_TARGET',
      'ERR_SLUICE_NO_TARGET',
    ])
    expect(held.upstream.snapshot().pending).toBe(0)
  })

  it('goes to another attempt of the same exchange first, and the limit holds: a connection that was refused', async () => {
    const held = heldUpstream({ targets: ABC.slice(0, 2), maxActive: 1 })
    held.refusing.add(ABC[0]!)
    const sent = await Promise.all([held.send({ path: '/1' }), held.send({ path: '/2' })])
    expect(pathsOf(held)).toEqual(['/1'])
    expect(held.upstream.snapshot()).toMatchObject({ active: 1, pending: 1 })
    await held.held[0]!.answer()
    await held.held[1]!.answer()
    expect(sent.map(({ reply }) => reply?.status)).toEqual([200, 200])
  })

  it('goes to another attempt of the same exchange first, and the limit holds: one that a stale connection has lost', async () => {
    const held = full()
    await sendAll(held, ['/0'])
    await held.held[0]!.answer()
    await sendAll(held, ['/1', '/2'])
    await held.held[1]!.answer({ reset: true })
    expect(pathsOf(held)).toEqual(['/0', '/1', '/1'])
    expect(held.upstream.targets[0]!.active).toBe(1)
    await held.held[2]!.answer()
    expect(pathsOf(held)).toEqual(['/0', '/1', '/1', '/2'])
  })

  it('goes to the next one where the balancer throws for the first', async () => {
    const picky: BalancerFactory = (services) => {
      const inner = roundRobin()(services)
      return {
        name: 'picky',
        update: (targets) => inner.update(targets),
        pick: (exchange, tried) => {
          const target = inner.pick(exchange, tried)
          if (target !== undefined && exchange.request.path === '/2') throw new Error('not for this one')
          return target
        },
      }
    }
    const held = heldUpstream({ targets: ONE, maxActivePerTarget: 1, balancer: picky })
    const sent = await sendAll(held, ['/1', '/2', '/3'])
    await held.held[0]!.answer()
    expect(sent.map(({ reply }) => reply?.status)).toEqual([200, 500, undefined])
    expect(held.thrown).toMatchObject([{ message: 'not for this one' }])
    await held.held[1]!.answer()
    expect(sent[2]!.reply?.status).toBe(200)
    expect([held.upstream.active, held.upstream.snapshot().pending, held.clock.pending]).toEqual([0, 0, 0])
  })
})

describe('whatever happens', () => {
  type Action =
    | { readonly do: 'send' }
    | { readonly do: 'answer' | 'reset' | 'abort'; readonly which: number }
    | { readonly do: 'wait'; readonly ms: number }
    | { readonly do: 'state'; readonly target: number; readonly state: 'up' | 'down' | 'drain' }
    | { readonly do: 'limit'; readonly target: number; readonly maxActive: number }
    | { readonly do: 'list'; readonly targets: readonly string[] }

  const index = fc.nat({ max: 30 })
  const action = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('answer' as const, 'reset' as const, 'abort' as const),
        which: index,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 800 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('state' as const),
        target: index,
        state: fc.constantFrom('up' as const, 'down' as const, 'drain' as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('limit' as const),
        target: index,
        maxActive: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('list' as const), targets: fc.subarray([...ABC], { minLength: 1 }) }),
    },
  )

  async function perform(
    held: HeldUpstream,
    exchanges: readonly Exchange[],
    sent: Promise<SentRequest>[],
    each: Action,
  ) {
    const { upstream } = held
    const target = () => upstream.targets[(each as { target: number }).target % upstream.targets.length]!.key
    const open = held.held.filter(({ aborted }) => !aborted)
    switch (each.do) {
      case 'send':
        return void sent.push(held.send())
      case 'answer':
      case 'reset':
        return void open[each.which % open.length]?.answer(each.do === 'reset' ? { reset: true } : {})
      case 'abort':
        return exchanges[each.which % exchanges.length]?.abort()
      case 'wait':
        return await held.clock.advanceAsync(each.ms)
      case 'state':
        return upstream.update(target(), { state: each.state })
      case 'limit':
        return upstream.update(target(), { maxActive: each.maxActive })
      default:
        return upstream.replace(each.targets)
    }
  }

  /** Nobody waits who could be served. */
  function expectNoLostWakeUp({ upstream }: HeldUpstream, maxActive: number): void {
    const hasRoom =
      upstream.active < maxActive &&
      upstream.targets.some(({ state, active, maxActive }) => state === 'up' && active < maxActive)
    if (hasRoom) expect(upstream.snapshot().pending).toBe(0)
  }

  it('everybody is served or refused in the end, no limit is exceeded, and nothing is left behind', async () => {
    const run = async (actions: readonly Action[], pendingOrder: 'fifo' | 'lifo', maxActive: number) => {
      const exchanges: Exchange[] = []
      const held = heldUpstream({
        maxActive,
        maxActivePerTarget: 3,
        maxPending: 4,
        pendingTimeoutMs: 1_000,
        pendingOrder,
        headTimeoutMs: 0,
        middleware: (exchange, next) => {
          exchanges.push(exchange)
          return next(exchange)
        },
      })
      const sent: Promise<SentRequest>[] = []
      for (const each of actions) {
        await perform(held, exchanges, sent, each)
        await held.clock.advanceAsync(0)
        expect(held.upstream.active).toBeLessThanOrEqual(maxActive)
        expectNoLostWakeUp(held, maxActive)
      }
      // Whatever has arrived is answered, until nothing arrives any more.
      for (let i = 0; i < held.held.length; i++) await held.held[i]!.answer()
      await held.clock.advanceAsync(1_000)
      for (let i = 0; i < held.held.length; i++) await held.held[i]!.answer()
      const statuses = (await Promise.all(sent)).map(({ reply }) => reply?.status)
      for (const status of statuses) expect([200, 499, 502, 503]).toContain(status)
      const { active, pending, targets } = held.upstream.snapshot()
      expect({ active, pending, inFlight: held.proxy.inFlight, timers: held.clock.pending }).toEqual({
        active: 0,
        pending: 0,
        inFlight: 0,
        timers: 0,
      })
      for (const target of targets) expect(target).toMatchObject({ active: 0, isLeaving: false })
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40, size: 'max' }),
        fc.constantFrom('fifo', 'lifo'),
        fc.integer({ min: 1, max: 5 }),
        run,
      ),
      { numRuns: 150, seed: 20_260_401 },
    )
  })
})
