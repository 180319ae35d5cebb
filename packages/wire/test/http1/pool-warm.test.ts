import { spawn } from 'node:child_process'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { hostileUpstream, type VirtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ConnectionPool } from '../../src/index.ts'
import { Call, OK, pool, target } from './pooled.ts'

const answering = async () => await target((socket) => socket.write(OK))

/** Waits until so many are idle and none is being opened. */
async function settled(one: ConnectionPool, idle: number): Promise<void> {
  await waitFor(() => one.stats.idle === idle && one.stats.connecting === 0, { what: `${idle} idle connections` })
}

/** Waits until all that were opened, at least so many, were closed by the target. */
async function lost(one: ConnectionPool, atLeast: number): Promise<void> {
  const isOver = () => one.stats.opened === one.stats.closed.target && one.stats.connecting === 0
  await waitFor(() => one.stats.opened >= atLeast && isOver(), { what: `${atLeast} lost connections` })
}

/** A target that closes what it accepts, until it is well. */
async function fickle() {
  const peer = { isWell: false, port: 0, sockets: [] as Socket[] }
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write(OK))
    peer.sockets.push(socket)
    if (!peer.isWell) socket.destroy()
  }).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    for (const socket of peer.sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  await new Promise((resolve) => server.once('listening', resolve))
  peer.port = (server.address() as AddressInfo).port
  return peer
}

