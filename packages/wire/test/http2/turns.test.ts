import { setImmediate as turn } from 'node:timers/promises'
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { DATA, END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE } from '../../src/http2/frame-types.ts'
import { Body, type BodyFlow, type BodySink, HeaderList, type Http2Stream } from '../../src/index.ts'
import { frame, GET, headers, POST, RawClient, settings, uint32 } from './raw-client.ts'
import { answer, type ServedHttp2, serveHttp2 } from './serve-http2.ts'

const requests = (count: number, first = 0): Buffer[] =>
  Array.from({ length: count }, (_, index) => headers(2 * (first + index) + 1))
const cancel = (stream: number): Buffer => frame(RST_STREAM, 0, stream, uint32(8))

/** A body whose flow the test has in its hands. */
function handmade(): { body: Body; sink: () => BodySink; resumes: () => number; cancelled: () => boolean } {
  let taker: BodySink | undefined
  let resumes = 0
  let isCancelled = false
  const body = Body.from({
    start: (sink) => void (taker = sink),
    resume: () => void resumes++,
    cancel: () => void (isCancelled = true),
  })
  return { body, sink: () => taker!, resumes: () => resumes, cancelled: () => isCancelled }
}

describe('a turn of the event loop', () => {
  it('begins a few requests of a connection, and the next turns the others', async () => {
    const perTurn: number[] = []
    let begun = 0
    const { port, streams } = await serveHttp2(() => {
      if (begun++ === 0) setImmediate(count)
    })
    function count(): void {
      perTurn.push(begun - perTurn.reduce((sum, each) => sum + each, 0))
      if (begun < 50) setImmediate(count)
    }
    const client = await RawClient.open(port)
    await waitFor(() => client.frames.length > 0)
    client.write(...requests(50))
    await waitFor(() => streams.length === 50)
    await turn()
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(16)
    expect(perTurn.length).toBeGreaterThan(3)
    expect(streams.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, index) => 2 * index + 1))
  })

  it('begins fewer where they take their time, but one of each connection', async () => {
    const begun: Http2Stream[][] = [[]]
    const served = await serveHttp2((stream) => {
      if (begun.at(-1)!.length === 0) setImmediate(() => setImmediate(() => void begun.push([])))
      begun.at(-1)!.push(stream)
      served.busyMs++
    })
    const { port, streams } = served
    const clients = await Promise.all([RawClient.open(port), RawClient.open(port), RawClient.open(port)])
    await waitFor(() => clients.every(({ frames }) => frames.length > 0))
    for (const client of clients) client.write(...requests(20))
    await waitFor(() => streams.length === 60)
    // Two or three turns at a time.
    expect(Math.max(...begun.map(({ length }) => length))).toBeLessThanOrEqual(3 * (2 + clients.length))
    // None has its last one begun long before the others.
    const lasts = streams.flatMap(({ id }, index) => (id === 39 ? index : []))
    expect(Math.min(...lasts)).toBeGreaterThan(30)
  })

  it('begins nothing that is taken back in the same breath', async () => {
    const { port, streams } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    await waitFor(() => client.frames.length > 0)
    client.write(...requests(100).flatMap((each, index) => [each, cancel(2 * index + 1)]), headers(1_001))
    await waitFor(() => streams.length > 0)
    expect(streams.map(({ id }) => id)).toEqual([1_001])
  })

  it.each([
    ['time out', (served: ServedHttp2) => served.clock.advance(3_050)],
    ['lose their connection', (_served: ServedHttp2, client: RawClient) => void client.socket.destroy()],
  ])('breaks off a few of those that %s, and the next turns the others', async (_what, end) => {
    const perTurn = [0]
    const served = await serveHttp2((stream) => {
      const { observer } = stream
      stream.observer = {
        ...observer!,
        aborted() {
          if (perTurn.at(-1) === 0) setImmediate(() => setImmediate(() => void perTurn.push(0)))
          perTurn[perTurn.length - 1]!++
          served.busyMs++
        },
      }
      stream.respond(200, new HeaderList(), Body.of(Buffer.alloc(100_000)))
    })
    const client = await RawClient.open(served.port)
    await waitFor(() => client.frames.length > 0)
    client.write(...requests(40))
    await waitFor(() => client.of(HEADERS).length === 40)
    served.clock.advance(200)
    end(served, client)
    await waitFor(() => served.streams.every(({ isClosed }) => isClosed))
    // Two or three turns at a time, and two looks at timeouts.
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(10)
    expect(perTurn.reduce((sum, each) => sum + each, 0)).toBe(40)
  })

  it('begins a few of those whose replies the client could not take, until it can, or these have ended', async () => {
    const { port, streams } = await serveHttp2(() => {})
    const client = await RawClient.open(port, settings([4, 1_023]))
    await waitFor(() => client.frames.length > 0)
    client.write(...requests(20))
    const begun = async (): Promise<number[]> => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      return streams.map(({ id }) => id)
    }
    const first = [1, 3, 5, 7, 9, 11, 13, 15]
    expect(await begun()).toEqual(first)
    // It is there for one that stands behind others.
    client.write(frame(WINDOW_UPDATE, 0, 33, uint32(1)))
    expect(await begun()).toEqual([...first, 33])
    client.write(cancel(5))
    expect(await begun()).toEqual([...first, 33, 17])
    answer(streams[0]!)
    expect(await begun()).toEqual([...first, 33, 17, 19])
    client.write(settings([4, 65_535]))
    expect(await begun()).toEqual([...first, 33, 17, 19, 21, 23, 25, 27, 29, 31, 35, 37, 39])
  })

  it('refuses those that wait for a window as long as a reply would', async () => {
    const { clock, port, streams } = await serveHttp2((stream) =>
      stream.respond(200, new HeaderList(), Body.of(Buffer.alloc(10))),
    )
    const client = await RawClient.open(port, settings([4, 0]))
    await waitFor(() => client.frames.length > 0)
    client.write(...requests(30))
    await waitFor(() => client.of(HEADERS).length === 8)
    clock.advance(200)
    clock.advance(3_050)
    await waitFor(() => client.of(RST_STREAM).length === 30)
    expect(streams).toHaveLength(8)
    // Those may be sent again (RFC 9113, section 8.7).
    expect([15, 17, 59].map((id) => client.resetOf(id))).toEqual([2, 7, 7])
  })

  it('begins those whose replies the client could not take where it has nothing to take yet', async () => {
    const made = Array.from({ length: 12 }, handmade)
    const { port, streams } = await serveHttp2((stream) =>
      stream.respond(200, new HeaderList(), made[stream.id >> 1]!.body),
    )
    const client = await RawClient.open(port, settings([4, 0]))
    await waitFor(() => client.frames.length > 0)
    client.write(...requests(12))
    await waitFor(() => streams.length === 12)
    for (const { sink } of made) sink().write(Buffer.from('event'))
    client.write(headers(25))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(streams).toHaveLength(12)
    client.write(settings([4, 65_535]))
    await waitFor(() => streams.length === 13)
  })

  it('writes all replies in one piece', async () => {
    const { port, streams } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    client.write(...requests(20))
    await waitFor(() => streams.length === 20 && client.frames.length > 0)
    await turn()
    const before = client.reads.length
    for (const stream of streams) answer(stream, 'x'.repeat(500))
    await waitFor(() => client.hasEnded(39))
    expect(client.reads.length - before).toBe(1)
    expect(streams.every(({ isClosed }) => isClosed)).toBe(true)
  })
})

