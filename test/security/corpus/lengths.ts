/** Content-Length against Transfer-Encoding, and Content-Length against itself (RFC 9112, sections 6.1 to 6.3). */
import { HIDDEN, type PayloadClass, request, variants, ZERO_AND_HIDDEN } from './payload.ts'

const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const length = (value: string | number): string => `Content-Length: ${value}\r\n`
const SIX = length(6)
const ALL = length(ZERO_AND_HIDDEN.length)

/** CL.TE: the front counts the length, the back reads chunks, and takes what is behind the zero for a request. */
const clTe: PayloadClass = {
  name: 'CL.TE',
  payloads: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'].flatMap((method) => [
    {
      name: `${method}, length first`,
      bytes: request(ALL + CHUNKED, ZERO_AND_HIDDEN, method),
      outcome: 'refused' as const,
    },
    {
      name: `${method}, with a zero length`,
      bytes: request(length(0) + CHUNKED, ZERO_AND_HIDDEN, method),
      outcome: 'refused' as const,
    },
  ]),
}

/** TE.CL: the front reads chunks, the back counts the length, and takes the rest of the chunk for a request. */
const teCl: PayloadClass = {
  name: 'TE.CL',
  payloads: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'].flatMap((method) => {
    const chunk = `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`
    return [
      {
        name: `${method}, coding first`,
        bytes: request(CHUNKED + length(4), chunk, method),
        outcome: 'refused' as const,
      },
      {
        name: `${method}, length first`,
        bytes: request(length(4) + CHUNKED, chunk, method),
        outcome: 'refused' as const,
      },
    ]
  }),
}

const OBFUSCATED = [
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: \x0cchunked',
  'Transfer-Encoding: chunked\x0b',
  'Transfer-Encoding: \0chunked',
  'Transfer-Encoding: chunked\0',
  'Transfer-Encoding: \xa0chunked',
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: 'chunked'",
  'Transfer-Encoding: chunked;q=0.5',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: chunked,',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding: chunked chunked',
  'Transfer-Encoding: chu nked',
  'Transfer-Encoding: chunke',
  'Transfer-Encoding: chunked-x',
  'Transfer-Encoding: cow',
  'Transfer-Encoding: ',
  'Transfer-Encoding:',
  'Transfer-Encoding: trailers',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow',
  'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding:\r\n chunked',
  'Transfer-Encoding:\r\n\tchunked',
  'Transfer-Encoding\r\n : chunked',
  ' Transfer-Encoding: chunked',
  '\tTransfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Transfer-Encoding\0: chunked',
  'Transfer-Encoding\xa0: chunked',
  'Transfer-\xc4\xb0ncoding chunked',
  '\x01Transfer-Encoding: chunked',
]

/** TE.TE: one of the two sees the coding, the other does not, because it is spelt oddly (RFC 9112, section 6.1). */
const teTe: PayloadClass = {
  name: 'TE.TE',
  payloads: [
    ...variants('with a length', OBFUSCATED, (line) => request(`${ALL}${line}\r\n`, ZERO_AND_HIDDEN)),
    ...variants('alone', OBFUSCATED.slice(0, 20), (line) => request(`${line}\r\n`, ZERO_AND_HIDDEN)),
  ],
}

/**
 * Lookalikes of Transfer-Encoding are no framing: to a CGI-like upstream, which maps `_` to `-`, they are. With a length
 * they are fields like any other, and those with an underscore are dropped.
 */
const lookalikes: PayloadClass = {
  name: 'lookalikes of framing fields',
  payloads: variants(
    'with a length',
    [
      'Transfer_Encoding: chunked',
      'TRANSFER_ENCODING: chunked',
      'transfer_Encoding: chunked',
      'Content_Length: 5',
      'content_length: 0',
      'X-Transfer-Encoding: chunked',
      'Transfer-Encodin: chunked',
      'Transfer.Encoding: chunked',
      'HTTP_TRANSFER_ENCODING: chunked',
    ],
    (line) => request(`${ALL}${line}\r\n`, ZERO_AND_HIDDEN),
    'single',
  ),
}

