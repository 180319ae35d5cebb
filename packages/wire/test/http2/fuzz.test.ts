/** Connections that begin well and go wrong in some way: whatever comes, nothing is thrown, nothing hangs, and nothing is kept. */
import { seededRandom, waitFor } from '@sluice/testing'
import { expect, it } from 'vitest'
import { PREFACE } from '../../src/http2/frame-reader.ts'
import { DATA, END_HEADERS, END_STREAM, HEADERS, PADDED } from '../../src/http2/frame-types.ts'
import { Body, HeaderList, type Http2Stream } from '../../src/index.ts'
import {
  fields,
  frame,
  GET,
  headers,
  headersInPieces,
  type Pairs,
  POST,
  RawClient,
  settings,
  uint32,
} from './raw-client.ts'
import { answer, serveHttp2 } from './serve-http2.ts'

const CONNECTIONS = 400
const AT_ONCE = 20
const MAX_GROWTH = 96 * 1_048_576

const random = seededRandom(9_113)
const below = (limit: number): number => Math.floor(random() * limit)
const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)]!
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))

/** How many streams the connection has opened that is being made up. */
let opened = 0
/** Those of them on which more may be sent. */
let unended: number[] = []
function nextStream(endsStream: boolean): number {
  const id = 2 * opened++ + 1
  if (!endsStream) unended.push(id)
  return id
}
/** Mostly one that is open, or was. */
const anyStream = (): number => (random() < 0.95 ? 2 * below(opened) + 1 : below(99))

/** Mostly of a stream that is not ended: behind its end, content ends the connection. */
function content(flags: number, payload: Buffer): Buffer {
  if (unended.length === 0) return headers(nextStream(false), POST, 0)
  const id = isBad() ? anyStream() : pick(unended)
  if ((flags & END_STREAM) !== 0) unended = unended.filter((each) => each !== id)
  return frame(DATA, flags, id, payload)
}

const FIELDS: Pairs = [
  ['te', 'trailers'],
  ['te', 'gzip'],
  ['cookie', 'a=b'],
  ['content-length', '5'],
  ['content-length', 'x'],
  ['expect', '100-continue'],
  ['host', 'b.test'],
  ['connection', 'close'],
  ['X-Upper', '1'],
  ['x-long', 'v'.repeat(5_000)],
  [':path', '/again'],
  [':protocol', 'websocket'],
  ['x-control', 'a\0b'],
]

const anyFields = (): Pairs => [
  ...pick([GET, POST, POST, isBad() ? ([[':method', 'CONNECT'], ...GET.slice(1)] as Pairs) : GET]),
  ...Array.from({ length: random() < 0.85 ? 0 : below(4) }, () => pick(FIELDS)),
]

/** Literals that go into the table, and references into it, of which some are to nothing. */
function anyBlock(): Buffer {
  const block = fields(anyFields())
  if (random() < 0.5) return block
  const stored = Buffer.concat([Buffer.from([0x40]), fields([pick(FIELDS)]).subarray(1)])
  const last = isBad() ? bytes(below(4)) : Buffer.alloc(below(40), 0xbe)
  return Buffer.concat([Buffer.from(pick([[], [0x20, 0x3f, 0xe1, 0x1f]])), block, stored, last])
}

/** Seldom, so that what comes behind is looked at as well. */
const isBad = (): boolean => random() < 0.015

function anyFrame(): Buffer {
  switch (below(12)) {
    case 0:
    case 1:
    case 2: {
      const flags = pick([0, END_STREAM])
      return headers(isBad() ? anyStream() : nextStream(flags !== 0), anyFields(), flags)
    }
    case 3: {
      const flags = isBad() ? below(256) : END_HEADERS | pick([0, END_STREAM])
      return frame(HEADERS, flags, nextStream((flags & END_STREAM) !== 0), anyBlock())
    }
    case 4: {
      const block = anyBlock()
      const at = below(block.byteLength)
      return headersInPieces(nextStream(true), [block.subarray(0, at), Buffer.alloc(0), block.subarray(at)])
    }
    case 5:
    case 6:
      return content(pick([0, END_STREAM]), bytes(pick([0, 1, 5, 1_000, 16_384])))
    case 7:
      return content(PADDED, Buffer.concat([Buffer.of(3), bytes(pick([3, 4, 1_000]))]))
    case 8:
      return frame(3, 0, anyStream(), uint32(below(14)))
    case 9:
      return settings([pick([1, 3, 4, 6, 9]), isBad() ? 2 ** 32 - 1 : pick([0, 1, 100, 65_535])])
    case 10:
      return frame(8, 0, random() < 0.5 ? 0 : anyStream(), uint32(isBad() ? pick([0, 2 ** 31 - 1]) : 1 + below(99_999)))
    default:
      return isBad() ? frame(below(12), below(256), anyStream(), bytes(below(30))) : frame(6, below(2), 0, bytes(8))
  }
}

