/** A request that two parties could cut at different places is refused, and its connection closed (RFC 9112, section 6). */
import { plainProxy } from '../cases/plain-proxy.ts'
import type { RawCase, RawGroup } from '../raw-case.ts'

const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

function isRefused(name: string, lines: string, body = `0\r\n\r\n${HIDDEN}`, version = '1.1'): RawCase {
  return {
    name,
    bytes: `POST / HTTP/${version}\r\nHost: a.test\r\n${lines}\r\n${body}`,
    responses: [{ status: 400 }],
    closes: true,
    upstream: [],
  }
}

function notHttp(name: string, bytes: string): RawCase {
  return { name, bytes, responses: [{ status: [400, 505] }], closes: true, upstream: [] }
}

export const framing: readonly RawGroup[] = [
  {
    name: 'framing',
    proxy: (site) => plainProxy(site),
    cases: [
      isRefused('a length and chunks', `Content-Length: 5\r\n${CHUNKED}`),
      isRefused('chunks and a length', `${CHUNKED}Content-Length: 5\r\n`),
      isRefused('two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'),
      isRefused('the same length twice', 'Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
      isRefused('a list of lengths', 'Content-Length: 5, 5\r\n', 'hello'),
      isRefused('a signed length', 'Content-Length: +5\r\n', 'hello'),
      isRefused('a negative length', 'Content-Length: -5\r\n', 'hello'),
      isRefused('a length in hexadecimal', 'Content-Length: 0x5\r\n', 'hello'),
      isRefused('an empty length', 'Content-Length:\r\n', 'hello'),
      isRefused('a length with a space before its colon', 'Content-Length : 5\r\n', 'hello'),
      isRefused('a coding that is not chunked', 'Transfer-Encoding: gzip\r\n'),
      isRefused('another coding before chunked', 'Transfer-Encoding: gzip, chunked\r\n'),
      isRefused('chunked before another coding', 'Transfer-Encoding: chunked, identity\r\n'),
      isRefused('chunked twice', `${CHUNKED}${CHUNKED}`),
      isRefused('a coding that only looks like chunked', 'Transfer-Encoding: xchunked\r\n'),
      isRefused('chunks in HTTP/1.0', CHUNKED, `0\r\n\r\n${HIDDEN}`, '1.0'),
      isRefused('a folded line', 'X-Folded: a\r\n b\r\n', ''),
      isRefused('a line feed alone behind a field', 'X-A: b\nContent-Length: 5\r\n', 'hello'),
      isRefused('a carriage return alone in a field', 'X-A: b\rContent-Length: 5\r\n', 'hello'),
      isRefused('a NUL in a field', 'X-A: b\x00c\r\n', ''),
      isRefused('a space in the name of a field', 'X A: b\r\n', ''),
      isRefused('a field without a name', ': b\r\n', ''),
      isRefused('a size of a chunk that is none', CHUNKED, 'z\r\nhello\r\n0\r\n\r\n'),
      isRefused('a signed size of a chunk', CHUNKED, '+5\r\nhello\r\n0\r\n\r\n'),
      isRefused('an extension of a chunk that ends in a line feed', CHUNKED, '3;\nabc\r\n0\r\n\r\n'),
      isRefused('a chunk that is longer than it says', CHUNKED, '3\r\nhello\r\n0\r\n\r\n'),
      notHttp('no method', ' / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
      notHttp('a method in lower case', 'get / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
      notHttp('a version that there is not', 'GET / HTTP/1.9\r\nHost: a.test\r\n\r\n'),
      notHttp('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      notHttp('a handshake of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
      {
        name: 'a field section too large for anybody',
        bytes: `GET / HTTP/1.1\r\nHost: a.test\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`,
        responses: [{ status: 431 }],
        closes: true,
        upstream: [],
      },
    ],
  },
]
