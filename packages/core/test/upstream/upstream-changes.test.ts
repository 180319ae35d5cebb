import { describe, expect, it } from 'vitest'
import { ConfigError, type Gate, type TargetChange, type TargetConfig, type Upstream } from '../../src/index.ts'
import { ABC, heldUpstream } from './held-upstream.ts'

/** Whether a promise is settled, without waiting for it. */
function watch(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false }
  void promise.finally(() => (state.isSettled = true))
  return state
}

/** All that must be the same after a change that was refused. */
const stateOf = (upstream: Upstream) => ({
  targets: [...upstream.targets],
  values: upstream.targets.map(({ weight, effectiveWeight, state, maxActive, priority, zone, metadata }) =>
    JSON.stringify({ weight, effectiveWeight, state, maxActive: String(maxActive), priority, zone, metadata }),
  ),
})

describe('a target that is added', () => {
  it('is picked from at once, within the limit of its upstream, and gates are told', async () => {
    const entered: string[] = []
    const gate = (): Gate => ({
      name: 'test',
      admits: () => true,
      observe() {},
      entered: ({ key }) => void entered.push(key),
    })
    const { upstream, send, held } = heldUpstream({ targets: [ABC[0]!], maxActivePerTarget: 2, gates: [gate] })
    const target = upstream.add('http://d.test')
    expect(upstream.targets[1]).toBe(target)
    expect(target.maxActive).toBe(2)
    await Promise.all([send(), send()])
    expect(held.map(({ target }) => target).sort()).toEqual(['http://a.test', 'http://d.test'])
    expect(entered).toEqual(['http://d.test'])
  })

  it.each<[path: string, config: string | TargetConfig]>([
    ['', 'http://B.test:80/'],
    ['.url', 'b.test'],
    ['.weight', { url: 'http://d.test', weight: -1 }],
    ['.maxActive', { url: 'http://d.test', maxActive: 0 }],
    ['.priority', { url: 'http://d.test', priority: 0.5 }],
  ])('is refused with the path targets[3]%s, and nothing has changed: %j', (path, config) => {
    const { upstream } = heldUpstream()
    const before = stateOf(upstream)
    const add = () => upstream.add(config)
    expect(add).toThrow(ConfigError)
    expect(add).toThrow(expect.objectContaining({ path: `upstreams.users.targets[3]${path}` }))
    expect(stateOf(upstream)).toEqual(before)
  })
})

describe('a target that is updated', () => {
  it('has its new values at once; what is under way there goes on, and others are as they were', async () => {
    const { upstream, send, held } = heldUpstream({ targets: ABC.slice(0, 2) })
    const sent = await send()
    const others = stateOf(upstream).values[1]
    upstream.update('http://a.test', { weight: 4, state: 'down', maxActive: 7 })
    const [first] = upstream.targets
    expect(first).toMatchObject({ weight: 4, effectiveWeight: 4, state: 'down', maxActive: 7, active: 1 })
    expect(stateOf(upstream).values[1]).toBe(others)
    await Promise.all([send(), send()])
    expect(held.slice(1).map(({ target }) => target)).toEqual(['http://b.test', 'http://b.test'])
    await held[0]!.answer()
    expect(sent.reply?.status).toBe(200)
    expect(first!.active).toBe(0)
  })

  it.each<[path: string, change: TargetChange]>([
    ['weight', { state: 'drain', maxActive: 3, weight: Number.NaN }],
    ['state', { weight: 5, maxActive: 3, state: 'off' as 'up' }],
    ['maxActive', { weight: 5, state: 'drain', maxActive: Number.NaN }],
    ['maxActive', { weight: 5, maxActive: 0 }],
  ])('keeps all its values where %s is wrong: %j', (path, change) => {
    const { upstream } = heldUpstream()
    const before = stateOf(upstream)
    const update = () => upstream.update('http://b.test', change)
    expect(update).toThrow(ConfigError)
    expect(update).toThrow(expect.objectContaining({ path: `upstreams.users.targets["http://b.test"].${path}` }))
    expect(stateOf(upstream)).toEqual(before)
  })
})

