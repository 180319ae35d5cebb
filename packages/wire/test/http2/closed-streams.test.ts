/** Frames on streams that are over: RFC 9113, section 5.1, "closed". */
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  DATA,
  END_STREAM,
  GOAWAY,
  PADDED,
  PING,
  PRIORITY,
  RST_STREAM,
  WINDOW_UPDATE,
} from '../../src/http2/frame-types.ts'
import { Body, HeaderList, type Http2Stream } from '../../src/index.ts'
import { frame, headers, POST, RawClient, uint32 } from './raw-client.ts'
import { answer, type ServedHttp2, serveHttp2 } from './serve-http2.ts'

const STREAM_CLOSED = 5
const ENHANCE_YOUR_CALM = 11
const TRAILERS = headers(1, [['x-a', 'b']])

async function open(onRequest: (stream: Http2Stream) => void = answer, options = {}) {
  const served = await serveHttp2((stream) => onRequest(stream), options)
  return { served, client: await RawClient.open(served.port) }
}

/** A stream is over, and both sides know. */
async function isOver(client: RawClient, { connections }: ServedHttp2): Promise<void> {
  await waitFor(() => client.hasEnded(1) && [...connections].every(({ isIdle }) => isIdle))
}

/** Whether the connection still serves. */
async function goesOn(client: RawClient): Promise<void> {
  client.write(headers(1_001))
  await waitFor(() => client.hasEnded(1_001))
  expect(client.goneAway).toEqual([])
}

/** Bytes by which the connection's window was opened. */
function reopened(client: RawClient): number {
  return client.of(WINDOW_UPDATE, 0).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
}

describe('behind the end of a stream whose request and reply are whole', () => {
  it.each([
    { what: 'DATA', frames: [frame(DATA, 0, 1, 'x')] },
    { what: 'DATA with nothing in it', frames: [frame(DATA, END_STREAM, 1)] },
    { what: 'DATA with padding', frames: [frame(DATA, PADDED, 1, '\x01ab')] },
    { what: 'a head', frames: [headers(1)] },
    { what: 'trailers', frames: [TRAILERS] },
  ])('$what ends the connection', async ({ frames }) => {
    const { client, served } = await open()
    client.write(headers(1))
    await isOver(client, served)
    client.write(...frames, headers(3))
    await waitFor(() => client.goneAway.length > 0)
    expect(client.goneAway).toEqual([STREAM_CLOSED])
    expect(client.of(GOAWAY)[0]!.payload.readUInt32BE(0)).toBe(1)
    expect([served.streams.length, served.errors]).toEqual([1, []])
  })

  it('DATA behind a body that has ended does, too', async () => {
    const { client, served } = await open((stream) => void stream.body.bytes().then(() => answer(stream)))
    client.write(headers(1, POST, 0), frame(DATA, END_STREAM, 1, 'all'))
    await isOver(client, served)
    client.write(frame(DATA, 0, 1, 'x'))
    await waitFor(() => client.goneAway.length > 0)
    expect(client.goneAway).toEqual([STREAM_CLOSED])
  })

  it('what may cross it does not', async () => {
    const { client, served } = await open()
    client.write(headers(1))
    await isOver(client, served)
    client.write(
      frame(WINDOW_UPDATE, 0, 1, uint32(9)),
      frame(RST_STREAM, 0, 1, uint32(8)),
      frame(PRIORITY, 0, 1, '12345'),
    )
    await goesOn(client)
  })
})

describe('behind a reset of ours', () => {
  /** Answers, and does not wait for the rest of the body. */
  const RESETS: readonly (readonly [what: string, (stream: Http2Stream) => void])[] = [
    ['an early reply', (stream) => (stream.head.method === 'POST' ? answer(stream, 'early') : answer(stream))],
    ['a broken reply', (stream) => (stream.head.method === 'POST' ? stream.reset() : answer(stream))],
  ]

  it.each(RESETS)('of %s: all is dropped, and the window of the connection is given back', async (_what, onRequest) => {
    const { client } = await open(onRequest, { connectionWindowBytes: 65_535 })
    client.write(headers(1, POST, 0))
    await waitFor(() => client.resetOf(1) !== undefined)
    const bytes = Buffer.alloc(16_000)
    client.write(
      ...Array.from({ length: 3 }, () => frame(DATA, 0, 1, bytes)),
      frame(DATA, PADDED, 1, '\x01ab'),
      TRAILERS,
    )
    await waitFor(() => reopened(client) >= 32_768)
    await goesOn(client)
    expect(client.of(RST_STREAM, 1)).toHaveLength(1)
  })

  it('of a request that is not let in', async () => {
    const { client, served } = await open(
      (stream) => stream.head.target === '/' && served.streams.length > 1 && answer(stream),
      {
        maxConcurrentStreams: 1,
      },
    )
    client.write(headers(1, POST, 0), headers(3, POST, 0), frame(DATA, 0, 3, 'x'))
    await waitFor(() => client.resetOf(3) !== undefined)
    client.write(frame(DATA, END_STREAM, 3, 'y'), frame(RST_STREAM, 0, 1, uint32(8)))
    await goesOn(client)
    expect(served.streams.map(({ id }) => id)).toEqual([1, 1_001])
  })

  it('many of them are remembered, and none of those that are not is taken for another', async () => {
    const { client } = await open((stream) => (stream.head.method === 'POST' ? stream.reset() : answer(stream)), {
      resetBurst: 10_000,
    })
    const ids = Array.from({ length: 400 }, (_, index) => 2 * index + 1)
    client.write(...ids.map((id) => headers(id, POST, 0)))
    await waitFor(() => client.of(RST_STREAM).length === ids.length)
    client.write(...ids.map((id) => frame(DATA, END_STREAM, id, 'late')))
    await goesOn(client)
  })

  it('what comes is counted: beyond what it may have had on its way it ends the connection', async () => {
    const { client, served } = await open((stream) => stream.reset())
    client.write(headers(1, POST, 0))
    await waitFor(() => client.resetOf(1) !== undefined)
    const bytes = Buffer.alloc(16_000)
    // A window of it, and what anybody may waste.
    client.write(...Array.from({ length: 20 }, () => frame(DATA, 0, 1, bytes)))
    await waitFor(() => client.goneAway.length > 0)
    expect([client.goneAway, served.refused]).toEqual([[ENHANCE_YOUR_CALM], ['overhead']])
  })
})

it('what crosses GOAWAY on its way is no fault', async () => {
  const { client, served } = await open(() => {})
  client.write(headers(1))
  await waitFor(() => served.streams.length === 1)
  // The connection takes nothing new; its client may not know yet.
  client.write(frame(GOAWAY, 0, 0, Buffer.alloc(8)))
  await waitFor(() => client.goneAway.length > 0)
  client.write(
    headers(3, POST, 0),
    frame(DATA, END_STREAM, 3, 'x'),
    headers(5),
    frame(DATA, 0, 3, 'x'),
    frame(PING, 0, 0, 'so far?!'),
  )
  await waitFor(() => client.of(PING).length > 0)
  served.streams[0]!.respond(200, new HeaderList({ 'Content-Length': 2 }), Body.ofLatin1('ok'))
  await waitFor(() => client.hasEnded(1))
  expect([new Set(client.goneAway), served.streams.length]).toEqual([new Set([0]), 1])
})
