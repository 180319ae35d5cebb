/** Heads: lines, names, values, versions, methods (RFC 9112, sections 2, 3 and 5). */
import { HIDDEN, INTENDED, type PayloadClass, request, variants } from './payload.ts'

/** Names that are no tokens: a lax reader trims, cuts or maps them to one that matters (RFC 9112, section 5.1). */
const names: PayloadClass = {
  name: 'field names',
  payloads: variants(
    'line',
    [
      'Content-Length : 45',
      'Content-Length\t: 45',
      'Content-Length\x0b: 45',
      'Content-Length\0: 45',
      'Content-Length\r: 45',
      '\0Content-Length: 45',
      '\x0bContent-Length: 45',
      '\x7fContent-Length: 45',
      '\xefContent-Length: 45',
      'Content\xadLength: 45',
      'Content Length: 45',
      'Content-Length',
      'Content-Length 45',
      '(Content-Length): 45',
      '"Content-Length": 45',
      'Content-Length,: 45',
      'Content/Length: 45',
      'Content[Length]: 45',
      '{Content-Length}: 45',
      'Content@Length: 45',
      'Content=Length: 45',
      ': 45',
      ':',
      ' : 45',
      'GET /smuggled-0000 HTTP/1.1',
      'GET /smuggled-0000 HTTP/1.1: x',
    ],
    (line) => request(`${line}\r\n`, HIDDEN),
  ),
}

/** Folded lines, which have been forbidden since 2014 (RFC 9112, section 5.2). */
const folds: PayloadClass = {
  name: 'folded lines',
  payloads: variants(
    'fold',
    [
      'X: a\r\n b',
      'X: a\r\n\tb',
      'X:\r\n b',
      'X: a\r\n ',
      'X: a\r\n\t',
      'X: a\r\n \r\n b',
      'X: a\r\n Host: b.test',
      'X: a\r\n\r\r\n b',
      'Host:\r\n b.test',
    ],
    (fold) => request(`${fold}\r\n`, HIDDEN, 'GET'),
  ),
}

/** A line that ends in LF, CR or worse, in each place (RFC 9112, section 2.2). */
const ends: PayloadClass = {
  name: 'line ends',
  payloads: ['\n', '\r', '\r\r\n', '\n\r', '\x85', '\0\r\n', '\x0b'].flatMap((end) => {
    const name = JSON.stringify(end)
    const one = (where: string, bytes: string) => ({ name: `${name} ${where}`, bytes, outcome: 'refused' as const })
    return [
      one('behind the request line', `GET ${INTENDED} HTTP/1.1${end}Host: a.test\r\n\r\n${HIDDEN}`),
      one('behind a field that another follows', `GET ${INTENDED} HTTP/1.1\r\nHost: a.test${end}X: y\r\n\r\n${HIDDEN}`),
      one('behind the last field', `GET ${INTENDED} HTTP/1.1\r\nHost: a.test${end}\r\n${HIDDEN}`),
      one('in place of the empty line', `GET ${INTENDED} HTTP/1.1\r\nHost: a.test\r\n${end}${HIDDEN}`),
    ]
  }),
}

/** Control characters in values (RFC 9110, section 5.5). */
const values: PayloadClass = {
  name: 'field values',
  payloads: variants(
    'value',
    [
      '\0',
      'a\0',
      '\0a',
      'a\0b',
      '\x01',
      '\x08',
      'a\x0bb',
      'a\x0cb',
      'a\x1bb',
      'a\x7fb',
      'a\rb',
      'a\nb',
      'a\r\rb',
      '\r',
      '\n',
    ],
    (value) => request(`X: ${value}\r\n`, HIDDEN, 'GET'),
  ),
}

