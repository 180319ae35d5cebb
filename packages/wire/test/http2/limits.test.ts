import { setImmediate as turn } from 'node:timers/promises'
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { PREFACE } from '../../src/http2/frame-reader.ts'
import {
  DATA,
  END_HEADERS,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  RST_STREAM,
  WINDOW_UPDATE,
} from '../../src/http2/frame-types.ts'
import { Body, HeaderList, type Http2ConnectionOptions, type Http2Stream } from '../../src/index.ts'
import { fields, frame, GET, headers, POST, RawClient, settings, uint32 } from './raw-client.ts'
import { answer, serveHttp2 } from './serve-http2.ts'

const CALM = 11

async function open(
  onRequest: (stream: Http2Stream) => void = () => {},
  options: Partial<Http2ConnectionOptions> = {},
) {
  const served = await serveHttp2(onRequest, options)
  const client = await RawClient.open(served.port)
  await waitFor(() => client.frames.length > 1)
  return { ...served, client }
}

/** Moves the time on by steps until something has happened; resolves with how long that took. */
async function passUntil(clock: { advance(ms: number): void }, until: () => boolean): Promise<number> {
  let ms = 0
  await waitFor(() => {
    if (until()) return true
    clock.advance(100)
    ms += 100
    return false
  })
  return ms
}

const bomb = (stream: number): Buffer => {
  const stored = Buffer.concat([Buffer.from([0x40]), fields([['x-bomb', 'x'.repeat(3_900)]]).subarray(1)])
  const block = Buffer.concat([fields(GET), stored, Buffer.alloc(10_000, 0xbe)])
  return frame(HEADERS, END_HEADERS | 1, stream, block)
}

describe('a client that does too often', () => {
  const many = (count: number, make: (index: number) => Buffer): Buffer[] =>
    Array.from({ length: count }, (_, i) => make(i))
  const id = (index: number): number => 2 * index + 1

  it.each([
    ['resets', 'resets', 200, (i: number) => Buffer.concat([headers(id(i)), frame(RST_STREAM, 0, id(i), uint32(8))])],
    ['what has us reset its streams', 'resets', 200, (i: number) => headers(id(i), [...GET, ['X', '1']])],
    ['streams beyond those that it may have', 'resets', 300, (i: number) => headers(id(i))],
    [
      'tunnels that it ends at once',
      'resets',
      200,
      (i: number) => headers(id(i), [[':method', 'CONNECT'], [':protocol', 'a'], ...GET.slice(1)]),
    ],
    ['header bombs', 'overhead', 4, (i: number) => bomb(id(i))],
    ['PING', 'controls', 998, () => frame(PING, 0, 0, '12345678')],
    ['SETTINGS', 'controls', 998, () => settings([3, 1])],
    ['empty DATA', 'controls', 998, (i: number) => (i === 0 ? headers(1, POST, 0) : frame(DATA, 0, 1))],
    ['PRIORITY', 'overhead', 9_362, () => frame(PRIORITY, 0, 1, '12345')],
    [
      'WINDOW_UPDATE',
      'overhead',
      10_082,
      (i: number) => (i === 0 ? headers(1, POST, 0) : frame(WINDOW_UPDATE, 0, 1, uint32(1))),
    ],
    ['frames that nobody knows', 'overhead', 131_072 / 16, () => frame(0xbb, 0, 0, 'unknown')],
    [
      'DATA of a stream that is over',
      'overhead',
      17,
      (i: number) =>
        i === 0
          ? Buffer.concat([headers(1, POST, 0), frame(RST_STREAM, 0, 1, uint32(8))])
          : frame(DATA, 0, 1, Buffer.alloc(16_384)),
    ],
  ] as const)('%s is sent away with the one that is too many', async (_what, reason, count, make) => {
    const { client, refused, streams, connections, clock } = await open()
    client.write(...many(Math.max(0, count - 5), make))
    client.write(frame(PING, 0, 0, 'is there'))
    await waitFor(() => client.of(PING).some(({ payload }) => payload.toString() === 'is there'), { timeoutMs: 5_000 })
    expect(refused).toEqual([])
    client.write(...many(12, (i) => make(Math.max(0, count - 5) + i)))
    await waitFor(() => client.goneAway.length > 0)
    expect([client.goneAway, refused]).toEqual([[CALM], [reason]])
    expect(streams.length).toBeLessThanOrEqual(100)
    await passUntil(clock, () => connections.size === 0)
  })

  it('anything may do it again as time passes', async () => {
    const { client, refused, clock } = await open(undefined, { controlBurst: 20, controlsPerSecond: 10 })
    for (let round = 0; round < 5; round++) {
      client.write(...many(10, () => frame(PING, 0, 0, '12345678')))
      await waitFor(() => client.of(PING).length === 10 * (round + 1))
      clock.advance(1_000)
    }
    expect(refused).toEqual([])
  })
})

