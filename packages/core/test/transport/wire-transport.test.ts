import { hostileUpstream, listenUpstream, virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProxy, createUpstream, type Target, wireTransport, type WireTransportOptions } from '../../src/index.ts'

/** A proxy in front of a real target, on a clock that stands still. */
async function setUp(options: WireTransportOptions = {}) {
  const clock = virtualClock()
  let answer = (): void => {}
  const target = await listenUpstream(async ({ path }) => {
    if (path === '/slow') await new Promise<void>((resolve) => (answer = resolve))
    return { body: 'ok' }
  })
  const transport = wireTransport({ clock, random: () => 0.5, ...options })
  const upstream = createUpstream('users', { targets: [target.url], transport, clock })
  const proxy = createProxy({ clock }).forward(upstream)
  onTestFinished(async () => {
    answer()
    await transport.destroy()
    await target.close()
  })
  return {
    clock,
    target,
    transport,
    first: upstream.targets[0]!,
    get: async (path = '/') => await (await proxy.inject({ path })).text(),
    answer: () => answer(),
  }
}

describe('warming up a target', () => {
  it('opens its connections before the first attempt, which then uses one of them', async () => {
    // The upstream asks for it.
    const { target, transport, first, get } = await setUp({ minIdle: 2 })
    await waitFor(() => transport.stats(first).connected === 2 && target.connections === 2)
    transport.warmUp!(first)
    expect(await get()).toBe('ok')
    // One more is opened for the one that was taken.
    await waitFor(() => transport.stats(first).connected === 3 && target.totalConnections === 3)
  })

  it('is nothing where no connection is to be at hand, or all are closed', async () => {
    const { transport, first } = await setUp()
    transport.warmUp!(first)
    const other = await setUp({ minIdle: 1 })
    await other.transport.close()
    other.transport.warmUp!(other.first)
    for (const each of [{ transport, first }, other]) {
      expect(each.transport.stats(each.first)).toEqual({ connected: 0, active: 0, pending: 0 })
    }
  })

  it('concerns no attempt where it fails', async () => {
    const peer = await hostileUpstream({ kind: 'refuse' })
    onTestFinished(async () => await peer.close())
    const clock = virtualClock()
    const transport = wireTransport({ clock, minIdle: 3, random: () => 0.5 })
    const upstream = createUpstream('users', { targets: [peer.url], transport, clock })
    await waitFor(() => clock.pending === 1, { what: 'the pause before the next try' })
    expect(transport.stats(upstream.targets[0]!)).toEqual({ connected: 0, active: 0, pending: 0 })
    await transport.close()
    expect(clock.pending).toBe(0)
  })
})

describe('forgetting a target', () => {
  it('closes what is idle at once, and the rest after its attempt', async () => {
    const { target, transport, first, get, answer } = await setUp({ minIdle: 1 })
    await get()
    const slow = get('/slow')
    await waitFor(() => target.requests.some(({ path }) => path === '/slow'))
    transport.forget!(first)
    await waitFor(() => target.connections === 1)
    answer()
    expect(await slow).toBe('ok')
    await waitFor(() => target.connections === 0)
    expect(transport.stats(first)).toEqual({ connected: 0, active: 0, pending: 0 })
  })

  it('is nothing where it is not known', async () => {
    const { transport, first } = await setUp()
    transport.forget!(first)
    transport.forget!({} as Target)
    expect(transport.stats(first).connected).toBe(0)
  })

  it('ends with another attempt, or when it is to be warm again', async () => {
    const { target, transport, first, get } = await setUp({ minIdle: 1 })
    await get()
    transport.forget!(first)
    await waitFor(() => target.connections === 0)
    expect(await get()).toBe('ok')
    transport.forget!(first)
    await waitFor(() => target.connections === 0)
    transport.warmUp!(first)
    await waitFor(() => target.connections === 1)
  })

  it.each(['close', 'destroy'] as const)(
    'leaves nothing behind that %s of the transport does not know of',
    async (how) => {
      const { target, transport, first, get, answer } = await setUp()
      const slow = get('/slow')
      await waitFor(() => target.requests.length === 1)
      transport.forget!(first)
      let isClosed = false
      const closing = transport[how]().then(() => (isClosed = true))
      if (how === 'close') {
        await new Promise((resolve) => setImmediate(resolve))
        expect(isClosed).toBe(false)
        answer()
        expect(await slow).toBe('ok')
      } else {
        expect(await slow).not.toBe('ok')
      }
      await closing
      await waitFor(() => target.connections === 0)
    },
  )
})

describe('TE', () => {
  it('tells the target that trailers are welcome where they are, as a field of the connection', async () => {
    const target = await listenUpstream()
    onTestFinished(() => target.close())
    const upstream = createUpstream('users', { targets: [target.url] })
    onTestFinished(() => upstream.destroy())
    const proxy = createProxy().forward(upstream)
    for (const te of ['gzip', 'trailers, gzip', '']) await proxy.inject({ headers: { Host: 'a.test', TE: te } })
    expect(target.requests.map((request) => [request.header('te'), request.header('connection')])).toEqual([
      [undefined, undefined],
      ['trailers', 'TE'],
      [undefined, undefined],
    ])
  })
})
