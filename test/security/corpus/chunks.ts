/** The chunked coding (RFC 9112, section 7.1). */
import { HIDDEN, INTENDED, type PayloadClass, request, variants, ZERO_AND_HIDDEN } from './payload.ts'

const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const hex = (text: string): string => text.length.toString(16)
const asChunk = (text: string): string => `${hex(text)}\r\n${text}\r\n`

/** Sizes that are none, or that only some parsers read, or read as another number. */
const sizes: PayloadClass = {
  name: 'chunk sizes',
  payloads: [
    ...variants(
      'size',
      [
        '0x5',
        '0X5',
        '+5',
        '-5',
        '-0',
        ' 5',
        '\t5',
        '5 ',
        '5\t',
        '5_0',
        '5h',
        'g',
        '5,5',
        '5.0',
        '5 5',
        '"5"',
        '',
        ';',
        ' ',
        '\x0b5',
        '5\x0b',
        '5\0',
        '\x005',
        '5\xa0',
        '\xb25',
        '10000000000000005',
        '100000005000000000000000000',
        'fffffffffffffffff',
        '-ffffffffffffffb',
        '00000000000000000000000000000000000005',
      ],
      (size) => request(CHUNKED, `${size}\r\nhello\r\n${ZERO_AND_HIDDEN}`),
    ),
    ...variants('huge size', ['ffffffffffffffff', '7fffffffffffffff', '8000000000000000', 'fffffffffffff'], (size) =>
      request(CHUNKED, `${size}\r\nhello\r\n${ZERO_AND_HIDDEN}`),
    ).map((payload) => ({ ...payload, mayBeAwaited: true })),
    ...variants(
      'size of the last',
      ['0x0', '-0', '+0', '0 ', ' 0', '0\t', '0\x0b', '0\0', '00000000000000000000', '0h', '0,0', '0.0'],
      (size) => request(CHUNKED, `5\r\nhello\r\n${size}\r\n\r\n${HIDDEN}`),
    ),
  ],
}

/** Line ends in a chunked body: anything but CRLF is where one parser sees an end and another does not. */
const lineEnds: PayloadClass = {
  name: 'line ends of chunks',
  payloads: [
    ...variants(
      'behind a size',
      ['\n', '\r', '\rX', '\nX', ';a\rX', ';a=b\nX', '\r\r\n', '\n\r', '\r\n\n', ' \r\n', '\0\r\n'],
      (end) => request(CHUNKED, `5${end}hello\r\n${ZERO_AND_HIDDEN}`),
    ),
    ...variants(
      'behind data',
      ['', '\n', '\r', '\rX', 'X\n', '\0\n', '\r\r\n', '\n\r', 'x\r\n', '\r\n\r\n', ' \r\n'],
      (end) => request(CHUNKED, `5\r\nhello${end}${ZERO_AND_HIDDEN}`),
    ),
    ...variants('behind the last size', ['\n', '\r', '\n\n', '\r\r\n', '\n\r\n'], (end) =>
      request(CHUNKED, `5\r\nhello\r\n0${end}${HIDDEN}`),
    ),
    ...variants('behind a trailer', ['\n', '\n\n', '\n\r\n', '\r\r\n\r\n'], (end) =>
      request(CHUNKED, `0\r\nX-T: v${end}${HIDDEN}`),
    ),
  ],
}