describe('a head that is too large', () => {
  it('is let through to be answered, or reset where it is far too large; the table stays right', async () => {
    const { client, streams } = await open((stream) => answer(stream, stream.head.fault ?? 'none'), {
      maxHeaderBytes: 1_000,
      maxHeaderCount: 10,
      maxListBytes: 3_000,
      maxListCount: 20,
    })
    const stored = (name: string): Buffer => Buffer.concat([Buffer.from([0x40]), fields([[name, 'v']]).subarray(1)])
    const block = (...parts: Buffer[]): Buffer => Buffer.concat([fields(GET), ...parts])
    const send = (id: number, ...parts: Buffer[]): void =>
      client.write(frame(HEADERS, END_HEADERS | 1, id, block(...parts)))
    send(1, stored('x-first'))
    send(3, fields([['x', 'v'.repeat(1_200)]]))
    send(5, fields(Array.from({ length: 12 }, (_, i) => [`x-${i}`, ''] as const)))
    // What is not looked at any more goes into the table all the same.
    send(7, fields([['x', 'v'.repeat(3_000)]]), stored('x-second'), fields([['x-plain', 'v']]))
    send(9, fields(Array.from({ length: 20 }, (_, i) => [`x-${i}`, ''] as const)))
    send(11, Buffer.from([0xbe, 0xbf]))
    await waitFor(() => client.hasEnded(11))
    expect([7, 9].map((id) => client.resetOf(id))).toEqual([CALM, CALM])
    expect([1, 3, 5, 11].map((id) => client.bodyOf(id).toString())).toEqual(['none', 'too-large', 'too-large', 'none'])
    expect(streams.at(-1)!.head.headers.toJSON()).toMatchObject({ 'x-second': 'v', 'x-first': 'v' })
  })

  it('may be cookies in crumbs, which are one field', async () => {
    const { client, streams } = await open((stream) => answer(stream))
    client.write(headers(1, [...GET, ...Array.from({ length: 200 }, (_, i) => ['cookie', `a${i}=b`] as const)]))
    await waitFor(() => streams.length === 1)
    expect(streams[0]!.head.headers.getAll('cookie')).toEqual([
      Array.from({ length: 200 }, (_, i) => `a${i}=b`).join('; '),
    ])
  })
})

