import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { Call, OK, pool, target } from './pooled.ts'

async function served(
  one: ConstructorParameters<typeof Call>[0],
  options: ConstructorParameters<typeof Call>[1] = {},
): Promise<Call> {
  const call = new Call(one, options)
  await waitFor(() => call.isOver)
  return call
}

const answering = async () => await target((socket) => socket.write(OK))

describe('a connection is used again', () => {
  it('the one used last first', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port)
    const calls = [new Call(one), new Call(one), new Call(one)]
    await waitFor(() => peer.received.filter((text) => text !== '').length === 3)
    for (const index of [0, 2, 1]) {
      const { connection } = calls[index]!
      const place = peer.sockets.findIndex(({ remotePort }) => remotePort === connection!.socket.localPort)
      peer.reply(place, OK)
      await waitFor(() => calls[index]!.isOver)
      clock.advance(1)
    }
    const next = [new Call(one), new Call(one), new Call(one)]
    expect(next.map((each) => each.connection)).toEqual([calls[1], calls[2], calls[0]].map((each) => each!.connection))
    expect(next.map((each) => each.isReused)).toEqual([true, true, true])
  })

  it.each([
    ['safe', true, 3_999, true],
    ['safe', false, 1_000, true],
    ['safe', false, 1_001, false],
    ['always', false, 3_999, true],
    ['never', true, 0, false],
  ] as const)('under "%s", repeatable: %s, after %i ms: %s', async (reuse, isRepeatable, idleMs, expected) => {
    const peer = await answering()
    const { pool: one, clock } = pool(peer.port, { reuse })
    await served(one)
    clock.advance(idleMs)
    const second = await served(one, { isRepeatable })
    expect(second.isReused).toBe(expected)
  })

  it('as often as it may be', async () => {
    const peer = await answering()
    const { pool: one } = pool(peer.port, { maxRequests: 2 })
    const reused = [await served(one), await served(one), await served(one)].map((each) => each.isReused)
    expect(reused).toEqual([false, true, false])
    await waitFor(() => one.stats.closed['used-up'] === 1)
  })

  it('until it is as old as it may be, and a little more by chance', async () => {
    const peer = await answering()
    const { pool: one, clock } = pool(peer.port, { maxLifetimeMs: 10_000, idleTimeoutMs: 0 })
    await served(one)
    clock.advance(10_499)
    expect((await served(one)).isReused).toBe(true)
    clock.advance(2)
    expect((await served(one)).isReused).toBe(false)
    await waitFor(() => one.stats.closed.aged === 1)
  })

  it('and is not kept behind the request during which it grew too old', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port, { maxLifetimeMs: 1_000 })
    const call = new Call(one)
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    clock.advance(1_500)
    peer.reply(0, OK)
    await waitFor(() => call.isOver && one.stats.closed.aged === 1)
  })
})

describe('an idle connection', () => {
  it('is closed in time, and not before', async () => {
    const peer = await answering()
    const { pool: one, clock } = pool(peer.port)
    await served(one)
    clock.advance(3_000)
    await served(one)
    clock.advance(3_999)
    expect(one.stats.idle).toBe(1)
    clock.advance(1)
    await waitFor(() => one.stats.closed.idle === 1)
    expect(one.stats).toMatchObject({ idle: 0, active: 0, opened: 1 })
    expect(clock.pending).toBe(0)
  })

  it('is kept where so many are wanted, without a call to the clock', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port, { minIdle: 2 })
    const calls = [1, 2, 3, 4].map(() => new Call(one))
    await waitFor(() => peer.received.filter((text) => text !== '').length === 4)
    for (let i = 0; i < 4; i++) peer.reply(i, OK)
    await waitFor(() => calls.every((each) => each.isOver))
    clock.advance(8_000)
    await waitFor(() => one.stats.closed.idle === 2)
    expect([one.stats.idle, clock.pending]).toEqual([2, 0])
  })

  it.each([
    ['ends it', 'target', (socket: { end(): void }) => socket.end()],
    ['resets it', 'error', (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy()],
    [
      'says something nobody asked for',
      'not-reusable',
      (socket: { write(text: string): void }) => socket.write('HTTP/1.1 408 Late\r\n\r\n'),
    ],
  ] as const)('is not handed out once the target %s', async (_name, reason, act) => {
    const peer = await answering()
    const { pool: one } = pool(peer.port)
    await served(one)
    act(peer.sockets[0]!)
    await waitFor(() => one.stats.closed[reason] === 1)
    expect(one.stats.idle).toBe(0)
    expect((await served(one)).isReused).toBe(false)
  })
})

describe('a connection is not used again', () => {
  it.each([
    ['where the reply is followed by more', `${OK}surplus`],
    ['where a second reply follows', OK + OK],
    ['where half of a second head follows', `${OK}HTTP/1.1 2`],
    [
      'where a chunked reply is followed by more',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nX',
    ],
    ['where a reply without a body has one', 'HTTP/1.1 204 No Content\r\n\r\nok'],
    ['behind Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['behind HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ])('%s', async (_name, reply) => {
    const peer = await target((socket) => socket.write(reply))
    const { pool: one } = pool(peer.port)
    const first = await served(one)
    const second = await served(one)
    expect([first.error, first.status === 204 || first.text === 'ok', second.isReused]).toEqual([
      undefined,
      true,
      false,
    ])
    await waitFor(() => one.stats.closed['not-reusable'] === 2)
    expect(peer.received.every((text) => text.split('GET').length === 2)).toBe(true)
  })

  it('not even for one that waits for it, where the reply is followed by more', async () => {
    const peer = await target((socket) => socket.write(OK + OK))
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const [first, second] = [new Call(one), new Call(one, { path: '/second' })]
    await waitFor(() => first.isOver && second.isOver)
    expect([first.text, second.text, second.isReused]).toEqual(['ok', 'ok', false])
    expect(peer.received.map((text) => text.includes('/second'))).toEqual([false, true])
  })

  it('is used again behind HTTP/1.0 that says so', async () => {
    const peer = await target((socket) =>
      socket.write('HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok'),
    )
    const { pool: one } = pool(peer.port)
    await served(one)
    expect((await served(one)).isReused).toBe(true)
  })
})
