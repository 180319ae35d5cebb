/** Replies that a hostile or confused upstream gives (RFC 9112, sections 4 and 6.3). */

/**
 * - `refused`: 502, since nothing of it can be believed
 * - `cut`: its head was passed on already; the client must see that the body is not whole
 * - `served`: the reply is good, what is behind it is nobody's
 */
export type ReplyOutcome = 'refused' | 'cut' | 'served'

/** What the upstream says to one request. */
export interface ReplyPayload {
  readonly name: string
  readonly bytes: string
  readonly outcome: ReplyOutcome
  /** Whether the upstream then ends the connection: where only that ends the reply. @default false */
  readonly ends?: boolean
  /** Outcomes that another engine than ours may give it as well. */
  readonly elsewhere?: readonly ReplyOutcome[]
  /** Whether another engine may go on with the connection: what is behind the reply means nothing to anybody. */
  readonly isReusedElsewhere?: boolean
}

/** What must never become anybody's reply. */
export const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

function each(
  name: string,
  list: readonly string[],
  bytes: (variant: string) => string,
  outcome: ReplyOutcome,
  more: Partial<ReplyPayload> = {},
): ReplyPayload[] {
  return list.map((variant) => ({
    name: `${name}: ${JSON.stringify(variant)}`,
    bytes: bytes(variant),
    outcome,
    ...more,
  }))
}

const ANY = ['refused', 'cut', 'served'] as const

export const REPLIES: readonly ReplyPayload[] = [
  // Two framings of one body.
  ...each(
    'framing',
    [
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nContent-Length: 5',
      'Content-Length: 5\r\nContent-Length: 6',
      'Content-Length: 5\r\nContent-Length: 5',
      'Content-Length: 5, 5',
      'Content-Length: +5',
      'Content-Length: -5',
      'Content-Length: 0x5',
      'Content-Length: 5 5',
      'Content-Length:',
      'Content-Length: five',
      'Content-Length: 18446744073709551621',
      'Content-Length : 5',
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked, chunked',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: \x0bchunked',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding:',
      'Transfer-Encoding : chunked',
    ],
    (lines) => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n5\r\nhello\r\n0\r\n\r\n${POISON}`,
    'refused',
    // An unknown coding may also be read up to the end of the connection.
    { elsewhere: ANY, ends: true },
  ),
  // Heads that are none.
  ...each(
    'status line',
    [
      'HTTP/1.1 2x0 OK',
      'HTTP/1.1 99 Low',
      'HTTP/1.1 600 High',
      'HTTP/1.1 0200 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1  200 OK',
      'HTTP/1.1\t200 OK',
      'HTTP/1.1 200\tOK',
      'HTTP/1.1 200 O\0K',
      'HTTP/1.1 200 OK\nX: y',
      'HTTP/1.1 200 OK\rX: y',
      'HTTP/1.1 -200 OK',
      'HTTP/1.1',
      'HTTP/2.0 200 OK',
      'HTTP/0.9 200 OK',
      'http/1.1 200 OK',
      'ICY 200 OK',
      'SSH-2.0-OpenSSH_9.9',
      '<html>',
    ],
    (line) => `${line}\r\nContent-Length: 5\r\n\r\nhello${POISON}`,
    'refused',
    { elsewhere: ANY },
  ),
  ...each(
    'field',
    [
      'X Y: z',
      ': z',
      'X',
      'X: a\r\n b',
      'X: a\0b',
      'X: a\rb',
      'X: a\nSet-Cookie: b',
      'X\x01: y',
      'X\xe4: y',
      ' X: y',
      'X: a\x7fb',
    ],
    (line) => `HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 5\r\n\r\nhello${POISON}`,
    'refused',
    { elsewhere: ANY },
  ),
  {
    name: 'a head that is too large',
    bytes: `HTTP/1.1 200 OK\r\n${'X: yyyyyyyyyyyyyyyy\r\n'.repeat(20_000)}\r\n`,
    outcome: 'refused',
  },
  { name: 'a field that does not end', bytes: `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(300_000)}`, outcome: 'refused' },
  {
    name: 'a switch that nobody asked for',
    bytes: `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${POISON}`,
    outcome: 'refused',
  },
  {
    name: 'an interim reply with a length',
    bytes: `HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n${POISON}`,
    outcome: 'refused',
    elsewhere: ANY,
  },
  // Good replies with more behind them.
  { name: 'a second reply', bytes: GOOD + POISON, outcome: 'served', elsewhere: ANY },
  { name: 'surplus bytes', bytes: `${GOOD}surplus`, outcome: 'served', elsewhere: ANY },
  { name: 'surplus line breaks', bytes: `${GOOD}\r\n\r\n`, outcome: 'served', elsewhere: ANY, isReusedElsewhere: true },
  {
    name: 'a second reply behind chunks',
    bytes: `${CHUNKED}2\r\nok\r\n0\r\n\r\n${POISON}`,
    outcome: 'served',
    elsewhere: ANY,
  },
  {
    name: 'a second reply behind 204',
    bytes: `HTTP/1.1 204 No Content\r\n\r\n${POISON}`,
    outcome: 'served',
    elsewhere: ANY,
  },
  {
    name: 'a body behind 304',
    bytes: `HTTP/1.1 304 Not Modified\r\nContent-Length: ${POISON.length}\r\n\r\n${POISON}`,
    outcome: 'served',
    elsewhere: ANY,
  },
  {
    name: 'a body behind a length of zero',
    bytes: `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${POISON}`,
    outcome: 'served',
    elsewhere: ANY,
  },
  // Bodies that break.
  ...each(
    'chunk size',
    ['z', '0x2', '+2', '-2', '2 ', ' 2', '2_', '', '2;\n', '2;a="', '10000000000000002', 'fffffffffffffffff'],
    (size) => `${CHUNKED}2\r\nok\r\n${size}\r\nok\r\n0\r\n\r\n${POISON}`,
    'cut',
    {
      elsewhere: ANY,
    },
  ),
  ...each(
    'behind a chunk',
    ['', '\n', '\r', 'x\r\n', '\n\r'],
    (end) => `${CHUNKED}2\r\nok${end}0\r\n\r\n${POISON}`,
    'cut',
    { elsewhere: ANY },
  ),
  ...each(
    'trailer',
    ['X Y: z', 'X: a\r\n b', 'X: \0', 'Content-Length: 6', 'Transfer-Encoding: chunked'],
    (line) => `${CHUNKED}2\r\nok\r\n0\r\n${line}\r\n\r\n${POISON}`,
    'cut',
    { elsewhere: ANY },
  ),
  {
    name: 'a length that is not reached',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok',
    outcome: 'cut',
    ends: true,
  },
  { name: 'chunks without their end', bytes: `${CHUNKED}2\r\nok\r\n`, outcome: 'cut', ends: true },
  { name: 'a head without its end', bytes: 'HTTP/1.1 200 OK\r\nContent-Le', outcome: 'refused', ends: true },
  {
    name: 'a body that ends with the connection',
    bytes: `HTTP/1.1 200 OK\r\n\r\n${POISON}`,
    outcome: 'served',
    ends: true,
  },
]