/** Lets what was set off come to pass, where nothing is expected to. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a pool that is to be warm', () => {
  it('has idle connections before there is a request, and opens no more when it is told again', async () => {
    const peer = await answering()
    const { pool: one } = pool(peer.port, { minIdle: 2 })
    expect(one.stats.connecting).toBe(0)
    one.warmUp()
    one.warmUp()
    await settled(one, 2)
    one.warmUp()
    expect(one.stats).toMatchObject({ connecting: 0, opened: 2 })
    const call = new Call(one)
    expect(call.connection).toBeDefined()
    await waitFor(() => call.isOver)
    expect(call.text).toBe('ok')
  })

  it('opens nothing where none is to be at hand', async () => {
    const peer = await answering()
    const { pool: one } = pool(peer.port)
    one.warmUp()
    expect(one.stats.connecting).toBe(0)
  })

  it('opens another when one is taken, and lets those go that are too many', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port, { minIdle: 2 })
    one.warmUp()
    await settled(one, 2)
    const calls = [new Call(one), new Call(one)]
    await settled(one, 2)
    expect(one.stats).toMatchObject({ active: 2, opened: 4 })
    await waitFor(() => peer.received.filter((text) => text !== '').length === 2)
    for (const [index, text] of peer.received.entries()) if (text !== '') peer.reply(index, OK)
    await waitFor(() => calls.every((each) => each.isOver))
    await settled(one, 4)
    await clock.advanceAsync(4_000)
    await settled(one, 2)
    expect(one.stats).toMatchObject({ opened: 4, active: 0 })
  })

  it('hands them out even where none may be used twice', async () => {
    const peer = await answering()
    const { pool: one } = pool(peer.port, { minIdle: 1, reuse: 'never' })
    one.warmUp()
    await settled(one, 1)
    const call = new Call(one)
    expect(call.connection).toBeDefined()
    await waitFor(() => call.isOver)
    await waitFor(() => one.stats.closed['used-up'] === 1)
    await settled(one, 1)
    expect(one.stats.opened).toBe(2)
  })

  it('opens another for one that the target closes after a while', async () => {
    const peer = await answering()
    const { pool: one, clock } = pool(peer.port, { minIdle: 1 })
    one.warmUp()
    await settled(one, 1)
    clock.advance(1_000)
    peer.sockets[0]!.end()
    await waitFor(() => one.stats.opened === 2)
    await settled(one, 1)
    expect(clock.pending).toBe(0)
  })

  it('replaces those that have grown too old', async () => {
    const peer = await answering()
    const { pool: one, clock } = pool(peer.port, { minIdle: 2, maxLifetimeMs: 60_000 })
    one.warmUp()
    await settled(one, 2)
    // By chance they may grow a twentieth older here.
    await clock.advanceAsync(63_000)
    expect(one.stats.closed.aged).toBe(0)
    await clock.advanceAsync(2)
    await waitFor(() => one.stats.closed.aged === 2)
    await settled(one, 2)
    expect(one.stats.opened).toBe(4)
  })
})

describe('warm connections and requests', () => {
  it('leaves requests their room', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { minIdle: 3, maxConnections: 4, maxPending: 0 })
    one.warmUp()
    await settled(one, 3)
    const calls = [1, 2, 3, 4].map(() => new Call(one))
    expect(calls.map((each) => each.refusal)).toEqual([undefined, undefined, undefined, undefined])
    await waitFor(() => calls.every((each) => each.connection !== undefined))
    await turns()
    expect(one.stats).toMatchObject({ active: 4, idle: 0, connecting: 0, pending: 0 })
  })

  it('gives a connection that is still being opened up for one that a request needs', async () => {
    const peer = await hostileUpstream({ kind: 'hang-connect' })
    onTestFinished(async () => await peer.close())
    const { pool: one } = pool(peer.port, { minIdle: 2, maxConnections: 2, maxPending: 0 })
    one.warmUp()
    expect(one.stats.connecting).toBe(2)
    const calls = [new Call(one), new Call(one), new Call(one)]
    expect(calls.map((each) => each.refusal)).toEqual([undefined, undefined, 'queue-full'])
    expect(one.stats.connecting).toBe(2)
    one.withdraw(calls[0]!)
    // The room that is free again is the reserve's.
    expect(one.stats.connecting).toBe(2)
  })

  it('opens one for a request that waits before it opens one to keep', async () => {
    const peer = await target((socket, index) => (index === 0 ? socket.destroy() : socket.write(OK)))
    const { pool: one } = pool(peer.port, { minIdle: 1, maxConnections: 1 })
    one.warmUp()
    await settled(one, 1)
    const [first, next] = [new Call(one), new Call(one)]
    await waitFor(() => first.isOver && next.isOver)
    expect([first.failure, next.text, next.isReused]).toEqual(['closed', 'ok', false])
  })

  it('serves those who wait before it keeps any', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { minIdle: 1, maxConnections: 1 })
    one.warmUp()
    await settled(one, 1)
    const calls = [new Call(one), new Call(one)]
    for (const call of calls) {
      await waitFor(
        () => call.connection !== undefined && peer.received[0]!.split('GET').length - 2 === calls.indexOf(call),
      )
      peer.reply(0, OK)
    }
    await waitFor(() => calls.every((each) => each.isOver))
    expect(one.stats).toMatchObject({ opened: 1, idle: 1 })
  })
})

describe('a target that is not well', () => {
  it('is asked again after pauses that grow, for one connection at a time', async () => {
    const peer = await hostileUpstream({ kind: 'refuse' })
    onTestFinished(async () => await peer.close())
    const { pool: one, clock } = pool(peer.port, { minIdle: 3 })
    one.warmUp()
    expect(one.stats.connecting).toBe(3)
    await waitFor(() => one.stats.connecting === 0)
    // By chance three quarters of 500, 1,000, 2,000, ... up to 30,000 ms.
    for (const pause of [375, 750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500]) {
      one.warmUp()
      clock.advance(pause - 1)
      expect(one.stats.connecting).toBe(0)
      clock.advance(1)
      expect(one.stats.connecting).toBe(1)
      await waitFor(() => one.stats.connecting === 0)
    }
  })

  it('is not asked again at once where it closes what it has just accepted', async () => {
    const peer = await fickle()
    const { pool: one, clock } = pool(peer.port, { minIdle: 1 })
    one.warmUp()
    for (const [index, pause] of [375, 750, 1_500].entries()) {
      await lost(one, index + 1)
      clock.advance(pause - 1)
      expect(one.stats.connecting).toBe(0)
      peer.isWell = index === 2
      clock.advance(1)
      expect(one.stats.connecting).toBe(1)
    }
    await settled(one, 1)
    expect(one.stats.opened).toBe(4)
  })

  it.each([
    [
      'has answered',
      async (one: ConnectionPool) => {
        const call = new Call(one)
        await waitFor(() => call.isOver)
        await settled(one, 2)
      },
    ],
    ['has kept one for a while', async (_one: ConnectionPool, clock: VirtualClock) => await clock.advanceAsync(1_000)],
  ])('gets short pauses again once it %s', async (_what, prove) => {
    const peer = await fickle()
    const { pool: one, clock } = pool(peer.port, { minIdle: 1 })
    one.warmUp()
    await lost(one, 1)
    clock.advance(375)
    await lost(one, 2)
    peer.isWell = true
    clock.advance(750)
    await settled(one, 1)
    await prove(one, clock)
    const { opened } = one.stats
    peer.isWell = false
    for (const socket of peer.sockets) socket.destroy()
    await lost(one, opened)
    clock.advance(374)
    expect(one.stats.connecting).toBe(0)
    clock.advance(1)
    expect(one.stats.connecting).toBe(1)
  })

  it('gets all its connections again once it is well', async () => {
    const peer = await fickle()
    const { pool: one, clock } = pool(peer.port, { minIdle: 3 })
    one.warmUp()
    await lost(one, 3)
    peer.isWell = true
    clock.advance(375)
    expect(one.stats.connecting).toBe(1)
    await settled(one, 3)
  })
})

describe('the end of a warm pool', () => {
  it.each(['close', 'retire', 'destroy'] as const)('opens nothing any more after %s', async (how) => {
    const peer = await answering()
    const { pool: one, clock } = pool(peer.port, { minIdle: 2, maxLifetimeMs: 60_000 })
    one.warmUp()
    await settled(one, 2)
    const call = new Call(one)
    expect(one.stats).toMatchObject({ active: 1, idle: 1, connecting: 1 })
    const ended = one[how]()
    expect(one.stats).toMatchObject({ idle: 0, connecting: 0 })
    await ended
    await waitFor(() => call.isOver && one.stats.active === 0)
    one.warmUp()
    expect([one.stats.connecting, one.stats.opened, clock.pending]).toEqual([0, 2, 0])
  })

  it('forgets its pause', async () => {
    const peer = await hostileUpstream({ kind: 'refuse' })
    onTestFinished(async () => await peer.close())
    const { pool: one, clock } = pool(peer.port, { minIdle: 1 })
    one.warmUp()
    await waitFor(() => one.stats.connecting === 0)
    expect(clock.pending).toBe(1)
    await one.close()
    expect(clock.pending).toBe(0)
  })

  it('keeps no process alive, neither idle nor in a pause, unless a request is under way', async () => {
    const script = fileURLToPath(new URL('warm-process.ts', import.meta.url))
    const peer = await target((socket) => setTimeout(() => socket.write(OK), 100))
    const outcome = await runProcess(script, String(peer.port))
    expect(outcome).toEqual({ status: 0, stdout: 'idle: 2\nanswered\n', stderr: '' })
  })
})

describe('retiring a pool', () => {
  it('serves those who wait, and closes each connection after its request', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port, { maxConnections: 1 })
    const calls = [new Call(one), new Call(one)]
    let isRetired = false
    const retiring = one.retire().then(() => (isRetired = true))
    for (const count of [1, 2]) {
      await waitFor(() => (peer.received[0]?.split('GET').length ?? 1) - 1 === count)
      expect(isRetired).toBe(false)
      peer.reply(0, OK)
    }
    await retiring
    expect(calls.map((each) => each.text)).toEqual(['ok', 'ok'])
    expect(one.stats).toMatchObject({ active: 0, idle: 0, opened: 1, closed: { 'pool-closed': 1 } })
  })

  it('still serves one that comes late', async () => {
    const peer = await answering()
    const { pool: one } = pool(peer.port)
    await one.retire()
    const late = new Call(one)
    await waitFor(() => late.isOver && one.stats.closed['pool-closed'] === 1)
    expect([late.text, one.stats.idle]).toEqual(['ok', 0])
  })

  it('does not wait for one that has given up', async () => {
    const peer = await hostileUpstream({ kind: 'hang-connect' })
    onTestFinished(async () => await peer.close())
    for (const how of ['retire', 'close'] as const) {
      const { pool: one } = pool(peer.port)
      const call = new Call(one)
      const ended = one[how]()
      one.withdraw(call)
      await ended
    }
  })
})

async function runProcess(script: string, port: string) {
  const child = spawn(process.execPath, ['--conditions=@sluice/source', script, port], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill())
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const status = await new Promise((resolve) => child.once('close', resolve))
  return { status, stdout, stderr }
}
