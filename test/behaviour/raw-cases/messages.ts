/** Sequences of messages on one connection: pipelines, bodies where none is expected, interim responses, old clients. */
import { createProxy, defineMiddleware, Reply } from '@sluice/core'
import { plainProxy } from '../cases/plain-proxy.ts'
import type { RawGroup } from '../raw-case.ts'

const HOST = 'Host: a.test\r\n'
const HIDDEN = `GET /hidden HTTP/1.1\r\n${HOST}\r\n`

const refuse = defineMiddleware('refuse', () => Reply.text('no', { status: 401 }))

export const messages: readonly RawGroup[] = [
  {
    name: 'messages',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: 'two requests sent at once are answered in order',
        bytes: `GET /1 HTTP/1.1\r\n${HOST}\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
        answer: ({ path }) => ({ body: `answer to ${path}` }),
        responses: [
          { status: 200, body: 'answer to /1' },
          { status: 200, body: 'answer to /2' },
        ],
        upstream: [{ path: '/1' }, { path: '/2' }],
      },
      {
        name: 'a request behind a refused one is still served, where the refused one was whole',
        bytes: `GET /a%2Fb HTTP/1.1\r\n${HOST}\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
        responses: [{ status: 400 }, { status: 200 }],
        upstream: [{ path: '/2' }],
      },
      {
        name: 'GET with a body is one request, which has the body',
        bytes: `GET /1 HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
        responses: [{ status: 200 }],
        upstream: [{ method: 'GET', path: '/1', body: HIDDEN }],
      },
      {
        name: 'GET in chunks is one request, which has the body',
        bytes: `GET /1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
        responses: [{ status: 200 }],
        upstream: [{ method: 'GET', path: '/1', body: HIDDEN }],
      },
      {
        name: 'DELETE in chunks is one request, and the connection goes on behind it',
        bytes: `DELETE /1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
        responses: [{ status: 200 }, { status: 200 }],
        upstream: [{ method: 'DELETE', path: '/1', body: HIDDEN }, { path: '/2' }],
      },
      {
        name: 'extensions of chunks end here',
        bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n`,
        responses: [{ status: 200 }],
        upstream: [{ body: 'hello' }],
      },
      {
        name: 'an interim response is sent on',
        bytes: `GET / HTTP/1.1\r\n${HOST}\r\n`,
        answer: () => ({
          informational: [{ status: 103, headers: { Link: '</a.css>; rel=preload' } }],
          body: 'final',
        }),
        responses: [
          { status: 103, headers: { link: '</a.css>; rel=preload' } },
          { status: 200, body: 'final' },
        ],
        upstream: [{}],
      },
      {
        name: 'a client that waits for 100 gets it, and sends its body then',
        bytes: `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
        continuation: 'hello',
        responses: [{ status: 100 }, { status: 200 }],
        upstream: [{ body: 'hello', headers: { expect: null } }],
      },
      {
        name: 'a client of HTTP/1.0 gets no chunks',
        bytes: `GET / HTTP/1.0\r\n${HOST}\r\n`,
        answer: () => ({ body: ['one ', 'two'] }),
        responses: [{ status: 200, headers: { 'transfer-encoding': null, connection: 'close' }, body: 'one two' }],
        closes: true,
        upstream: [{}],
      },
      {
        name: 'an upgrade to HTTP/2 is not forwarded',
        bytes: `GET / HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
        responses: [{ status: 200 }],
        upstream: [{ headers: { upgrade: null, 'http2-settings': null } }],
      },
      {
        name: 'TRACE that ends here shows the request without its secrets',
        bytes: `TRACE /t HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\nAuthorization: Basic c2VjcmV0\r\nCookie: a=b\r\nX-A: b\r\n\r\n`,
        responses: [
          {
            status: 200,
            headers: { 'content-type': 'message/http' },
            body: /^TRACE \/t HTTP\/1\.1\r\n(?!.*(?:authorization|cookie))(?:.*\r\n)*X-A: b\r\n/is,
          },
        ],
        upstream: [],
      },
      {
        name: 'TRACE that goes on has one less',
        bytes: `TRACE /t HTTP/1.1\r\n${HOST}Max-Forwards: 3\r\n\r\n`,
        responses: [{ status: 200 }],
        upstream: [{ method: 'TRACE', headers: { 'max-forwards': '2' } }],
      },
      {
        name: 'trailer fields of a request do not become fields',
        bytes: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Late: 1\r\n\r\n`,
        responses: [{ status: 200 }],
        upstream: [{ body: 'hello', headers: { 'x-late': null } }],
      },
    ],
  },
  {
    name: 'a body that is announced',
    proxy: (site) => plainProxy(site, { maxBodyBytes: 10 }),
    cases: [
      {
        name: 'to be too large is refused before any of it has come',
        bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 11\r\n\r\n`,
        responses: [{ status: 413, headers: { connection: 'close' }, body: /ERR_SLUICE_BODY_TOO_LARGE/ }],
        upstream: [],
      },
    ],
  },
  {
    name: 'early replies',
    proxy: (site) =>
      createProxy()
        .use(refuse)
        .forward(site.createUpstream('never', { targets: [site.upstream] })),
    cases: [
      {
        name: 'reach a client that still sends, and the connection is closed behind them',
        bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n${'x'.repeat(1_000)}`,
        responses: [{ status: 401, headers: { connection: 'close' }, body: 'no' }],
        upstream: [],
      },
      {
        name: 'leave the connection open where the body was there already',
        bytes: `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhelloPOST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
        responses: [
          { status: 401, headers: { connection: { not: /close/ } } },
          { status: 401, headers: { connection: { not: /close/ } } },
        ],
        upstream: [],
      },
    ],
  },
]