describe('what is not there', () => {
  it('can be neither updated nor drained nor removed', async () => {
    const { upstream } = heldUpstream()
    expect(() => upstream.update('http://x.test', { weight: 1 })).toThrow(RangeError)
    await expect(upstream.drain('http://x.test')).rejects.toThrow(RangeError)
    await expect(upstream.remove('http://x.test')).rejects.toThrow(RangeError)
  })
})

describe('draining', () => {
  it('gives nothing new, and is over for all who wait when the last body has ended', async () => {
    const { upstream, send, held, forgotten } = heldUpstream({ targets: ABC.slice(0, 2) })
    const [first] = [await send(), await send(), await send()]
    expect(held.map(({ target }) => target)).toEqual(['http://a.test', 'http://b.test', 'http://a.test'])
    const drained = upstream.drain('http://a.test')
    const again = upstream.drain('http://a.test')
    const watched = [watch(drained), watch(again)]
    await send()
    expect(held[3]!.target).toBe('http://b.test')
    await held[0]!.answer({ body: 'content' })
    await held[2]!.answer()
    expect(first.reply?.status).toBe(200)
    expect(upstream.snapshot().targets[0]).toMatchObject({ state: 'drain', active: 1, isLeaving: false })
    expect([watched, forgotten]).toEqual([[{ isSettled: false }, { isSettled: false }], []])
    await first.reply!.text()
    await Promise.all([drained, again])
    expect(upstream.targets[0]).toMatchObject({ state: 'drain', active: 0 })
    expect(new Set(forgotten)).toEqual(new Set(['http://a.test']))
  })

  it('is over at once where nothing is under way', async () => {
    const { upstream, forgotten } = heldUpstream()
    await upstream.drain('http://a.test')
    expect(upstream.targets[0]!.state).toBe('drain')
    expect(forgotten).toEqual(['http://a.test'])
  })

  it('leaves the connections where the target is up again before it is over', async () => {
    const { upstream, send, held, forgotten } = heldUpstream({ targets: ABC.slice(0, 1) })
    await send()
    const drained = upstream.drain('http://a.test')
    upstream.update('http://a.test', { state: 'up' })
    await held[0]!.answer()
    await drained
    expect(forgotten).toEqual([])
  })
})

describe('a target that is removed', () => {
  it('finishes what it has; then its connections are forgotten, once', async () => {
    const { upstream, send, held, forgotten } = heldUpstream({ targets: ABC.slice(0, 2) })
    const sent = [await send(), await send(), await send()]
    const removed = upstream.remove('http://a.test')
    const watched = watch(removed)
    expect(upstream.targets.map(({ key }) => key)).toEqual(['http://b.test'])
    expect(
      upstream
        .snapshot()
        .targets.map(({ key, isLeaving, active, admitted, reasons }) => [key, isLeaving, active, admitted, reasons]),
    ).toEqual([
      ['http://b.test', false, 1, true, []],
      ['http://a.test', true, 2, false, ['it was removed']],
    ])
    await held[0]!.answer()
    expect([watched.isSettled, forgotten]).toEqual([false, []])
    await held[2]!.answer()
    await removed
    expect(forgotten).toEqual(['http://a.test'])
    expect(upstream.snapshot()).toMatchObject({ active: 1, targets: [{ key: 'http://b.test' }] })
    await held[1]!.answer()
    expect(sent.map(({ reply }) => reply?.status)).toEqual([200, 200, 200])
    expect(upstream.active).toBe(0)
    expect(forgotten).toHaveLength(1)
  })

  it('and was idle is gone at once', async () => {
    const { upstream, forgotten } = heldUpstream()
    await upstream.remove('http://b.test')
    expect(forgotten).toEqual(['http://b.test'])
    expect(upstream.snapshot().targets).toHaveLength(2)
  })

  it('and comes back is another one, beside the one that still leaves', async () => {
    const { upstream, send, held, forgotten } = heldUpstream({ targets: ABC.slice(0, 1) })
    const before = upstream.targets[0]
    await send()
    const removed = upstream.remove('http://a.test')
    const after = upstream.add('http://a.test')
    expect(after).not.toBe(before)
    await send()
    expect(upstream.snapshot().targets.map(({ isLeaving, active }) => [isLeaving, active])).toEqual([
      [false, 1],
      [true, 1],
    ])
    await held[0]!.answer()
    await removed
    expect([after.active, before!.active, forgotten.length]).toEqual([1, 0, 1])
    await expect(upstream.remove('http://x.test')).rejects.toThrow(RangeError)
  })

  it('is not forgotten while an attempt that a stale connection has lost is made again there', async () => {
    const { upstream, send, held, forgotten } = heldUpstream({ targets: ABC.slice(0, 1) })
    await send()
    await held[0]!.answer()
    const sent = await send()
    const removed = upstream.remove('http://a.test')
    const watched = watch(removed)
    await held[1]!.answer({ reset: true })
    expect(held).toHaveLength(3)
    expect([watched.isSettled, forgotten, upstream.active]).toEqual([false, [], 1])
    await held[2]!.answer()
    await removed
    expect([sent.reply?.status, forgotten.length, upstream.active]).toEqual([200, 1, 0])
  })
})

