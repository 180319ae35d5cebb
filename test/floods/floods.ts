/**
 * What a client can do to a server of HTTP/2 by frames alone, as plain data. Each is written again and again until its connection
 * is cut off, or all of it is written.
 */
import type { Attacker } from './attacker.ts'
import {
  FLAG,
  frame,
  get,
  indexed,
  literal,
  post,
  requestFields,
  reset,
  SETTING,
  settings,
  stored,
  TYPE,
  uint32,
  windowUpdate,
} from './frames.ts'

export interface Flood {
  readonly name: string
  /** Of the client. */
  readonly settings?: readonly (readonly [setting: number, value: number])[]
  /** Written once, ahead of all else. */
  readonly opening?: Buffer
  /** The bytes of a round. */
  round(index: number): Buffer
  /** How many there are at most. */
  readonly rounds: number
  /**
   * What has to come of it. `cut-off`: a GOAWAY, or the connection is closed. `timed-out`: one of the listener's timeouts ends the
   * connection, or each of its streams.
   */
  readonly outcome: 'cut-off' | 'timed-out'
}

/** Frames of a round: enough that a round is worth a write. */
export const EACH = 100
/** Clients' streams have odd numbers. */
const streamOf = (round: number, index: number): number => (round * EACH + index) * 2 + 1
/** The first field in the dynamic table (RFC 7541, section 2.3.3). */
const FIRST_STORED = 62

/** RFC 9113, section 6.9.1. */
const MAX_WINDOW = 2 ** 31 - 1

const NOTHING = Buffer.alloc(0)
const never = (): Buffer => NOTHING

function many(make: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: EACH }, (_, index) => make(index)))
}

/** The same in each round. */
function always(bytes: Buffer): () => Buffer {
  const round = many(() => bytes)
  return () => round
}

const emptyData = frame(TYPE.data, FLAG.none, 1)
const ping = frame(TYPE.ping, FLAG.none, 0, Buffer.alloc(8))
/** Says that the stream depends on another. */
const priority = frame(TYPE.priority, FLAG.none, 1, Buffer.concat([uint32(3), Buffer.of(7)]))
const headWithoutEnd = frame(TYPE.headers, FLAG.endStream, 1, requestFields('GET', '/ok'))
const bomb = Buffer.concat(Array.from({ length: 4_000 }, () => indexed(FIRST_STORED)))

export const FLOODS: readonly Flood[] = [
  {
    // CVE-2023-44487
    name: 'rapid reset',
    round: (round) => many((i) => Buffer.concat([get(streamOf(round, i), '/hang'), reset(streamOf(round, i))])),
    rounds: 500,
    outcome: 'cut-off',
  },
  {
    // CVE-2025-8671: the server is made to reset what it has begun, here by a window that is larger than windows can be.
    name: 'resets that the client provokes',
    round: (round) =>
      many((i) => Buffer.concat([get(streamOf(round, i), '/hang'), windowUpdate(streamOf(round, i), MAX_WINDOW)])),
    rounds: 500,
    outcome: 'cut-off',
  },
  {
    // CVE-2024-27316
    name: 'a head without end',
    opening: headWithoutEnd,
    round: always(frame(TYPE.continuation, FLAG.none, 1, literal('x-more', 'x'.repeat(1_000)))),
    rounds: 1_000,
    outcome: 'cut-off',
  },
  {
    name: 'empty CONTINUATION frames',
    opening: headWithoutEnd,
    round: always(frame(TYPE.continuation, FLAG.none, 1)),
    rounds: 10_000,
    outcome: 'cut-off',
  },
  {
    // CVE-2019-9515
    name: 'SETTINGS',
    round: always(settings([[SETTING.initialWindowSize, 65_535]])),
    rounds: 5_000,
    outcome: 'cut-off',
  },
  // CVE-2019-9512
  { name: 'PING', round: always(ping), rounds: 10_000, outcome: 'cut-off' },
  // CVE-2019-9518
  { name: 'empty DATA', opening: post(1, '/upload'), round: always(emptyData), rounds: 10_000, outcome: 'cut-off' },
  // CVE-2019-9513
  { name: 'PRIORITY', opening: get(1, '/hang'), round: always(priority), rounds: 10_000, outcome: 'cut-off' },
  {
    name: 'WINDOW_UPDATE',
    opening: get(1, '/hang'),
    round: always(windowUpdate(1, 1)),
    rounds: 2_000,
    outcome: 'cut-off',
  },
  { name: 'frames of unknown types', round: always(frame(0xbb, FLAG.none, 0)), rounds: 10_000, outcome: 'cut-off' },
  {
    name: 'RST_STREAM for what is closed',
    opening: Buffer.concat([get(1, '/hang'), reset(1)]),
    round: always(reset(1)),
    rounds: 10_000,
    outcome: 'cut-off',
  },
  {
    // 64 KiB on the wire are 16 MiB of fields, twice over.
    name: 'header bombs',
    opening: get(1, '/hang', stored('x-bomb', 'x'.repeat(3_900))),
    round: (round) => Buffer.concat(Array.from({ length: 4 }, (_, i) => get((round * 4 + i) * 2 + 3, '/hang', bomb))),
    rounds: 10_000,
    outcome: 'cut-off',
  },
  {
    // RFC 9113, section 8.2.3: what a client may split has to be joined again.
    name: 'cookies in crumbs',
    opening: get(1, '/hang', stored('cookie', 'a=b')),
    round: (round) => Buffer.concat(Array.from({ length: 4 }, (_, i) => get((round * 4 + i) * 2 + 3, '/hang', bomb))),
    rounds: 10_000,
    outcome: 'cut-off',
  },
  {
    name: 'streams without end',
    round: (round) => many((i) => get(streamOf(round, i), '/hang')),
    rounds: 500,
    outcome: 'cut-off',
  },
  {
    // CVE-2019-9517
    name: 'large replies and no window',
    settings: [[SETTING.initialWindowSize, 0]],
    opening: many((i) => get(streamOf(0, i), '/large')),
    round: never,
    rounds: 0,
    outcome: 'timed-out',
  },
  {
    name: 'bodies that never come',
    opening: many((i) => post(streamOf(0, i), '/upload')),
    round: never,
    rounds: 0,
    outcome: 'timed-out',
  },
  { name: 'a head that stops half-way', opening: headWithoutEnd, round: never, rounds: 0, outcome: 'timed-out' },
]

/** Writes it, as fast as it is taken. Resolves when the connection is over or all is written. */
export async function pour(flood: Flood, attacker: Attacker): Promise<void> {
  if (flood.opening !== undefined) await attacker.write(flood.opening)
  let round = 0
  while (round < flood.rounds && !attacker.isOver) {
    await attacker.write(flood.round(round++))
    // So that what comes back is heard.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