function mutate(given: Buffer): Buffer {
  const at = below(given.byteLength)
  switch (below(6)) {
    case 0: {
      const flipped = Buffer.from(given)
      flipped[at]! ^= 1 << below(8)
      return flipped
    }
    case 1:
      return Buffer.concat([given.subarray(0, at), bytes(1 + below(9)), given.subarray(at)])
    case 2:
      return Buffer.concat([given.subarray(0, at), given.subarray(at + 1 + below(9))])
    case 3:
      return given.subarray(0, at)
    default:
      return given
  }
}

function anyConnection(): Buffer[] {
  opened = 0
  unended = []
  const good = [PREFACE, settings([4, pick([0, 65_535, 1_000_000])]), headers(nextStream(false), POST, 0)]
  const rest = Buffer.concat(Array.from({ length: 1 + below(30) }, anyFrame))
  const all = mutate(
    Buffer.concat(
      random() < 0.1 ? [mutate(Buffer.concat(good)), rest] : [...good, random() < 0.4 ? mutate(rest) : rest],
    ),
  )
  const pieces: Buffer[] = []
  for (let from = 0; from < all.byteLength;) {
    const to = from + 1 + (random() < 0.5 ? below(20) : below(20_000))
    pieces.push(all.subarray(from, to))
    from = to
  }
  return pieces
}

/** In one of the ways in which replies come. */
function reply(stream: Http2Stream): void {
  const nothing = { begin() {}, write: () => random() < 0.9, end() {}, abort() {} }
  switch (below(7)) {
    case 0:
      return answer(stream)
    case 1:
      return void stream.body.bytes().then(
        (body) => stream.respond(200, new HeaderList(), Body.of(body)),
        () => stream.reset(),
      )
    case 2:
      return void setImmediate(() => stream.respond(200, new HeaderList(), Body.of(Buffer.alloc(200_000))))
    case 3:
      stream.body.pipe(nothing)
      return stream.informational(103, new HeaderList({ Link: 'x' }))
    case 4:
      return stream.openTunnel(new HeaderList(), stream.body)
    case 5:
      return stream.reset(below(14))
    default:
      stream.body.cancel()
  }
}

it(`of ${CONNECTIONS} connections that go wrong nothing stays`, { timeout: 60_000 }, async () => {
  const { port, streams, ends, errors, connections, clock } = await serveHttp2(reply)
  const before = process.memoryUsage.rss()
  const converse = async (): Promise<void> => {
    const client = await RawClient.connect(port)
    for (const piece of anyConnection()) {
      client.write(piece)
      if (random() < 0.2) await new Promise((resolve) => setImmediate(resolve))
    }
    // Where frames are still told apart, it is answered behind all the others.
    client.write(frame(6, 0, 0, 'the last'))
    const isHeard = (): boolean =>
      client.goneAway.length > 0 || client.of(6).some(({ payload }) => payload.toString() === 'the last')
    const leavesByReset = random() < 0.5
    const isAnswered = await waitFor(() => client.isClosed || isHeard(), { timeoutMs: 60 }).then(
      () => true,
      () => false,
    )
    // A reset takes along what was not read yet: it is for those whose bytes have all been looked at.
    if (leavesByReset && isAnswered) client.socket.destroy()
    else client.socket.end()
    await waitFor(() => client.isClosed, { timeoutMs: 5_000 })
  }
  for (let left = CONNECTIONS; left > 0; left -= AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, converse))
  await waitFor(() => connections.size === 0, { timeoutMs: 5_000 })
  expect(errors).toEqual([])
  // Each has ended, once.
  expect(streams.length).toBeGreaterThan(CONNECTIONS)
  expect(ends).toHaveLength(streams.length)
  expect(streams.every(({ isClosed }) => isClosed)).toBe(true)
  expect(clock.pending).toBe(0)
  expect(process.memoryUsage.rss() - before).toBeLessThan(MAX_GROWTH)
})
