import { type HostileBehaviour, hostileUpstream, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Body, MessageError } from '../../src/index.ts'
import { ManualSource, RecordingSink } from '../recording.ts'
import { Call, pool, target } from './pooled.ts'

async function hostile(behaviour: HostileBehaviour) {
  const peer = await hostileUpstream(behaviour)
  onTestFinished(async () => await peer.close())
  return { peer, ...pool(peer.port) }
}

describe('a reply that breaks the rules fails its request, and its connection goes', () => {
  it.each<readonly [HostileBehaviour, string]>([
    [{ kind: 'reset-after-head-received' }, 'closed'],
    [{ kind: 'reset-mid-head' }, 'cut-short'],
    [{ kind: 'raw', bytes: 'HTTP/1.1 103 Early\r\n\r\n', leave: 'fin' }, 'cut-short'],
    [{ kind: 'raw', bytes: '', leave: 'fin' }, 'closed'],
    [{ kind: 'reset-mid-body' }, 'closed'],
    [{ kind: 'fin-mid-body' }, 'closed'],
    [{ kind: 'fin-mid-chunk' }, 'closed'],
    [{ kind: 'fin-between-chunks' }, 'closed'],
    [{ kind: 'short-content-length' }, 'closed'],
    [{ kind: 'bad-status-line' }, 'malformed'],
    [{ kind: 'bad-status-line', line: '\r\nHTTP/1.1 200 OK' }, 'malformed'],
    [{ kind: 'huge-head' }, 'malformed'],
    [{ kind: 'content-length-and-chunked' }, 'malformed'],
    [{ kind: 'bad-chunk-size' }, 'malformed'],
    [{ kind: 'raw', bytes: 'HTTP/1.1 101 Switching Protocols\r\n\r\n' }, 'malformed'],
  ])('%o: %s', async (behaviour, failure) => {
    const { pool: one } = await hostile(behaviour)
    const call = new Call(one)
    await waitFor(() => call.isOver)
    expect([call.failure, call.dones, call.error?.message]).toEqual([failure, 1, failure])
    await waitFor(() => one.stats.active === 0 && one.stats.closed.error === 1)
    expect(one.stats.idle).toBe(0)
    if (failure === 'malformed') expect(call.cause).toBeInstanceOf(MessageError)
  })
})

describe('interim replies', () => {
  const HINTS = 'HTTP/1.1 103 Early Hints\r\n\r\n'
  const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  it('have an end, however they come; what is within it is read, and the connection used again', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port)
    const first = new Call(one)
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    for (let i = 0; i < 100; i++) peer.reply(0, HINTS)
    peer.reply(0, OK)
    await waitFor(() => first.isOver)
    expect([first.text, first.interim.length, one.stats.idle]).toEqual(['ok', 100, 1])
    // Each request has its own hundred.
    const second = new Call(one)
    peer.reply(0, HINTS.repeat(100))
    await waitFor(() => second.interim.length === 100)
    peer.reply(0, HINTS + OK)
    await waitFor(() => second.isOver)
    expect([second.failure, second.cause, second.dones]).toEqual(['malformed', expect.any(MessageError), 1])
    await waitFor(() => one.stats.closed.error === 1)
    expect(one.stats.idle).toBe(0)
  })

  it('that nobody is told of count as well', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port)
    const call = new Call(one)
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    peer.reply(0, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(101) + OK)
    await waitFor(() => call.isOver)
    expect([call.failure, call.interim]).toEqual(['malformed', []])
  })
})

