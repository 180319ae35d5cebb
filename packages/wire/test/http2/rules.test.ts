import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { PREFACE } from '../../src/http2/frame-reader.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HAS_PRIORITY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../src/http2/frame-types.ts'
import { fields, frame, GET, headers, headersInPieces, POST, RawClient, settings, uint32 } from './raw-client.ts'
import { answer, serveHttp2 } from './serve-http2.ts'

const [PROTOCOL, FLOW_CONTROL, CLOSED, FRAME_SIZE, REFUSED, COMPRESSION] = [1, 3, 5, 6, 7, 9] as const
const WINDOW = 2 ** 31 - 1

/** A stream that is open. */
const opened = headers(1, POST, 0)

/** What ends the connection, with the error that GOAWAY gives (RFC 9113, section 5.4.1). */
const CONNECTION_ERRORS: readonly (readonly [what: string, code: number, ...frames: Buffer[]])[] = [
  ['DATA of a stream that is idle', PROTOCOL, frame(DATA, 0, 1, 'x')],
  ['RST_STREAM of a stream that is idle', PROTOCOL, frame(RST_STREAM, 0, 1, uint32(8))],
  ['WINDOW_UPDATE of a stream that is idle', PROTOCOL, frame(WINDOW_UPDATE, 0, 1, uint32(1))],
  ['HEADERS of an even stream', PROTOCOL, headers(2)],
  ['HEADERS of an even stream below others', PROTOCOL, headers(5), headers(2)],
  ['CONTINUATION of nothing', PROTOCOL, frame(CONTINUATION, END_HEADERS, 1, fields(GET))],
  ['PUSH_PROMISE', PROTOCOL, opened, frame(PUSH_PROMISE, END_HEADERS, 1, uint32(2))],
  ['a frame within a head', PROTOCOL, frame(HEADERS, 0, 1, fields(GET)), frame(PING, 0, 0, '12345678')],
  ['DATA within a head', PROTOCOL, opened, frame(HEADERS, 0, 3, fields(GET)), frame(DATA, 0, 1, 'x')],
  ['padding that is as long as HEADERS', PROTOCOL, frame(HEADERS, PADDED | END_HEADERS, 1, '\x03ab')],
  ['padding that is as long as DATA', PROTOCOL, opened, frame(DATA, PADDED, 1, '\x03ab')],
  ['a frame that nobody knows within a head', PROTOCOL, frame(HEADERS, 0, 1, fields(GET)), frame(0xbb, 0, 1, 'x')],
  ['another stream’s CONTINUATION', PROTOCOL, frame(HEADERS, 0, 1, fields(GET)), frame(CONTINUATION, 4, 3, '')],
  ['padding that is longer than HEADERS', PROTOCOL, frame(HEADERS, PADDED | END_HEADERS, 1, '\x05abc')],
  ['padding without a length', FRAME_SIZE, frame(HEADERS, PADDED | END_HEADERS, 1, '')],
  ['a priority without room for it', PROTOCOL, frame(HEADERS, HAS_PRIORITY | END_HEADERS, 1, 'abc')],
  ['padding that is longer than DATA', PROTOCOL, opened, frame(DATA, PADDED, 1, '\x05abc')],
  ['SETTINGS that acknowledge something', FRAME_SIZE, frame(SETTINGS, ACK, 0, '123456')],
  ['a window that is too large in SETTINGS', FLOW_CONTROL, settings([4, 2 ** 31])],
  ['a frame size that is too small', PROTOCOL, settings([5, 16_383])],
  ['a frame size that is too large', PROTOCOL, settings([5, 16_777_216])],
  ['push neither on nor off', PROTOCOL, settings([2, 2])],
  ['a window opened by nothing', PROTOCOL, frame(WINDOW_UPDATE, 0, 0, uint32(0))],
  ['a window that is too large', FLOW_CONTROL, frame(WINDOW_UPDATE, 0, 0, uint32(WINDOW))],
  [
    'a window of a stream that SETTINGS make too large',
    FLOW_CONTROL,
    opened,
    frame(WINDOW_UPDATE, 0, 1, uint32(WINDOW - 65_535)),
    settings([4, 65_536]),
  ],
  ['DATA of an even stream', PROTOCOL, headers(5), frame(DATA, 0, 2, 'x')],
  ['RST_STREAM of an even stream', PROTOCOL, headers(5), frame(RST_STREAM, 0, 2, uint32(8))],
  ['HEADERS of a stream that was left out', CLOSED, headers(5), headers(3)],
  ['DATA of a stream that was left out', CLOSED, headers(5), frame(DATA, 0, 3, 'x')],
  ['DATA behind an end and a reset', CLOSED, headers(1), frame(RST_STREAM, 0, 1, uint32(8)), frame(DATA, 0, 1, 'x')],
  ['HEADERS behind an end and a reset', CLOSED, headers(1), frame(RST_STREAM, 0, 1, uint32(8)), headers(1)],
  ['DATA behind a request that was refused', CLOSED, headers(1, GET.slice(1)), frame(DATA, 0, 1, 'x')],
  ['a block that is none', COMPRESSION, frame(HEADERS, END_HEADERS | END_STREAM, 1, '\x80')],
  ['trailers whose block is none', COMPRESSION, opened, frame(HEADERS, END_HEADERS | END_STREAM, 1, '\x80')],
  [
    'a head in too many frames',
    11,
    headersInPieces(
      1,
      [...fields([...GET, ['a', 'b'.repeat(50)]])].map((byte) => Buffer.from([byte])),
    ),
  ],
  [
    'a head in frames with nothing in them',
    11,
    headersInPieces(1, [fields(GET), ...Array.from({ length: 40 }, () => Buffer.alloc(0))]),
  ],
  [
    'a head that is far too long',
    11,
    headersInPieces(1, [fields(GET), ...Array.from({ length: 6 }, () => fields([['a', 'x'.repeat(16_000)]]))]),
  ],
]