describe('bodies of replies', () => {
  it('take turns, and a large one holds up no small one', async () => {
    const bodies = new Map<number, Body>([
      [1, Body.of(Buffer.alloc(1_000_000, 'a'))],
      [3, Body.of(Buffer.alloc(100_000, 'b'))],
      [5, Body.of(Buffer.alloc(40_000, 'c'))],
    ])
    const { port, ends } = await serveHttp2((stream) => stream.respond(200, new HeaderList(), bodies.get(stream.id)!))
    const client = await RawClient.open(port, settings([4, 2 ** 30]))
    client.write(frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 30)), ...requests(3))
    await waitFor(() => [1, 3, 5].every((id) => client.hasEnded(id)), { timeoutMs: 5_000 })
    const order = client.of(DATA).map(({ stream }) => stream)
    expect(order.slice(0, 6)).toEqual([1, 3, 5, 1, 3, 5])
    expect(
      client
        .of(DATA)
        .filter(({ flags }) => (flags & END_STREAM) !== 0)
        .map(({ stream }) => stream),
    ).toEqual([5, 3, 1])
    expect([1, 3, 5].map((id) => client.bodyOf(id).equals(Buffer.from([...bodies.get(id)!.inMemory!])))).toEqual([
      true,
      true,
      true,
    ])
    expect(ends).toEqual([undefined, undefined, undefined])
  })

  it('stay within the windows of their stream and of their connection, however these change', async () => {
    const { port, streams } = await serveHttp2((stream) =>
      stream.respond(200, new HeaderList(), Body.of(Buffer.alloc(100_000, 'x'))),
    )
    const client = await RawClient.open(port, settings([4, 10]))
    const sent = (id?: number): number => client.of(DATA, id).reduce((sum, each) => sum + each.payload.byteLength, 0)
    client.write(...requests(2))
    await waitFor(() => sent() === 20)
    client.write(settings([4, 1_000]))
    await waitFor(() => sent() === 2_000)
    // Less than nothing: what was sent stays sent (RFC 9113, section 6.9.2).
    client.write(settings([4, 500]), frame(WINDOW_UPDATE, 0, 1, uint32(600)))
    await waitFor(() => sent(1) === 1_100)
    expect(sent(3)).toBe(1_000)
    client.write(settings([4, 2 ** 20]))
    await waitFor(() => sent() === 65_535)
    await turn()
    expect(sent()).toBe(65_535)
    client.write(frame(WINDOW_UPDATE, 0, 0, uint32(1_000_000)))
    await waitFor(() => client.hasEnded(1) && client.hasEnded(3))
    expect([sent(1), sent(3), streams.every(({ isClosed }) => isClosed)]).toEqual([100_000, 100_000, true])
  })

  it('that are small and whole stay within them as well', async () => {
    const { port } = await serveHttp2((stream) => answer(stream, 'x'.repeat(stream.id === 1 ? 100 : 16_000)))
    const client = await RawClient.open(port, settings([4, 40]))
    client.write(headers(1))
    await waitFor(() => client.bodyOf(1).byteLength === 40)
    client.write(settings([4, 20_000]))
    await waitFor(() => client.hasEnded(1))
    client.write(...requests(5, 1))
    const sent = (): number => client.of(DATA).reduce((sum, each) => sum + each.payload.byteLength, 0)
    await waitFor(() => sent() === 65_535)
    client.write(frame(WINDOW_UPDATE, 0, 0, uint32(100_000)))
    await waitFor(() => sent() === 100 + 5 * 16_000)
  })

  it('that are reset in the turn in which they were complete are not sent', async () => {
    const { port, ends } = await serveHttp2((stream) => {
      stream.respond(200, new HeaderList(), Body.of(Buffer.from('whole')))
      stream.reset(8)
    })
    const client = await RawClient.open(port)
    client.write(headers(1), headers(3))
    await waitFor(() => client.resetOf(3) !== undefined)
    expect([client.of(DATA), ends.map((each) => each instanceof Error)]).toEqual([[], [true, true]])
  })

  it('of tunnels end by themselves: a stream is over when both its sides are', async () => {
    const made = handmade()
    const { port, streams, ends } = await serveHttp2((stream) => stream.openTunnel(new HeaderList(), made.body))
    const client = await RawClient.open(port)
    client.write(headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)], 0))
    await waitFor(() => streams.length === 1)
    made.sink().end()
    await waitFor(() => client.hasEnded(1))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([streams[0]!.isClosed, client.resetOf(1), ends]).toEqual([false, undefined, [undefined]])
    client.write(frame(DATA, END_STREAM, 1, 'bye'))
    await waitFor(() => streams[0]!.isClosed)
    expect(client.resetOf(1)).toBeUndefined()
  })

  it('wait with their source: it goes on when what waited is gone', async () => {
    const made = handmade()
    const { port } = await serveHttp2((stream) => stream.respond(200, new HeaderList(), made.body))
    const client = await RawClient.open(port)
    client.write(...requests(1))
    await waitFor(() => client.frames.some(({ stream }) => stream === 1))
    expect(made.sink().write(Buffer.alloc(60_000))).toBe(true)
    expect(made.sink().write(Buffer.alloc(60_000))).toBe(false)
    await waitFor(() => client.bodyOf(1).byteLength === 65_535)
    expect(made.resumes()).toBe(0)
    client.write(frame(WINDOW_UPDATE, 0, 0, uint32(100_000)), frame(WINDOW_UPDATE, 0, 1, uint32(40_000)))
    await waitFor(() => made.resumes() === 1)
    made.sink().end()
    await waitFor(() => client.bodyOf(1).byteLength === 105_535)
    expect(client.hasEnded(1)).toBe(false)
    client.write(frame(WINDOW_UPDATE, 0, 1, uint32(40_000)))
    await waitFor(() => client.hasEnded(1))
    expect(client.bodyOf(1).byteLength).toBe(120_000)
  })

  it('are given up with a stream that the client resets, and reset where they break off', async () => {
    const made = [handmade(), handmade()]
    const { port, ends, aborts } = await serveHttp2((stream) =>
      stream.respond(200, new HeaderList(), made[stream.id >> 1]!.body),
    )
    const client = await RawClient.open(port)
    client.write(...requests(2))
    await waitFor(() => client.frames.some(({ stream }) => stream === 3))
    client.write(cancel(1))
    await waitFor(() => made[0]!.cancelled())
    made[1]!.sink().write(Buffer.from('part'))
    made[1]!.sink().abort(new Error('broken'))
    await waitFor(() => client.resetOf(3) !== undefined)
    expect([client.resetOf(3), client.hasEnded(3)]).toEqual([2, false])
    expect(ends.map((each) => each instanceof Error)).toEqual([true, true])
    expect(aborts).toHaveLength(2)
  })
})

