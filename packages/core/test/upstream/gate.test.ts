import { fakeUpstream, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  type Attempt,
  type BalancerFactory,
  ConfigError,
  createProxy,
  createUpstream,
  type Gate,
  type GateFactory,
  type GateServices,
  roundRobin,
  type Target,
  type Transport,
  UpstreamError,
  wireTransport,
} from '../../src/index.ts'
import { ABC, codeOf, heldUpstream } from './held-upstream.ts'

/** Writes down what a gate and a balancer are told, with the attempts under way at the target at that moment. */
function recorder(): { events: string[]; gates: GateFactory[]; balancer: BalancerFactory } {
  const events: string[] = []
  const note = (who: string, what: string) => (target: Target, attempt: Attempt) => {
    const outcome = attempt.error?.code ?? attempt.status ?? ''
    events.push(`${who} ${target.url.hostname[0]} ${what} ${attempt.phase} ${target.active} ${outcome}`.trim())
  }
  const hooks = (who: string) => ({
    began: note(who, 'began'),
    observe: note(who, 'observe'),
    ended: note(who, 'ended'),
  })
  return {
    events,
    gates: [() => ({ name: 'recorder', admits: () => true, ...hooks('gate') })],
    balancer: (services) => {
      const inner = roundRobin()(services)
      return {
        name: 'recorder',
        update: (targets) => inner.update(targets),
        pick: (exchange, tried) => inner.pick(exchange, tried),
        replied: (_exchange, attempt) => void events.push(`balancer replied ${attempt.phase}`),
        ...hooks('balancer'),
      }
    },
  }
}

const only = (who: string, events: readonly string[]) =>
  events.filter((event) => event.startsWith(who)).map((event) => event.slice(who.length + 1))