describe('a target that is too slow', () => {
  it('with its head fails the request, though it sends interim replies', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port)
    const call = new Call(one)
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    await clock.advanceAsync(1_500)
    peer.reply(0, 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n')
    await waitFor(() => call.interim.length === 2)
    await clock.advanceAsync(499)
    expect(call.dones).toBe(0)
    await clock.advanceAsync(1)
    expect([call.failure, call.interim]).toEqual(['head-timeout', [102, 103]])
  })

  it('within its body fails it, counted from the last bytes', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port)
    const call = new Call(one)
    await waitFor(() => peer.received[0] !== undefined && peer.received[0] !== '')
    peer.reply(0, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
    await waitFor(() => call.status === 200)
    for (let i = 1; i < 4; i++) {
      await clock.advanceAsync(2_900)
      peer.reply(0, 'x')
      await waitFor(() => call.connection!.socket.bytesRead === peer.sockets[0]!.bytesWritten)
    }
    await clock.advanceAsync(2_999)
    expect(call.dones).toBe(0)
    await clock.advanceAsync(1)
    await waitFor(() => call.isOver)
    expect([call.failure, call.error?.message]).toEqual(['body-idle', 'body-idle'])
  })

  it('is not one whose reply is read slowly', async () => {
    const size = 8 * 1_048_576
    const peer = await target((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`),
    )
    const { pool: one, clock } = pool(peer.port)
    const call = new Call(one, { reads: false })
    await waitFor(() => call.body !== undefined)
    const sink = new RecordingSink(1)
    await waitFor(() => call.connection!.isPaused)
    await clock.advanceAsync(1_000_000)
    call.body!.pipe(sink)
    await clock.advanceAsync(1_000_000)
    expect(sink.text.length).toBeLessThan(1_048_576)
    sink.take()
    await waitFor(() => sink.state === 'ended', { timeoutMs: 5_000 })
    expect(sink.text).toHaveLength(size)
    expect(one.stats.idle).toBe(1)
  })

  it('is not one that waits for a body which takes its time', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port)
    const source = new ManualSource()
    const call = new Call(one, { method: 'POST', body: Body.from(source) })
    await waitFor(() => source.sink !== undefined)
    source.write('a')
    await clock.advanceAsync(10_000)
    expect(call.dones).toBe(0)
    source.sink!.end()
    await clock.advanceAsync(1_999)
    expect(call.dones).toBe(0)
    await clock.advanceAsync(1)
    expect(call.failure).toBe('head-timeout')
  })

  it('is not one that has taken all it was given, and waits for more', async () => {
    const peer = await target()
    const { pool: one, clock } = pool(peer.port)
    const source = new ManualSource()
    const call = new Call(one, { method: 'POST', body: Body.from(source, 2 ** 30) })
    await waitFor(() => source.sink !== undefined)
    const chunk = 'x'.repeat(8 * 1_048_576)
    expect(source.write(chunk)).toBe(false)
    await waitFor(() => source.asked.at(-1) === 'resume', { timeoutMs: 5_000 })
    await clock.advanceAsync(10_000)
    expect(call.dones).toBe(0)
  })

  it('to take the request fails it as well', async () => {
    const { pool: one, clock } = await hostile({ kind: 'never-reads' })
    const source = new ManualSource()
    const call = new Call(one, { method: 'POST', body: Body.from(source, 2 ** 30) })
    await waitFor(() => source.sink !== undefined)
    const chunk = 'x'.repeat(1_048_576)
    await waitFor(() => !source.write(chunk) && call.connection!.socket.writableNeedDrain)
    await clock.advanceAsync(2_000)
    await waitFor(() => call.isOver)
    expect(call.failure).toBe('head-timeout')
    expect(source.cancelledWith).toBeInstanceOf(Error)
  })
})

describe('a reply', () => {
  it.each([
    ['to HEAD has no body', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'],
    ['of 304 has no body', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n'],
    ['of 204 has no body', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['of length 0 has none', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('%s, and its connection is free', async (_name, method, reply) => {
    const peer = await target((socket) => socket.write(reply))
    const { pool: one } = pool(peer.port)
    const call = new Call(one, { method })
    await waitFor(() => call.dones === 1)
    expect([call.body!.isEmpty, one.stats.idle]).toEqual([true, 1])
  })

  it('without a length ends with its connection', async () => {
    const peer = await target((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'))
    const { pool: one } = pool(peer.port)
    const call = new Call(one)
    await waitFor(() => call.isOver)
    expect([call.text, call.error]).toEqual(['to the end', undefined])
    await waitFor(() => one.stats.active === 0 && one.stats.idle === 0)
  })

  it('without a length is cut short by a reset, also where that is right behind its bytes', async () => {
    const peer = await target((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nto the')
      socket.resetAndDestroy()
    })
    const { pool: one } = pool(peer.port)
    const calls = Array.from({ length: 10 }, () => new Call(one))
    await waitFor(() => calls.every(({ isOver }) => isOver))
    for (const { text, failure } of calls) expect([text, failure]).toEqual([undefined, 'closed'])
  })

  it('that switches protocols hands over what came behind it, and then all that comes', async () => {
    const peer = await target((socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nfirst'))
    const { pool: one, clock } = pool(peer.port)
    const call = new Call(one, { upgrade: 'echo' })
    await waitFor(() => call.tunnelHead !== undefined)
    expect([call.status, call.tunnelHead!.toString()]).toEqual([101, 'first'])
    expect(peer.received[0]).toContain('Connection: Upgrade\r\nUpgrade: echo\r\n')
    peer.reply(0, ' HTTP/1.1 200 OK\r\n\r\n')
    await waitFor(() => call.text === ' HTTP/1.1 200 OK\r\n\r\n')
    await clock.advanceAsync(1_000_000)
    expect([call.connection!.socket.destroyed, one.stats.active]).toEqual([false, 1])
  })
})