describe('bodies of requests', () => {
  /** Takes what it is given, and asks to wait behind each piece. */
  function slow(stream: Http2Stream, isReady = false) {
    let [bytes, isEnded] = [0, false]
    let flow: BodyFlow
    stream.body.pipe({
      begin: (given) => void (flow = given),
      write: (chunk) => ((bytes += chunk.byteLength), isReady),
      end: () => void (isEnded = true),
      abort() {},
    })
    return { bytes: () => bytes, flow: () => flow, hasEnded: () => isEnded }
  }

  it('are given room for as they are taken, and no sooner', async () => {
    const { port, streams } = await serveHttp2(() => {}, { streamWindowBytes: 65_535, connectionWindowBytes: 100_000 })
    const client = await RawClient.open(port)
    client.write(headers(1, POST, 0), frame(DATA, 0, 1, Buffer.alloc(16_000)), frame(DATA, 0, 1, Buffer.alloc(16_000)))
    client.write(frame(DATA, 0, 1, Buffer.alloc(16_000)))
    await waitFor(() => streams.length === 1 && streams[0]!.bytesReceived === 48_000)
    const opened = client.of(WINDOW_UPDATE).length
    const reader = slow(streams[0]!)
    expect(reader.bytes()).toBe(16_000)
    reader.flow().resume()
    await turn()
    expect([reader.bytes(), client.of(WINDOW_UPDATE).length]).toEqual([32_000, opened])
    reader.flow().resume()
    reader.flow().resume()
    await waitFor(() => client.of(WINDOW_UPDATE, 1).length === 1)
    expect(client.of(WINDOW_UPDATE, 1)[0]!.payload.readUInt32BE(0)).toBe(48_000)
    client.write(frame(DATA, END_STREAM, 1, 'end'))
    await waitFor(() => reader.bytes() === 48_003)
    expect(reader.hasEnded()).toBe(false)
    reader.flow().resume()
    expect(reader.hasEnded()).toBe(true)
  })

  it('may be padded, which counts, and is given back', async () => {
    const { port, streams } = await serveHttp2((stream) => {
      slow(stream, true)
    })
    const client = await RawClient.open(port)
    const padded = frame(DATA, 8, 1, Buffer.concat([Buffer.of(255), Buffer.alloc(256)]))
    client.write(headers(1, POST, 0), ...Array.from({ length: 200 }, () => padded))
    await waitFor(() => client.of(WINDOW_UPDATE, 1).length > 0)
    client.write(...Array.from({ length: 200 }, () => padded))
    await waitFor(() => streams[0]!.bytesReceived === 400)
    expect(client.resetOf(1)).toBeUndefined()
  })

  it('end their stream where they are more than the window', async () => {
    const { port } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    client.write(headers(1, POST, 0), ...Array.from({ length: 5 }, () => frame(DATA, 0, 1, Buffer.alloc(16_000))))
    await waitFor(() => client.resetOf(1) === 3)
    expect(client.goneAway).toEqual([])
  })

  it('end their connection where all together are more than its window', async () => {
    const { port } = await serveHttp2(() => {}, { connectionWindowBytes: 65_535 })
    const client = await RawClient.open(port)
    for (const id of [1, 3]) {
      client.write(headers(id, POST, 0), ...[1, 2, 3].map(() => frame(DATA, 0, id, Buffer.alloc(16_000))))
    }
    await waitFor(() => client.goneAway.length > 0)
    expect(client.goneAway).toEqual([3])
  })

  it('that nobody wants hold up no others', async () => {
    const { port, streams } = await serveHttp2((stream) => stream.body.cancel(), { connectionWindowBytes: 65_535 })
    const client = await RawClient.open(port)
    for (let id = 1; id <= 19; id += 2) {
      // Before anybody has said so, and behind that.
      client.write(headers(id, POST, 0), frame(DATA, 0, id, Buffer.alloc(10_000)))
      await waitFor(() => streams.at(-1)?.id === id)
      client.write(...[1, 2].map(() => frame(DATA, 0, id, Buffer.alloc(10_000))))
      await waitFor(() => streams.at(-1)!.bytesReceived === 30_000)
    }
    await waitFor(() => client.of(WINDOW_UPDATE, 0).length >= 5)
    expect(client.goneAway).toEqual([])
  })

  it('are in memory where all has come with the head, and its length was said', async () => {
    const bodies: Body[] = []
    const { port } = await serveHttp2((stream) => {
      bodies.push(stream.body)
      answer(stream)
    })
    const client = await RawClient.open(port)
    client.write(headers(1, [...POST, ['content-length', '4']], 0), frame(DATA, END_STREAM, 1, 'body'))
    client.write(headers(3, POST, 0), frame(DATA, END_STREAM, 3, 'body'))
    await waitFor(() => client.hasEnded(1) && client.hasEnded(3))
    expect(bodies.map((body) => [body.inMemory?.toString(), body.length])).toEqual([
      ['body', 4],
      [undefined, undefined],
    ])
  })

  it('that nobody has read when their stream is reset are not taken for empty ones', async () => {
    const { port, streams } = await serveHttp2(() => {})
    const client = await RawClient.open(port)
    client.write(headers(1, POST, 0), frame(DATA, END_STREAM, 1, 'whole'))
    await waitFor(() => streams.length === 1)
    client.write(cancel(1))
    await waitFor(() => streams[0]!.isClosed)
    await expect(streams[0]!.body.bytes()).rejects.toThrow('the client has reset the stream')
  })

  it('are not waited for once the reply is out: their clients may stop', async () => {
    const { port, ends, aborts } = await serveHttp2((stream) => answer(stream, 'no', 401))
    const client = await RawClient.open(port)
    client.write(headers(1, POST, 0), frame(DATA, 0, 1, 'some'))
    await waitFor(() => client.resetOf(1) !== undefined)
    expect([client.resetOf(1), client.hasEnded(1), ends, aborts]).toEqual([0, true, [undefined], []])
  })
})