describe('a client that waits', () => {
  it.each([
    ['within a head', frame(HEADERS, 0, 1, fields(GET))],
    ['within a frame', headers(1).subarray(0, 20)],
    ['within the first bytes of a frame', headers(1).subarray(0, 4)],
  ])('%s is not waited for for long', async (_what, bytes) => {
    const { client, clock, connections } = await open()
    client.write(bytes)
    await new Promise((resolve) => setTimeout(resolve, 20))
    clock.advance(900)
    await turn()
    expect(client.goneAway).toEqual([])
    await passUntil(clock, () => client.goneAway.length > 0)
    await passUntil(clock, () => connections.size === 0)
  })

  it('within the preface is not waited for for long', async () => {
    const { port, clock, connections } = await open()
    const client = await RawClient.connect(port)
    client.write(PREFACE.subarray(0, 10))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await passUntil(clock, () => client.goneAway.length > 0)).toBeLessThanOrEqual(1_500)
    await passUntil(clock, () => connections.size === 1)
  })

  it('with nothing to ask is sent away, in order, and closed though it never answers', async () => {
    const { client, clock, connections } = await open((stream) => answer(stream))
    client.write(headers(1))
    await waitFor(() => client.hasEnded(1))
    expect(await passUntil(clock, () => client.goneAway.length > 0)).toBeGreaterThanOrEqual(4_900)
    expect([client.goneAway, client.of(GOAWAY)[0]!.payload.readUInt32BE(0)]).toEqual([[0], 1])
    // Its end stays open.
    await passUntil(clock, () => connections.size === 0)
  })

  it('with reading keeps a bounded lot waiting, and is closed', async () => {
    const { client, clock, connections, streams } = await open((stream) => {
      stream.respond(200, new HeaderList({ 'X-Large': 'x'.repeat(10_000) }), Body.ofLatin1('x'.repeat(10_000)))
    })
    client.write(settings([4, 2 ** 31 - 1]), frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 30)))
    client.socket.pause()
    const [connection] = [...connections]
    // As many at a time as it may, until nothing more is read of it.
    for (let sent = 0, begun = -1; begun !== streams.length;) {
      begun = streams.length
      for (let i = 0; i < 50; i++) client.write(headers(2 * sent++ + 1))
      await waitFor(() => streams.length === sent, { timeoutMs: 100 }).catch(() => {})
    }
    const begun = streams.length
    const waiting = connection!.socket.writableLength
    client.write(...Array.from({ length: 500 }, () => frame(PING, 0, 0, '12345678')))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(connection!.socket.writableLength).toBe(waiting)
    expect(connection!.socket.writableLength).toBeLessThan(3_000_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(streams.length).toBe(begun)
    expect(await passUntil(clock, () => connections.size === 0)).toBeLessThanOrEqual(3_500)
  })
})

it('a client that never reads what is large has little of it waiting', async () => {
  const { client, connections } = await open((stream) =>
    stream.respond(200, new HeaderList(), Body.of(Buffer.alloc(30_000_000))),
  )
  client.socket.pause()
  client.write(settings([4, 2 ** 31 - 1]), frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 30)), headers(1), headers(3))
  const [connection] = [...connections]
  await waitFor(() => connection!.socket.writableLength > 0, { timeoutMs: 3_000 })
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(connection!.socket.writableLength).toBeLessThan(400_000)
})

it('a client that was sent away and goes on is not listened to for long', async () => {
  const { client, connections } = await open()
  client.write(frame(DATA, 0, 1, 'x'))
  await waitFor(() => client.goneAway.length > 0)
  const more = Buffer.alloc(100_000)
  await waitFor(() => (client.write(more), connections.size === 0))
})

it('a client that is told to go, and does not say that it knows, is not waited for', async () => {
  const { client, clock, streams } = await open((stream) => (stream.id === 1 ? undefined : answer(stream)), {
    maxRequests: 2,
    bodyIdleTimeoutMs: 0,
  })
  client.write(headers(1), headers(3))
  await waitFor(() => client.hasEnded(3) && client.goneAway.length === 1)
  // What it has sent before it knew is served.
  client.write(headers(5))
  await waitFor(() => client.hasEnded(5))
  await passUntil(clock, () => client.goneAway.length === 2)
  expect(client.of(GOAWAY).map(({ payload }) => payload.readUInt32BE(0))).toEqual([2 ** 31 - 1, 5])
  client.write(headers(7))
  answer(streams[0]!)
  await waitFor(() => client.hasEnded(1) && client.goneAway.length === 3)
  expect(streams.map(({ id }) => id)).toEqual([1, 3, 5])
})

describe('what a callback of the owner’s throws', () => {
  it('ends its stream, and no other', async () => {
    const { client, errors } = await open((stream) => {
      if (stream.id === 1) throw new Error('from request')
      if (stream.id === 3)
        stream.body.pipe({
          begin() {},
          write() {
            throw new Error('from write')
          },
          end() {},
          abort() {},
        })
      if (stream.id === 5) answer(stream)
    })
    client.write(headers(1), headers(3, POST, 0), frame(DATA, 0, 3, 'x'), headers(5))
    await waitFor(() => client.hasEnded(5) && client.resetOf(1) !== undefined && client.resetOf(3) !== undefined)
    expect([client.resetOf(1), client.resetOf(3), client.goneAway]).toEqual([2, 2, []])
    expect(errors.map((each) => (each as Error).message)).toEqual(['from request', 'from write'])
  })
})