describe('the hooks of an attempt', () => {
  it('are called in order, the balancer’s before the gate’s, with the target’s count as it is then', async () => {
    const { events, ...options } = recorder()
    const { send, held } = heldUpstream(options)
    await send()
    expect(events).toEqual(['balancer a began pending 1', 'gate a began pending 1'])
    events.length = 0
    await held[0]!.answer()
    expect(events).toEqual([
      'balancer a observe replied 1 200',
      'gate a observe replied 1 200',
      'balancer replied replied',
      'balancer a ended complete 0 200',
      'gate a ended complete 0 200',
    ])
  })

  it('end with the body, and have the times of start, head and end by the clock', async () => {
    const { events, ...options } = recorder()
    const { send, held, clock } = heldUpstream({ ...options, headTimeoutMs: 0, bodyIdleTimeoutMs: 0 })
    const start = clock.now()
    const sent = await send()
    await clock.advanceAsync(120)
    await held[0]!.answer({ body: 'content' })
    expect(only('gate', events)).toEqual(['a began pending 1', 'a observe replied 1 200'])
    await clock.advanceAsync(30)
    await sent.reply!.text()
    await clock.advanceAsync(0)
    expect(only('gate', events).slice(2)).toEqual(['a ended complete 0 200'])
    const [attempt] = sent.reply!.exchange.attempts
    expect([attempt!.startedAt, attempt!.headAt, attempt!.endedAt].map((at) => at! - start)).toEqual([0, 120, 150])
  })

  it('observe twice where the body breaks after the head', async () => {
    const { events, ...options } = recorder()
    const { send, held, clock } = heldUpstream(options)
    const sent = await send()
    await held[0]!.answer({ body: 'content', abortAfterBytes: 3 })
    await expect(sent.reply!.text()).rejects.toThrow()
    await clock.advanceAsync(0)
    expect(only('gate', events)).toEqual([
      'a began pending 1',
      'a observe replied 1 200',
      'a observe failed 1 ERR_SLUICE_RESPONSE_TRUNCATED',
      'a ended failed 0 ERR_SLUICE_RESPONSE_TRUNCATED',
    ])
  })

  it('are called for each attempt of an exchange, one after the other', async () => {
    const { events, ...options } = recorder()
    const { send, held, refusing } = heldUpstream(options)
    refusing.add(ABC[0]!)
    await send()
    await held[0]!.answer()
    expect(only('gate', events)).toEqual([
      'a began pending 1',
      'a observe failed 1 ERR_SLUICE_CONNECT_REFUSED',
      'a ended failed 0 ERR_SLUICE_CONNECT_REFUSED',
      'b began pending 1',
      'b observe replied 1 200',
      'b ended complete 0 200',
    ])
  })

  it.each([
    ['before the head', undefined, ['a began pending 1', 'a ended cancelled 0 ERR_SLUICE_CLIENT_ABORT']],
    [
      'in the middle of the body',
      { body: 'content' },
      ['a began pending 1', 'a observe replied 1 200', 'a ended cancelled 0 ERR_SLUICE_CLIENT_ABORT'],
    ],
  ])('do not observe that a client left %s', async (_, answer, expected) => {
    const { events, ...options } = recorder()
    let abort!: () => void
    const { send, held, clock } = heldUpstream({
      ...options,
      middleware: (exchange, next) => {
        abort = () => exchange.abort()
        return next(exchange)
      },
    })
    await send()
    if (answer !== undefined) await held[0]!.answer(answer)
    abort()
    await clock.advanceAsync(0)
    expect(only('gate', events)).toEqual(expected)
    expect(only('balancer', events).filter((event) => event.startsWith('a '))).toEqual(expected)
  })

  it('do not observe the loser of two branches', async () => {
    const { events, ...options } = recorder()
    const { send, held } = heldUpstream({
      ...options,
      middleware: async (exchange, next) => {
        const [first, second] = [exchange.branch(), exchange.branch()]
        void Promise.resolve(next(first)).catch(() => {})
        const reply = await next(second)
        first.abort()
        return reply
      },
    })
    await send()
    await held[1]!.answer()
    expect(only('gate', events)).toEqual([
      'a began pending 1',
      'b began pending 1',
      'b observe replied 1 200',
      'b ended complete 0 200',
      'a ended cancelled 0 ERR_SLUICE_CLIENT_ABORT',
    ])
  })

  it('do not observe an attempt that the deadline has cut off: it may have begun a moment before', async () => {
    const { events, ...options } = recorder()
    const { send, clock } = heldUpstream({
      ...options,
      middleware: (exchange, next) => {
        exchange.expireAt(exchange.clock.now() + 100)
        return next(exchange)
      },
    })
    await send()
    await clock.advanceAsync(100)
    expect(only('gate', events).slice(1)).toEqual(['a ended cancelled 0 ERR_SLUICE_DEADLINE_EXCEEDED'])
  })

  /** One proxy on a transport that does one thing. */
  function withTransport(send: Transport['send']) {
    const { events, ...options } = recorder()
    const clock = virtualClock()
    const thrown: unknown[] = []
    const idle = { connected: 0, active: 0, pending: 0 }
    const transport: Transport = { name: 'test', send, stats: () => idle, async close() {}, async destroy() {} }
    const upstream = createUpstream('users', { targets: ABC, transport, clock, random: () => 0.999, ...options })
    const proxy = createProxy({ clock, onError: (error) => void thrown.push(error) }).forward(upstream, {
      totalTimeoutMs: 9_000,
      maxConnectAttempts: 1,
    })
    return { events, upstream, proxy, clock, thrown }
  }

  it('do not observe that there was no room here', async () => {
    const { events, proxy } = withTransport((_target, _request, observer) => {
      queueMicrotask(() => observer.done(new UpstreamError('ERR_SLUICE_QUEUE_FULL')))
      return { reused: false, cancel() {} }
    })
    expect((await proxy.inject()).status).toBe(503)
    expect(only('gate', events)).toEqual(['a began pending 1', 'a ended cancelled 0 ERR_SLUICE_QUEUE_FULL'])
  })

  it('are balanced where the transport throws: 500, and nothing is left behind', async () => {
    const { events, proxy, upstream, clock, thrown } = withTransport(() => {
      throw new Error('broken')
    })
    const reply = await proxy.inject()
    expect(reply.status).toBe(500)
    expect(thrown).toMatchObject([{ message: 'broken' }])
    expect(only('gate', events)).toEqual(['a began pending 1', 'a ended cancelled 0 ERR_SLUICE_INTERNAL'])
    expect([upstream.active, clock.pending, proxy.inFlight]).toEqual([0, 0, 0])
    await upstream.drain(ABC[0]!)
  })
})