/** What ends a stream, and leaves the others alone (section 5.4.2). */
const STREAM_ERRORS: readonly (readonly [what: string, code: number, ...frames: Buffer[]])[] = [
  ['DATA behind the end', CLOSED, headers(1), frame(DATA, 0, 1, 'x')],
  ['HEADERS behind the end', CLOSED, headers(1), headers(1)],
  ['trailers that do not end the stream', PROTOCOL, opened, headers(1, [['x-a', 'b']], 0)],
  ['trailers with a pseudo-header field', PROTOCOL, opened, headers(1, [[':path', '/']])],
  ['trailers that are malformed', PROTOCOL, opened, headers(1, [['X-A', 'b']])],
  ['trailers of a connection', PROTOCOL, opened, headers(1, [['connection', 'close']])],
  ['a window opened by nothing', PROTOCOL, opened, frame(WINDOW_UPDATE, 0, 1, uint32(0))],
  ['a window that is too large', FLOW_CONTROL, opened, frame(WINDOW_UPDATE, 0, 1, uint32(WINDOW))],
  [
    'a body that is longer than was said',
    PROTOCOL,
    headers(1, [...POST, ['content-length', '2']], 0),
    frame(DATA, 0, 1, 'abc'),
  ],
  [
    'a body that is shorter',
    PROTOCOL,
    headers(1, [...POST, ['content-length', '4']], 0),
    frame(DATA, END_STREAM, 1, 'abc'),
  ],
  [
    'trailers before the end of the body',
    PROTOCOL,
    headers(1, [...POST, ['content-length', '4']], 0),
    frame(DATA, 0, 1, 'abc'),
    headers(1, [['x-a', 'b']]),
  ],
  ['a length, and the end of the stream', PROTOCOL, headers(1, [...POST, ['content-length', '4']])],
  ['two paths', PROTOCOL, headers(1, [...GET, [':path', '/other']])],
  ['a pseudo-header field behind a field', PROTOCOL, headers(1, [...GET.slice(1), ['x-a', 'b'], [':method', 'GET']])],
  ['a pseudo-header field of a reply', PROTOCOL, headers(1, [...GET, [':status', '200']])],
  ['no method', PROTOCOL, headers(1, GET.slice(1))],
  ['no scheme', PROTOCOL, headers(1, [GET[0]!, ...GET.slice(2)])],
  ['an empty path', PROTOCOL, headers(1, [...GET.slice(0, 3), [':path', '']])],
  ['a name in upper case', PROTOCOL, headers(1, [...GET, ['X-A', 'b']])],
  ['an empty name', PROTOCOL, headers(1, [...GET, ['', 'b']])],
  ['a name with a space', PROTOCOL, headers(1, [...GET, ['a b', 'c']])],
  ['a name with a colon', PROTOCOL, headers(1, [...GET, ['a:', 'c']])],
  ['a value with a line feed', PROTOCOL, headers(1, [...GET, ['a', 'b\nc']])],
  ['a value with NUL', PROTOCOL, headers(1, [...GET, ['a', 'b\0c']])],
  ['a value that begins with a space', PROTOCOL, headers(1, [...GET, ['a', ' b']])],
  ['a value that ends with a tab', PROTOCOL, headers(1, [...GET, ['a', 'b\t']])],
  ['a line feed in the path', PROTOCOL, headers(1, [...GET.slice(0, 3), [':path', '/\r\nx: y']])],
  ['a protocol without CONNECT', PROTOCOL, headers(1, [...GET, [':protocol', 'websocket']])],
  ['CONNECT with a path', PROTOCOL, headers(1, [[':method', 'CONNECT'], ...GET.slice(1)])],
  ['CONNECT without an authority', PROTOCOL, headers(1, [[':method', 'CONNECT']])],
]

