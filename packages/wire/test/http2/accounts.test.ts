import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { PREFACE } from '../../src/http2/frame-reader.ts'
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  WINDOW_UPDATE,
} from '../../src/http2/frame-types.ts'
import { HpackEncoder } from '../../src/http2/hpack-encoder.ts'
import { UnreadBytes } from '../../src/http2/unread-bytes.ts'
import { Body, type BodySink, HeaderList, type Http2Stream } from '../../src/index.ts'
import { fields, frame, GET, headers, POST, RawClient, settings } from './raw-client.ts'
import { answer, serveHttp2 } from './serve-http2.ts'

const KIB = 1_024

/** A reader that has a body flow, and takes what comes or not. */
function sinkOf(write: (chunk: Uint8Array) => boolean): BodySink {
  return { begin() {}, write, end() {}, abort() {} }
}

/** Bytes by which the connection's window was opened behind the beginning. */
function reopened(client: RawClient): number {
  return client.of(WINDOW_UPDATE, 0).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
}

describe('the window of a connection is given back', () => {
  /** Sends far more than the window in many bodies, as it is opened. */
  async function uploads(
    onRequest: (stream: Http2Stream) => void,
    bodies: (id: number, content: Buffer) => readonly Buffer[],
  ): Promise<RawClient> {
    const { port } = await serveHttp2(onRequest, { connectionWindowBytes: 65_535, resetBurst: 1_000 })
    const client = await RawClient.open(port)
    const content = Buffer.alloc(8 * KIB)
    for (let i = 0, sent = 0; i < 40; i++) {
      await waitFor(() => 65_535 + reopened(client) - sent >= content.byteLength)
      sent += content.byteLength
      client.write(...bodies(2 * i + 1, content))
    }
    expect(client.goneAway).toEqual([])
    return client
  }

  it('by bodies that were answered and not read', async () => {
    await uploads(
      (stream) => answer(stream),
      (id, content) => [headers(id, POST, 0), frame(DATA, END_STREAM, id, content)],
    )
  })

  it('by bodies that are longer than was said', async () => {
    await uploads(
      () => {},
      (id, content) => [headers(id, [...POST, ['content-length', '5']], 0), frame(DATA, END_STREAM, id, content)],
    )
  })

  it('by bodies whose reader throws, or gives up within its call', async () => {
    await uploads(
      (stream) =>
        stream.body.pipe(
          sinkOf(() => {
            if (stream.id % 4 === 1) throw new Error('from write')
            stream.reset()
            return true
          }),
        ),
      (id, content) => [headers(id, POST, 0), frame(DATA, END_STREAM, id, content)],
    )
  })

  it('and by no more than was sent', async () => {
    const client = await uploads(
      (stream) => stream.body.pipe(sinkOf(() => (stream.reset(), true))),
      (id, content) => [headers(id, POST, 0), frame(DATA, 0, id, content)],
    )
    expect(reopened(client)).toBeLessThanOrEqual(40 * 8 * KIB)
  })
})

describe('the window of a stream', () => {
  it('that is smaller than the one the client believed in is opened again', async () => {
    let got = 0
    const { port } = await serveHttp2(
      (stream) =>
        stream.body.pipe({
          ...sinkOf((chunk) => ((got += chunk.byteLength), true)),
          end: () => answer(stream, String(got)),
        }),
      { streamWindowBytes: 1_000 },
    )
    const client = await RawClient.connect(port)
    // As every client does: its first request is on its way before it has heard of anything.
    client.write(PREFACE, settings(), headers(1, POST, 0))
    await waitFor(() => client.frames.length > 0)
    const opened = (): number =>
      client.of(WINDOW_UPDATE, 1).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
    let sent = 0
    while (sent < 10_000) {
      await waitFor(() => 1_000 + opened() > sent)
      const room = 1_000 + opened() - sent
      client.write(frame(DATA, 0, 1, Buffer.alloc(room)))
      sent += room
    }
    client.write(frame(DATA, END_STREAM, 1))
    await waitFor(() => client.hasEnded(1))
    expect(Number(client.bodyOf(1).toString())).toBe(sent)
  })

  it('that is less than nothing holds up no end, and opens no other window', async () => {
    let sink: BodySink | undefined
    const { port, streams } = await serveHttp2((stream) => {
      if (stream.id === 1)
        stream.respond(200, new HeaderList(), Body.from({ start: (it) => void (sink = it), resume() {}, cancel() {} }))
    })
    const client = await RawClient.open(port)
    client.write(headers(1))
    await waitFor(() => sink !== undefined)
    sink!.write(Buffer.alloc(10 * KIB))
    await waitFor(() => client.bodyOf(1).byteLength === 10 * KIB)
    client.write(settings([4, 0]))
    await waitFor(() => streams[0]!.sendWindow === -10 * KIB)
    const { scheduler } = streams[0]!.connection.writer
    const before = scheduler.window
    sink!.end()
    await waitFor(() => client.hasEnded(1))
    expect([scheduler.window, scheduler.queuedBytes]).toEqual([before, 0])
  })
})