describe('hooks that throw', () => {
  it.each(['observe', 'replied'] as const)(
    'in %s, when the head comes: 500, and the connection is free',
    async (hook) => {
      const { createServer } = await import('node:http')
      const server = createServer((_request, response) => response.end('content'))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as { port: number }
      const fault = () => {
        throw new Error('mistake')
      }
      const upstream = createUpstream('users', {
        targets: [`http://127.0.0.1:${port}`],
        transport: wireTransport(),
        gates: [() => ({ name: 'test', admits: () => true, observe: hook === 'observe' ? fault : () => {} })],
        balancer: (services) => {
          const inner = roundRobin()(services)
          return {
            name: 'test',
            update: (targets) => inner.update(targets),
            pick: (exchange, tried) => inner.pick(exchange, tried),
            ...(hook === 'replied' ? { replied: fault } : {}),
          }
        },
      })
      const proxy = createProxy({ onError: () => {} }).forward(upstream)
      try {
        const reply = await proxy.inject()
        expect(reply.status).toBe(500)
        expect(await codeOf(reply)).toBe('ERR_SLUICE_INTERNAL')
        expect([upstream.active, proxy.inFlight]).toEqual([0, 0])
      } finally {
        await upstream.destroy()
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  )
})

describe('a balancer that throws when it is told of a reply', () => {
  it('has that attempt given up at once, also where another one is made', async () => {
    let isFirst = true
    const { send, held, upstream } = heldUpstream({
      middleware: async (exchange, next) => {
        await expect(Promise.resolve(next(exchange.branch()))).rejects.toThrow('mistake')
        expect(exchange.attempts).toMatchObject([{ phase: 'cancelled' }])
        return await next(exchange.branch())
      },
      balancer: (services) => {
        const inner = roundRobin()(services)
        return {
          name: 'test',
          update: (targets) => inner.update(targets),
          pick: (exchange, tried) => inner.pick(exchange, tried),
          replied: () => {
            if (!isFirst) return
            isFirst = false
            throw new Error('mistake')
          },
        }
      },
    })
    const sent = await send()
    await held[0]!.answer({ body: 'content' })
    expect([held[0]!.aborted, held.length, upstream.active]).toEqual([true, 2, 1])
    await held[1]!.answer()
    expect(sent.reply?.status).toBe(200)
  })
})

/** Keeps targets out by key, and remembers who entered. */
class TestGate implements Gate {
  readonly name = 'test'
  readonly out = new Set<string>()
  readonly entered_: string[] = []
  readonly again = new Map<string, number>()
  onEntered: (() => void) | undefined = undefined
  readonly #services: GateServices

  constructor(services: GateServices) {
    this.#services = services
  }

  admits(target: Target): boolean {
    return !this.out.has(target.key)
  }

  admitsAgainAt(target: Target): number | undefined {
    return this.again.get(target.key)
  }

  observe(): void {}

  entered(target: Target): void {
    this.entered_.push(target.url.hostname[0]!)
    this.onEntered?.()
  }

  /** Only these stay out from now on. */
  keepOut(...keys: readonly string[]): void {
    this.out.clear()
    for (const key of keys) this.out.add(key)
    this.#services.changed()
  }
}

function gated(options: Parameters<typeof heldUpstream>[0] = {}) {
  const gates: TestGate[] = []
  const factory: GateFactory = (services) => {
    const gate = new TestGate(services)
    gates.push(gate)
    return gate
  }
  const set = heldUpstream({ gates: [factory, factory], ...options })
  return { ...set, gate: gates[0]!, other: gates[1]! }
}

describe('entering', () => {
  it('is told to all gates, once, by what was out or is new, and not by what was there from the start', () => {
    const { upstream, gate, other } = gated()
    expect(gate.entered_).toEqual([])
    gate.keepOut(ABC[1]!, ABC[2]!)
    gate.keepOut(ABC[2]!)
    expect(gate.entered_).toEqual(['b'])
    gate.keepOut(ABC[2]!)
    upstream.update(ABC[0]!, { state: 'drain' })
    expect(gate.entered_).toEqual(['b'])
    upstream.update(ABC[0]!, { state: 'up' })
    upstream.add('http://d.test')
    expect(gate.entered_).toEqual(['b', 'a', 'd'])
    expect(other.entered_).toEqual(gate.entered_)
  })

  it('takes the word of all gates', () => {
    const { gate, other } = gated()
    gate.keepOut(ABC[1]!)
    other.keepOut(ABC[1]!)
    gate.keepOut()
    expect(gate.entered_).toEqual([])
    other.keepOut()
    expect(gate.entered_).toEqual(['b'])
  })

  it('of a new target that a gate keeps out comes when it does not any more', () => {
    const { upstream, gate } = gated()
    gate.keepOut('http://d.test')
    upstream.add('http://d.test')
    expect(gate.entered_).toEqual([])
    gate.keepOut()
    expect(gate.entered_).toEqual(['d'])
  })

  it('may change the list again: the balancer has the last one', async () => {
    const { gate, other, send, held } = gated()
    gate.keepOut(ABC[2]!)
    gate.onEntered = () => {
      gate.onEntered = undefined
      other.keepOut(ABC[0]!, ABC[1]!)
    }
    gate.keepOut()
    await send()
    await send()
    expect(held.map(({ target }) => target)).toEqual([ABC[2], ABC[2]])
  })
})

describe('Retry-After, where no target is admissible', () => {
  const retryAfter = async ({ send }: ReturnType<typeof gated>) => {
    const { reply } = await send()
    expect(await codeOf(reply)).toBe('ERR_SLUICE_NO_TARGET')
    return reply!.headers.get('retry-after')
  }

  it('is the time of the target that is back first, rounded up', async () => {
    const set = gated()
    const now = set.clock.now()
    set.gate.again.set(ABC[0]!, now + 9_000).set(ABC[1]!, now + 2_300)
    set.gate.keepOut(...ABC)
    expect(await retryAfter(set)).toBe('3')
    set.clock.advance(1_500)
    expect(await retryAfter(set)).toBe('1')
    set.clock.advance(5_000)
    expect(await retryAfter(set)).toBe('1')
  })

  it('waits for the gate that takes longest', async () => {
    const set = gated({ targets: ABC.slice(0, 1) })
    const now = set.clock.now()
    set.gate.again.set(ABC[0]!, now + 1_000)
    set.other.again.set(ABC[0]!, now + 5_000)
    set.gate.keepOut(ABC[0]!)
    set.other.keepOut(ABC[0]!)
    expect(await retryAfter(set)).toBe('5')
    set.other.keepOut()
    expect(await retryAfter(set)).toBe('1')
  })

  it('is missing where nobody knows, and does not speak of what is down by hand', async () => {
    const set = gated({ targets: ABC.slice(0, 2) })
    set.gate.again.set(ABC[0]!, set.clock.now() + 1_000)
    set.gate.keepOut(ABC[0]!, ABC[1]!)
    expect(await retryAfter(set)).toBe('1')
    set.upstream.update(ABC[0]!, { state: 'down' })
    expect(await retryAfter(set)).toBeUndefined()
    set.upstream.update(ABC[0]!, { state: 'up', weight: 0 })
    expect(await retryAfter(set)).toBeUndefined()
  })
})

describe('panicThreshold', () => {
  const FOUR = [...ABC, 'http://d.test']
  const targetsOf = async ({ send, held }: ReturnType<typeof gated>) => {
    const from = held.length
    for (let i = 0; i < 8; i++) await send()
    return [...new Set(held.slice(from).map(({ target }) => target[7]!))].sort().join('')
  }

  it('uses all that are up where gates leave less than that share of them, and only then', async () => {
    const set = gated({ targets: FOUR, panicThreshold: 0.5 })
    set.gate.keepOut(FOUR[0]!, FOUR[1]!)
    expect([await targetsOf(set), set.upstream.snapshot().isPanicking]).toEqual(['cd', false])
    set.gate.keepOut(FOUR[0]!, FOUR[1]!, FOUR[2]!)
    expect([await targetsOf(set), set.upstream.snapshot().isPanicking]).toEqual(['abcd', true])
    expect(set.upstream.snapshot().targets[0]).toMatchObject({ admitted: true, reasons: [] })
    set.gate.keepOut(...FOUR)
    expect(await targetsOf(set)).toBe('abcd')
    set.gate.keepOut(FOUR[0]!)
    expect([await targetsOf(set), set.upstream.snapshot().isPanicking]).toEqual(['bcd', false])
  })

  it('neither counts nor uses what is not up', async () => {
    const set = gated({ targets: FOUR, panicThreshold: 0.5 })
    set.upstream.update(FOUR[0]!, { state: 'down' })
    set.upstream.update(FOUR[1]!, { state: 'drain' })
    set.gate.keepOut(FOUR[2]!)
    expect([await targetsOf(set), set.upstream.snapshot().isPanicking]).toEqual(['d', false])
    set.gate.keepOut(FOUR[2]!, FOUR[3]!)
    expect([await targetsOf(set), set.upstream.snapshot().isPanicking]).toEqual(['cd', true])
  })

  it('lets nobody enter: a target does when the gates admit it', () => {
    const set = gated({ targets: FOUR, panicThreshold: 0.5 })
    set.gate.keepOut(...FOUR.slice(1))
    set.gate.keepOut(...FOUR)
    set.gate.keepOut(...FOUR.slice(1))
    expect([set.gate.entered_, set.upstream.snapshot().isPanicking]).toEqual([['a'], true])
    set.gate.keepOut(FOUR[3]!)
    expect(set.gate.entered_).toEqual(['a', 'b', 'c'])
  })

  it('of 0, the default, never uses what a gate has closed', async () => {
    const set = gated({ targets: FOUR })
    set.gate.keepOut(...FOUR.slice(1))
    expect([await targetsOf(set), set.upstream.snapshot().isPanicking]).toEqual(['a', false])
    set.gate.keepOut(...FOUR)
    expect((await set.send()).reply?.status).toBe(503)
  })

  it.each([-0.1, 1.1, 50, Number.NaN])('can not be %d', (panicThreshold) => {
    const build = () => createUpstream('users', { targets: ABC, transport: fakeUpstream().transport, panicThreshold })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: 'upstreams.users.panicThreshold' }))
  })
})