/** Extensions: a line that one parser ends at LF and another at CRLF (CVE-2025-55315, and TERM.EXT and EXT.TERM alike). */
const extensions: PayloadClass = {
  name: 'chunk extensions',
  payloads: [
    ...variants(
      'malformed',
      [
        ';\n',
        ';a\n',
        ';a=b\n',
        ';\r',
        ';a\r',
        ';\rx',
        ';a=b\rc',
        ';\0',
        ';a\0',
        ';',
        ';;a',
        ';a;',
        ';=b',
        ';a=',
        ';a="b',
        ';a="b\n"',
        ';a="b\r"',
        ';a=b c',
        ';a=b"c"',
        ';a="b"c',
        ' ;a=b',
        '\t;a',
        '; a',
        ';a =b',
        ';a= b',
        ',a=b',
        ';a\xe4',
        ';(a)',
        `;${'a'.repeat(5_000)}`,
        `;a="${'b'.repeat(5_000)}"`,
      ],
      (extension) => request(CHUNKED, `5${extension}\r\nhello\r\n${ZERO_AND_HIDDEN}`),
    ),
    ...variants('malformed, at the last', [';\n', ';a\n', ';\r', ';a="', ';', ' ;a'], (extension) =>
      request(CHUNKED, `0${extension}\r\n\r\n${HIDDEN}`),
    ),
    ...variants(
      'well-formed, dropped',
      [';a', ';a=b', ';a="b"', ';a="b;c"', ';a="\\""', ';a;b=c;d="e f"', ';a="GET /smuggled-0000 HTTP/1.1"'],
      (extension) => request(CHUNKED, `5${extension}\r\nhello\r\n0\r\n\r\n`),
      'single',
    ),
  ],
}

/** A chunked body on a method that some gateways forward without its framing (CVE-2026-29057): it stays a body. */
const bodiless: PayloadClass = {
  name: 'chunked bodies of methods that seldom have one',
  payloads: ['GET', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'QUERY'].flatMap((method) => [
    {
      name: `${method}, in a chunk`,
      bytes: request(CHUNKED, `${asChunk(HIDDEN)}0\r\n\r\n`, method),
      outcome: 'single' as const,
    },
    {
      name: `${method}, in chunks`,
      bytes: request(CHUNKED, `${asChunk('0\r\n\r\n')}${asChunk(HIDDEN)}0\r\n\r\n`, method),
      outcome: 'single' as const,
    },
    {
      name: `${method}, chunked in HTTP/1.0`,
      bytes: request(CHUNKED, ZERO_AND_HIDDEN, method, '1.0'),
      outcome: 'refused' as const,
    },
  ]),
}

/** Trailers that frame, route or authorise must not reach the upstream as if they were fields (RFC 9110, section 6.5.1). */
const trailers: PayloadClass = {
  name: 'trailers',
  payloads: [
    ...variants(
      'framing',
      ['Content-Length: 5', 'Transfer-Encoding: chunked', 'content-length: 0'],
      (line) => request(CHUNKED, `5\r\nhello\r\n0\r\n${line}\r\n\r\n${HIDDEN}`),
      'either',
    ),
    ...variants(
      'malformed',
      ['Content-Length : 5', ' X: y', 'X y', ': y', 'X\0: y', 'X: y\0', 'X-T: a\r\n b', 'X-\xe4: y'],
      (line) => request(CHUNKED, `0\r\n${line}\r\n\r\n${HIDDEN}`),
    ),
    ...variants(
      'not sent on',
      [
        'Host: b.test',
        'Authorization: Basic eDp5',
        'Connection: close',
        'Cookie: a=b',
        'TE: trailers',
        'Upgrade: x',
        'Expect: 100-continue',
        'Keep-Alive: 1',
        'X-Forwarded-For: 1.1.1.1',
      ],
      (line) => request(CHUNKED, `5\r\nhello\r\n0\r\n${line}\r\n\r\n`),
      'single',
    ),
    { name: 'too many bytes', bytes: request(CHUNKED, `0\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`), outcome: 'refused' },
    { name: 'too many fields', bytes: request(CHUNKED, `0\r\n${'X: y\r\n'.repeat(1_000)}\r\n`), outcome: 'refused' },
  ],
}

/** The body is over where its framing says, and nowhere else; what is behind it is the next request, in the open. */
const pipelined: PayloadClass = {
  name: 'what is pipelined in the open',
  payloads: [
    {
      name: 'behind a chunked body',
      bytes: request(CHUNKED, `0\r\n\r\nGET /second-0000 HTTP/1.1\r\nHost: a.test\r\n\r\n`),
      outcome: 'single',
      answers: 2,
    },
    {
      name: 'behind a counted body',
      bytes: request('Content-Length: 5\r\n', `helloGET ${INTENDED} HTTP/1.1\r\nHost: a.test\r\n\r\n`),
      outcome: 'single',
      answers: 2,
    },
  ],
}

export const chunks: readonly PayloadClass[] = [sizes, lineEnds, extensions, bodiless, trailers, pipelined]
