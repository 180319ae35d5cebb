import { hostileUpstream, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Call, OK, pool, target } from './pooled.ts'

const path = (head: string): string => head.split(' ')[1]!

describe('a pool that is full', () => {
  it('lets requests wait, and serves them in order', async () => {
    const order: string[] = []
    const peer = await target((_socket, _index, head) => order.push(path(head)))
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const calls = ['/1', '/2', '/3'].map((each) => new Call(one, { path: each }))
    expect(one.stats).toMatchObject({ connecting: 1, pending: 2 })
    for (let i = 0; i < 3; i++) {
      await waitFor(() => order.length === i + 1)
      expect(one.stats).toMatchObject({ active: 1, idle: 0, pending: 2 - i })
      peer.reply(0, OK)
    }
    await waitFor(() => calls.every((each) => each.isOver))
    expect(order).toEqual(['/1', '/2', '/3'])
    expect(calls.map((each) => each.isReused)).toEqual([false, true, true])
    expect(one.stats).toMatchObject({ active: 0, idle: 1, pending: 0, opened: 1 })
  })

  it('refuses those for whom there is no room to wait', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { maxConnections: 1, maxPending: 1 })
    const calls = [1, 2, 3].map(() => new Call(one))
    expect(calls.map((each) => each.refusal)).toEqual([undefined, undefined, 'queue-full'])
  })

  it('refuses those who have waited too long, and not before', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port, { maxConnections: 1 })
    const first = new Call(one)
    await waitFor(() => first.connection !== undefined)
    const second = new Call(one)
    clock.advance(999)
    expect([second.refusal, one.stats.pending]).toEqual([undefined, 1])
    clock.advance(1)
    expect([second.refusal, one.stats.pending]).toEqual(['queue-timeout', 0])
  })

  it('forgets those who withdraw', async () => {
    const peer = await target((socket) => socket.write(OK))
    const { pool: one, clock } = pool(peer.port, { maxConnections: 1 })
    const [connecting, waiting, last] = [new Call(one), new Call(one), new Call(one)]
    one.withdraw(waiting)
    // The one that connects makes room by giving up, for the one that still waits.
    one.withdraw(connecting)
    await waitFor(() => last.isOver)
    clock.advance(10_000)
    expect([connecting, waiting].map((each) => [each.connection, each.refusal])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ])
  })

  it('goes on with those who wait when a connection is lost', async () => {
    const peer = await target((socket, index) => (index === 0 ? socket.destroy() : socket.write(OK)))
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const [lost, next] = [new Call(one), new Call(one)]
    await waitFor(() => lost.isOver && next.isOver)
    expect([lost.failure, next.text]).toEqual(['closed', 'ok'])
  })

  it.each([
    ['needs a new connection', { needsFresh: true }],
    ['can not be repeated, nor use one that has long been idle', { isRepeatable: false }],
  ])('lets an idle connection go for one that %s', async (_name, options) => {
    const peer = await target((socket) => socket.write(OK))
    const { pool: one, clock } = pool(peer.port, { maxConnections: 1 })
    const first = new Call(one)
    await waitFor(() => first.isOver)
    clock.advance(1_001)
    const second = new Call(one, options)
    await waitFor(() => second.isOver)
    expect([second.isReused, one.stats.opened, one.stats.closed['not-reusable']]).toEqual([false, 2, 1])
  })

  it('lets a connection go that only those could have who need a new one', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const first = new Call(one)
    const second = new Call(one, { needsFresh: true })
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    peer.reply(0, OK)
    await waitFor(() => second.connection !== undefined)
    expect([first.text, second.isReused]).toEqual(['ok', false])
  })
})

describe('connecting', () => {
  it('fails for each that waited for it', async () => {
    const peer = await hostileUpstream({ kind: 'refuse' })
    onTestFinished(async () => await peer.close())
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const calls = [1, 2, 3].map(() => new Call(one))
    await waitFor(() => calls.every((each) => each.refusal === 'connect-failed'))
    expect(one.stats).toMatchObject({ active: 0, connecting: 0, pending: 0, opened: 0 })
  })

  it('takes no longer than it may', async () => {
    const peer = await hostileUpstream({ kind: 'hang-connect' })
    onTestFinished(async () => await peer.close())
    const { pool: one, clock } = pool(peer.port)
    const call = new Call(one)
    await clock.advanceAsync(999)
    expect(call.refusal).toBeUndefined()
    await clock.advanceAsync(1)
    expect([call.refusal, one.stats.connecting]).toEqual(['connect-timeout', 0])
  })

  it('fails like any other where TLS options are wrong', async () => {
    const { pool: one } = pool(1, { tls: { cert: 'no certificate' } })
    const call = new Call(one)
    expect(call.refusal).toBeUndefined()
    await waitFor(() => call.refusal === 'connect-failed')
    expect(one.stats.connecting).toBe(0)
  })
})

describe('closing a pool', () => {
  it('closes what is idle, refuses what waits, and waits for what is under way', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const [first, second] = [new Call(one), new Call(one)]
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    let isClosed = false
    const closing = one.close().then(() => (isClosed = true))
    expect(second.refusal).toBe('closed')
    expect(new Call(one).refusal).toBe('closed')
    await new Promise((resolve) => setImmediate(resolve))
    expect(isClosed).toBe(false)
    peer.reply(0, OK)
    await closing
    expect([first.text, one.stats.active, one.stats.closed['pool-closed']]).toEqual(['ok', 0, 1])
  })

  it('waits for those that are connecting, too', async () => {
    const peer = await target((socket) => socket.write(OK))
    const { pool: one } = pool(peer.port)
    const call = new Call(one)
    await one.close()
    expect(call.isOver).toBe(true)
  })

  it('at once tells everybody', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { maxConnections: 2 })
    const sent = new Call(one)
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    const [connecting, waiting] = [new Call(one), new Call(one)]
    one.destroy()
    expect([connecting.refusal, waiting.refusal]).toEqual(['closed', 'closed'])
    await waitFor(() => sent.isOver)
    expect([sent.failure, one.stats.active, one.stats.connecting]).toEqual(['closed', 0, 0])
  })
})