describe('what waits to be read', () => {
  it('takes no object for each byte that came in a frame of its own', () => {
    const unread = new UnreadBytes()
    const byte = Buffer.from('x')
    for (let i = 0; i < 65_535; i++) unread.add(byte, 0, 1)
    expect(unread.pieces).toBeLessThan(30)
    expect(unread.clear()).toBe(65_535)
    expect(unread.isEmpty).toBe(true)
  })

  it('is what came, in order, however it came, and is not written to once it was taken', () => {
    const unread = new UnreadBytes()
    const all = Buffer.from(Array.from({ length: 60_000 }, (_, i) => i % 251))
    const taken: Buffer[] = []
    const copies: Buffer[] = []
    for (let at = 0, step = 0; at < all.byteLength; step++) {
      const to = Math.min(all.byteLength, at + [1, 3, 4_096, 2, 2_000, 4_095, 5_000, 7][step % 8]!)
      unread.add(all, at, to)
      at = to
      if (step % 5 !== 4) continue
      taken.push(unread.take())
      copies.push(Buffer.from(taken.at(-1)!))
    }
    while (!unread.isEmpty) taken.push(unread.take())
    expect(Buffer.concat(taken).equals(all)).toBe(true)
    copies.forEach((copy, index) => expect(copy.equals(taken[index]!)).toBe(true))
  })

  it('reaches its reader whole where it came byte by byte', async () => {
    const { port, streams } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    const content = Buffer.from(Array.from({ length: 3_000 }, (_, i) => i % 251))
    client.write(headers(1, POST, 0), ...Array.from(content, (byte) => frame(DATA, 0, 1, Buffer.from([byte]))))
    await waitFor(() => streams[0]?.bytesReceived === content.byteLength)
    client.write(frame(DATA, END_STREAM, 1))
    expect((await streams[0]!.body.bytes()).equals(content)).toBe(true)
  })
})

describe('a table that a client makes smaller and larger in one breath', () => {
  it('goes down in between, and says so', () => {
    const encoder = new HpackEncoder()
    encoder.reply(200, new HeaderList({ 'x-a': 'b' }), undefined)
    encoder.reply(200, new HeaderList({ 'x-a': 'b' }), undefined)
    encoder.allow(0)
    encoder.allow(4_096)
    expect(Buffer.from(encoder.reply(200, new HeaderList(), undefined), 'latin1').toString('hex')).toBe('203fe11f88')
  })

  it('does so within one SETTINGS frame', async () => {
    const { port } = await serveHttp2((stream) => answer(stream))
    const client = await RawClient.open(port, settings([1, 0], [1, 4_096]))
    client.write(headers(1))
    await waitFor(() => client.hasEnded(1))
    expect(client.of(HEADERS, 1)[0]!.payload.toString('hex')).toMatch(/^203fe11f88/)
  })
})

describe('what is of use to nobody', () => {
  it.each([
    ['GOAWAY behind GOAWAY', 'overhead', 8_000, () => frame(GOAWAY, 0, 0, Buffer.alloc(8))],
    ['DATA with nothing but the length of its padding', 'controls', 1_000, () => frame(DATA, PADDED, 1, '\0')],
  ] as const)('%s is counted', async (_what, reason, count, make) => {
    const { port, refused } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    client.write(headers(1, POST, 0), ...Array.from({ length: count }, make))
    await waitFor(() => client.goneAway.includes(11))
    expect(refused).toEqual([reason])
  })

  it('answers to a PING that said goodbye are counted from the second on', async () => {
    const { port, refused } = await serveHttp2(() => {}, { maxRequests: 1 })
    const client = await RawClient.open(port)
    client.write(headers(1))
    await waitFor(() => client.of(PING).length === 1)
    const { payload } = client.of(PING)[0]!
    client.write(...Array.from({ length: 1_010 }, () => frame(PING, 1, 0, payload)))
    await waitFor(() => client.goneAway.includes(11))
    expect(refused).toEqual(['controls'])
  })

  it('begins no request in the frame that is too much', async () => {
    const { port, streams } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    // What is unknown takes from the same allowance as padding, and leaves less than there is of it.
    const filler = [16_384, 16_384, 16_384, 16_384, 16_384, 16_384, 16_384, 16_200].map((size) =>
      frame(0xbb, 0, 0, Buffer.alloc(size)),
    )
    const block = Buffer.concat([Buffer.from([255]), fields(GET), Buffer.alloc(255)])
    client.write(...filler, frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1, block))
    await waitFor(() => client.goneAway.length > 0)
    expect([client.goneAway, client.of(GOAWAY)[0]!.payload.readUInt32BE(0)]).toEqual([[11], 0])
    expect(streams).toEqual([])
  })
})

describe('a head', () => {
  it('loses crumbs of cookies that are empty', async () => {
    const { port, streams } = await serveHttp2((stream) => answer(stream))
    const client = await RawClient.open(port)
    client.write(
      headers(1, [...GET, ['cookie', ''], ['cookie', 'a=b'], ['cookie', ''], ['cookie', 'c=d'], ['cookie', '']]),
    )
    await waitFor(() => client.hasEnded(1))
    expect(streams[0]!.head.headers.getAll('cookie')).toEqual(['a=b; c=d'])
  })

  it.each(['http://a.test/', 'a.test:80'])('of an extended CONNECT has a path: not %s', async (path) => {
    const { port, streams } = await serveHttp2((stream) => answer(stream))
    const client = await RawClient.open(port)
    const connect = [
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'http'],
      [':authority', 'a.test'],
      [':path', path],
    ] as const
    client.write(headers(1, connect, 0))
    await waitFor(() => streams.length === 1)
    expect(streams[0]!.head.fault).toBe('target')
  })
})