describe('a list that is replaced', () => {
  it('keeps what stays, with state and counters, changes what is different, and lets go of the rest', async () => {
    const { upstream, send, held, forgotten } = heldUpstream()
    await send()
    await send()
    const [a, b, c] = upstream.targets
    upstream.update('http://c.test', { state: 'drain' })
    upstream.replace([
      'http://d.test',
      { url: 'http://c.test/', weight: 3, priority: 2, zone: 'z', metadata: { m: '1' }, maxActive: 9, state: 'up' },
      'http://a.test',
    ])
    const [d, second, third] = upstream.targets
    expect([second, third]).toEqual([c, a])
    expect(second).toBe(c)
    expect(third).toBe(a)
    expect(d!.key).toBe('http://d.test')
    // What was set by hand stays.
    expect(c).toMatchObject({ state: 'drain', weight: 3, priority: 2, zone: 'z', metadata: { m: '1' }, maxActive: 9 })
    expect([a!.active, b!.active, upstream.active]).toEqual([1, 1, 2])
    expect(upstream.snapshot().targets[3]).toMatchObject({ key: 'http://b.test', isLeaving: true, active: 1 })
    await held[1]!.answer()
    expect([b!.active, forgotten]).toEqual([0, ['http://b.test']])
  })

  it.each<[path: string, configs: (string | TargetConfig)[]]>([
    ['[2]', [{ url: 'http://a.test', weight: 9 }, 'http://d.test', 'http://a.test/']],
    ['[1].url', [{ url: 'http://a.test', weight: 9 }, 'd.test']],
    [
      '[1].weight',
      [
        { url: 'http://a.test', weight: 9 },
        { url: 'http://b.test', weight: -1 },
      ],
    ],
    [
      '[1].state',
      [
        { url: 'http://a.test', weight: 9 },
        { url: 'http://b.test', state: 'off' as 'up' },
      ],
    ],
  ])('is refused as a whole with the path targets%s: %j', (path, configs) => {
    const { upstream, forgotten } = heldUpstream()
    const before = stateOf(upstream)
    const replace = () => upstream.replace(configs)
    expect(replace).toThrow(ConfigError)
    expect(replace).toThrow(expect.objectContaining({ path: `upstreams.users.targets${path}` }))
    expect(stateOf(upstream)).toEqual(before)
    expect(forgotten).toEqual([])
  })

  it('may be empty', async () => {
    const { upstream, send } = heldUpstream()
    upstream.replace([])
    expect((await send()).reply?.status).toBe(503)
    upstream.replace(['http://d.test'])
    expect((await send()).reply).toBeUndefined()
    expect(upstream.targets[0]!.active).toBe(1)
  })
})

describe('a source of targets', () => {
  it('is started with its upstream, closed with it, and speaks in its snapshot', async () => {
    let closed = 0
    const { upstream, send, held } = heldUpstream({
      targets: ({ upstream, replace }) => {
        replace([`http://${upstream}.test`])
        return { snapshot: () => ({ from: 'test' }), close: () => void closed++ }
      },
    })
    expect(upstream.targets.map(({ key }) => key)).toEqual(['http://users.test'])
    expect(upstream.snapshot().source).toEqual({ from: 'test' })
    await send()
    await held[0]!.answer()
    await upstream.close()
    expect(closed).toBe(1)
  })
})