/** Request lines with more, fewer or other separators (RFC 9112, section 3). */
const requestLines: PayloadClass = {
  name: 'request lines',
  payloads: variants(
    'line',
    [
      `GET  ${INTENDED} HTTP/1.1`,
      `GET\t${INTENDED} HTTP/1.1`,
      `GET ${INTENDED}\tHTTP/1.1`,
      `GET ${INTENDED}  HTTP/1.1`,
      ` GET ${INTENDED} HTTP/1.1`,
      `GET ${INTENDED} HTTP/1.1 `,
      `GET ${INTENDED} HTTP/1.1 HTTP/1.1`,
      `GET ${INTENDED} x HTTP/1.1`,
      `GET ${INTENDED}\0 HTTP/1.1`,
      `GET ${INTENDED}\x0bHTTP/1.1`,
      `GET ${INTENDED}\rHTTP/1.1`,
      `G\0ET ${INTENDED} HTTP/1.1`,
      `GET: ${INTENDED} HTTP/1.1`,
      `(GET) ${INTENDED} HTTP/1.1`,
      `\xefGET ${INTENDED} HTTP/1.1`,
      `GET ${INTENDED}\xe4 HTTP/1.1`,
      `GET ${INTENDED}\x7f HTTP/1.1`,
      `GET ${INTENDED} HTTP/1,1`,
      `GET ${INTENDED} http/1.1`,
      `GET ${INTENDED} HTTPS/1.1`,
      `GET ${INTENDED} HTTP/1.10`,
      `GET ${INTENDED} HTTP/01.1`,
      `GET ${INTENDED} HTTP/1`,
      `GET ${INTENDED} HTTP/+1.1`,
      `GET ${INTENDED} HTTP/1.1\0`,
      `GET ${INTENDED} HTTP/`,
      `GET ${INTENDED} `,
      `GET`,
      'GET HTTP/1.1',
      ' HTTP/1.1',
      '',
    ],
    (line) => `${line}\r\nHost: a.test\r\n\r\n${HIDDEN}`,
  ),
}

/** Versions: HTTP/0.9 has no head at all, and HTTP/2 no lines (RFC 9112, section 2.3). */
const versions: PayloadClass = {
  name: 'versions',
  payloads: [
    { name: 'HTTP/0.9', bytes: `GET ${INTENDED}\r\n\r\n${HIDDEN}`, outcome: 'refused' },
    { name: 'HTTP/0.9, spelt out', bytes: `GET ${INTENDED} HTTP/0.9\r\n\r\n${HIDDEN}`, outcome: 'refused' },
    ...['1.2', '1.9', '2.0', '3.0', '0.0', '9.9'].map((version) => ({
      name: `HTTP/${version}`,
      bytes: request('', HIDDEN, 'GET', version),
      outcome: 'refused' as const,
    })),
    { name: 'the preface of HTTP/2', bytes: `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${HIDDEN}`, outcome: 'refused' },
    { name: 'frames of HTTP/2', bytes: '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64', outcome: 'unfinished' },
    {
      name: 'HTTP/1.0 with chunks',
      bytes: request('Transfer-Encoding: chunked\r\n', `0\r\n\r\n${HIDDEN}`, 'POST', '1.0'),
      outcome: 'refused',
    },
    {
      name: 'HTTP/1.0 with chunks, kept alive',
      bytes: request('Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${HIDDEN}`, 'POST', '1.0'),
      outcome: 'refused',
    },
    { name: 'HTTP/1.0 and bytes behind it', bytes: request('', HIDDEN, 'GET', '1.0'), outcome: 'single' },
    {
      name: 'HTTP/1.0 and a length',
      bytes: request('Content-Length: 5\r\n', `hello${HIDDEN}`, 'POST', '1.0'),
      outcome: 'single',
    },
    { name: 'the handshake of TLS', bytes: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n', outcome: 'refused' },
  ],
}

/** More than anybody needs: refused while it arrives, not when memory is gone. */
const oversized: PayloadClass = {
  name: 'too large',
  payloads: [
    {
      name: 'a target',
      bytes: `GET ${INTENDED}${'a'.repeat(9_000)} HTTP/1.1\r\nHost: a.test\r\n\r\n`,
      outcome: 'refused',
      status: 414,
    },
    { name: 'a target without an end', bytes: `GET ${INTENDED}${'a'.repeat(200_000)}`, outcome: 'refused' },
    { name: 'a method without an end', bytes: 'A'.repeat(200_000), outcome: 'refused' },
    { name: 'a field', bytes: request(`X: ${'y'.repeat(70_000)}\r\n`, HIDDEN, 'GET'), outcome: 'refused', status: 431 },
    {
      name: 'a field without an end',
      bytes: `GET ${INTENDED} HTTP/1.1\r\nX: ${'y'.repeat(200_000)}`,
      outcome: 'refused',
      status: 431,
    },
    { name: 'a name', bytes: request(`${'x'.repeat(70_000)}: y\r\n`, HIDDEN, 'GET'), outcome: 'refused', status: 431 },
    { name: 'many fields', bytes: request('X: y\r\n'.repeat(2_500), HIDDEN, 'GET'), outcome: 'refused', status: 431 },
    {
      name: 'a size of a chunk without an end',
      bytes: request('Transfer-Encoding: chunked\r\n', '0'.repeat(100_000)),
      outcome: 'refused',
    },
    { name: 'empty lines', bytes: `${'\r\n'.repeat(2_000)}${HIDDEN}`, outcome: 'refused' },
  ],
}

export const heads: readonly PayloadClass[] = [names, folds, ends, values, requestLines, versions, oversized]