/** What is no error. */
const HARMLESS: readonly (readonly [what: string, ...frames: Buffer[]])[] = [
  ['frames that nobody knows', frame(0xbb, 0xff, 0, 'x'), frame(0xbb, 0xff, 99, 'x')],
  ['settings that nobody knows', settings([0x99, 1])],
  ['PRIORITY of any stream', frame(PRIORITY, 0, 99, '12345'), frame(PRIORITY, 0, 2, '12345')],
  [
    'padding',
    frame(
      HEADERS,
      PADDED | END_HEADERS | END_STREAM,
      1,
      Buffer.concat([Buffer.from([3]), fields(GET), Buffer.alloc(3)]),
    ),
  ],
  [
    'a priority',
    frame(HEADERS, HAS_PRIORITY | END_HEADERS | END_STREAM, 1, Buffer.concat([Buffer.alloc(5), fields(GET)])),
  ],
  [
    'a head in pieces',
    headersInPieces(1, [fields(GET).subarray(0, 5), fields(GET).subarray(5, 30), fields(GET).subarray(30)]),
  ],
  [
    'what comes behind a reset',
    opened,
    frame(RST_STREAM, 0, 1, uint32(8)),
    frame(DATA, 0, 1, 'x'),
    frame(WINDOW_UPDATE, 0, 1, uint32(1)),
    frame(RST_STREAM, 0, 1, uint32(8)),
    headers(1, [['x-a', 'b']]),
  ],
  ['PING that is an answer', frame(PING, ACK, 0, '12345678')],
  ['streams that are left out', headers(101)],
]

async function open() {
  const served = await serveHttp2(
    (stream) => {
      if (stream.head.target === '/answer') answer(stream)
    },
    { maxConcurrentStreams: 10 },
  )
  return { served, client: await RawClient.open(served.port) }
}

describe('a connection ends', () => {
  it.each(CONNECTION_ERRORS.map(([what, code, ...frames]) => ({ what, code, frames })))(
    'by $what',
    async ({ code, frames }) => {
      const { served, client } = await open()
      client.write(...frames)
      await waitFor(() => client.goneAway.length > 0)
      expect(client.goneAway).toEqual([code])
      client.socket.end()
      await waitFor(() => client.isClosed && served.connections.size === 0)
      expect(served.errors).toEqual([])
    },
  )

  it.each([
    { what: 'another preface', bytes: [Buffer.from('PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n')] },
    { what: 'a frame ahead of SETTINGS', bytes: [PREFACE, frame(PING, 0, 0, '12345678')] },
    { what: 'an acknowledgement ahead of SETTINGS', bytes: [PREFACE, frame(SETTINGS, ACK, 0)] },
    { what: 'DATA ahead of SETTINGS', bytes: [PREFACE, frame(DATA, 0, 1, 'x')] },
  ])('that begins with $what', async ({ bytes }) => {
    const { served } = await open()
    const client = await RawClient.connect(served.port)
    client.write(...bytes)
    await waitFor(() => client.goneAway.length > 0)
    expect(client.goneAway).toEqual([PROTOCOL])
  })
})

describe('a stream ends, and its connection goes on', () => {
  it.each(STREAM_ERRORS.map(([what, code, ...frames]) => ({ what, code, frames })))(
    'by $what',
    async ({ code, frames }) => {
      const { served, client } = await open()
      client.write(...frames)
      await waitFor(() => client.resetOf(1) !== undefined)
      expect(client.resetOf(1)).toBe(code)
      client.write(headers(21, [...GET.slice(0, 3), [':path', '/answer']]))
      await waitFor(() => client.hasEnded(21))
      expect([client.goneAway, served.errors]).toEqual([[], []])
    },
  )

  it('where there are as many as there may be', async () => {
    const { served, client } = await open()
    for (let id = 1; id <= 23; id += 2) client.write(headers(id))
    await waitFor(() => client.of(RST_STREAM).length === 2)
    expect([client.resetOf(21), client.resetOf(23), served.streams.length]).toEqual([REFUSED, REFUSED, 10])
  })
})

describe('nothing ends', () => {
  it.each(HARMLESS.map(([what, ...frames]) => ({ what, frames })))('by $what', async ({ frames }) => {
    const { served, client } = await open()
    client.write(...frames, headers(201, [...GET.slice(0, 3), [':path', '/answer']]))
    await waitFor(() => client.hasEnded(201))
    expect([client.goneAway, client.of(RST_STREAM), served.errors]).toEqual([[], [], []])
  })

  it('on PING, which is answered, and SETTINGS, which are acknowledged', async () => {
    const { client } = await open()
    client.write(frame(PING, 0, 0, 'is there'), settings([3, 1]))
    await waitFor(() => client.of(PING).length === 1 && client.of(SETTINGS).length === 3)
    expect(client.of(PING)[0]).toMatchObject({ flags: ACK, payload: Buffer.from('is there') })
    expect(client.of(SETTINGS).map(({ flags }) => flags)).toEqual([0, ACK, ACK])
  })

  it('on GOAWAY before what is under way has its reply', async () => {
    const { served, client } = await open()
    client.write(headers(1), frame(GOAWAY, 0, 0, Buffer.alloc(8)))
    await waitFor(() => served.streams.length === 1)
    client.write(headers(3))
    answer(served.streams[0]!)
    await waitFor(() => client.hasEnded(1) && client.socket.readableEnded)
    expect(served.streams).toHaveLength(1)
    expect(client.of(GOAWAY).at(-1)!.payload.readUInt32BE(0)).toBe(1)
  })
})