/** Two lengths, of which each side may choose another (RFC 9112, section 6.3, item 5); equal ones are refused as well. */
const duplicates: PayloadClass = {
  name: 'duplicate Content-Length',
  payloads: variants(
    'lines',
    [
      `${length(0)}${length(HIDDEN.length)}`,
      `${length(HIDDEN.length)}${length(0)}`,
      `${SIX}${SIX}`,
      `${SIX}content-length: 6\r\n`,
      `${SIX}CONTENT-LENGTH: 5\r\n`,
      `${SIX}X: y\r\n${length(0)}`,
      `${length(0)}${length('')}`,
      `${SIX}${SIX}${SIX}`,
      `${SIX}Content-Length : 5\r\n`,
      `${SIX}Content-Length\t: 5\r\n`,
    ],
    (lines) => request(lines, HIDDEN),
  ),
}

/** Numbers that overflow what some count in, and that others wait for. */
const huge: PayloadClass = {
  name: 'huge Content-Length',
  payloads: variants(
    'value',
    ['4294967302000000000', '9007199254740993000', '9223372036854775808', '9999999999999999'],
    (value) => request(`Content-Length: ${value}\r\n`, HIDDEN),
  ).map((payload) => ({ ...payload, mayBeAwaited: true })),
}

/** Numbers that are none, or that only some read as one (RFC 9110, section 8.6: digits, nothing else). */
const odd: PayloadClass = {
  name: 'odd Content-Length',
  payloads: variants(
    'value',
    [
      '+6',
      '-6',
      '-0',
      '+0',
      '6, 6',
      '6,6',
      '6,',
      ',6',
      '6 6',
      '0 6',
      '6.0',
      '6e0',
      '0x6',
      '0b110',
      '0o6',
      '6_0',
      "6'",
      '"6"',
      '6;a=b',
      '6\x0b',
      '6\0',
      '\x0b6',
      '\xa06',
      '\xb2',
      '\xd9\xa6',
      '',
      ' ',
      '6abc',
      'abc',
      'six',
      '18446744073709551616',
      '18446744073709551622',
      '1e1000',
      'NaN',
      'Infinity',
      '6\r\n 6',
      '\r\n 6',
    ],
    (value) => request(`Content-Length: ${value}\r\n`, HIDDEN),
  ),
}

/** CL.0: a length on a request for which some servers ignore bodies: the body stays a body. */
const ignored: PayloadClass = {
  name: 'CL.0',
  payloads: ['GET', 'DELETE', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'QUERY'].map((method) => ({
    name: method,
    bytes: request(length(HIDDEN.length), HIDDEN, method),
    outcome: method === 'TRACE' ? ('either' as const) : ('single' as const),
  })),
}

/** 0.CL: a length that some front would not see, so that the next request becomes its body. Here it waits for the body. */
const unseen: PayloadClass = {
  name: '0.CL',
  payloads: [
    {
      name: 'a body that is longer than what comes',
      bytes: request(length(HIDDEN.length + 500), HIDDEN),
      outcome: 'unfinished',
    },
    { name: 'the same of GET', bytes: request(length(HIDDEN.length + 500), HIDDEN, 'GET'), outcome: 'unfinished' },
    { name: 'a last chunk that does not come', bytes: request(CHUNKED, `5\r\nhello\r\n`), outcome: 'unfinished' },
    { name: 'a chunk that is cut short', bytes: request(CHUNKED, `fff\r\n${HIDDEN}`), outcome: 'unfinished' },
    {
      name: 'a length in a folded line',
      bytes: request(`X: y\r\n Content-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      outcome: 'refused',
    },
    {
      name: 'a length behind a bare CR',
      bytes: request(`X: y\rContent-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      outcome: 'refused',
    },
    {
      name: 'a length behind a bare LF',
      bytes: request(`X: y\nContent-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      outcome: 'refused',
    },
    {
      name: 'a length behind a NUL',
      bytes: request(`X: y\0Content-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      outcome: 'refused',
    },
  ],
}

export const lengths: readonly PayloadClass[] = [clTe, teCl, teTe, lookalikes, duplicates, odd, huge, ignored, unseen]
