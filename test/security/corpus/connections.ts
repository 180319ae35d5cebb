/** What concerns the connection: its options, switches of protocol, expectations, and what comes behind an error. */
import { HIDDEN, INTENDED, type PayloadClass, request, variants } from './payload.ts'

const CLOSING = 'Connection: close\r\n'

/** Connection names fields to strip: never those that a middleware adds, nor those that frame (CVE-2026-33805). */
const options: PayloadClass = {
  name: 'Connection names fields',
  payloads: [
    ...variants(
      'options',
      [
        'close, X-User',
        'close, x-user',
        'X-User, close',
        'close,X-User,X-User',
        'close, Host',
        'close, host, x-user',
        'close, Content-Length',
        'close, Transfer-Encoding',
        'close, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Forwarded',
        'close, Via',
        'close, Connection',
        'close, Cookie, Authorization',
        'close, ,,',
        'close, \t',
        'close;x',
        'close, "x-user"',
        'close, __proto__, constructor',
      ],
      (value) => request(`Connection: ${value}\r\nX-User: mallory\r\nContent-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      'single',
    ),
    {
      name: 'in two lines',
      bytes: request('Connection: close\r\nConnection: X-User\r\nX-User: mallory\r\n', HIDDEN, 'GET'),
      outcome: 'single',
    },
    {
      name: 'the length of a chunked body',
      bytes: request(
        'Connection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n',
        `5\r\nhello\r\n0\r\n\r\n${HIDDEN}`,
      ),
      outcome: 'single',
    },
    {
      name: 'a length that would be left beside chunks',
      bytes: request(
        'Connection: Content-Length, close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n',
        `0\r\n\r\n${HIDDEN}`,
      ),
      outcome: 'refused',
    },
    {
      name: 'hop-by-hop fields without being named',
      bytes: request(
        `${CLOSING}Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nProxy-Authorization: x\r\nTrailer: X\r\n`,
        HIDDEN,
        'GET',
      ),
      outcome: 'single',
    },
    {
      name: 'a client that sets what the middleware sets',
      bytes: request(`${CLOSING}X-User: mallory\r\nx-user: mallory\r\nX_User: mallory\r\n`, '', 'GET'),
      outcome: 'single',
    },
  ],
}

/** What is pipelined behind an Upgrade may be meant for another protocol: without a 101 it is nobody's (RFC 9110, 7.8). */
const upgrades: PayloadClass = {
  name: 'Upgrade',
  payloads: [
    ...variants(
      'to',
      [
        'websocket',
        'WebSocket',
        'h2c',
        'H2C',
        'h2',
        'TLS/1.0',
        'HTTP/2.0',
        'foo',
        'foo, websocket',
        'websocket, h2c',
        '',
      ],
      (protocol) =>
        request(
          `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
          HIDDEN,
          'GET',
        ),
      'single',
    ),
    {
      name: 'h2c with its settings',
      bytes: request(
        'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
        HIDDEN,
        'GET',
      ),
      outcome: 'single',
    },
    {
      name: 'h2c with the preface behind it',
      bytes: request(
        'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n',
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${HIDDEN}`,
        'GET',
      ),
      outcome: 'single',
    },
    {
      name: 'with a body',
      bytes: request('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', `hello${HIDDEN}`),
      outcome: 'single',
    },
    {
      name: 'of POST without a body',
      bytes: request('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n', HIDDEN),
      outcome: 'refused',
    },
    {
      name: 'with chunks',
      bytes: request(
        'Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n',
        `0\r\n\r\n${HIDDEN}`,
      ),
      outcome: 'single',
    },
  ],
}

/** Expect: two heads for one request, or none (RFC 9110, section 10.1.1). */
const expectations: PayloadClass = {
  name: 'Expect',
  payloads: [
    {
      name: '100-continue, and the body at once',
      bytes: request('Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
      outcome: 'single',
    },
    {
      name: '100-continue, and a hidden body',
      bytes: request(`Expect: 100-continue\r\nContent-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      outcome: 'single',
    },
    {
      name: '100-continue, chunked',
      bytes: request('Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
      outcome: 'single',
    },
    {
      name: '100-continue without a body',
      bytes: request(`Expect: 100-continue\r\n${CLOSING}`, HIDDEN, 'GET'),
      outcome: 'single',
    },
    {
      name: '100-continue twice',
      bytes: request('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n', `hello`),
      outcome: 'either',
    },
    ...variants(
      'value',
      ['200-ok', '100', '100-continue, x', 'y 100-continue', '', '100-continued', '100-continue;a'],
      (value) => request(`Expect: ${value}\r\n${CLOSING}Content-Length: 5\r\n`, `hello${HIDDEN}`),
      'either',
    ),
    {
      name: 'in HTTP/1.0',
      bytes: request('Expect: 100-continue\r\nContent-Length: 5\r\n', `hello${HIDDEN}`, 'POST', '1.0'),
      outcome: 'single',
    },
  ],
}

/** Behind an error nothing is read: whoever sent it and we do not agree on where it ended (RFC 9112, section 2.2). */
const behindErrors: PayloadClass = {
  name: 'pipelined behind an error',
  payloads: variants(
    'error',
    [
      'x\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/9.9\r\nHost: a.test\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a.test\r\nX Y: z\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: x\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: x\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n',
      'CONNECT a.test:1 HTTP/1.1\r\nHost: a.test\r\n\r\n',
      'GET //x HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n',
      '\0\r\n\r\n',
    ],
    (error) => error + HIDDEN,
  ).concat({
    name: 'and a request before it',
    bytes: `${request('', '', 'GET')}x\r\n\r\n${HIDDEN}`,
    outcome: 'either',
    answers: 2,
  }),
}

/** Middlewares that copy what a client sends into fields, targets and methods: a line break throws, and is never sent. */
const splitting: PayloadClass = {
  name: 'splitting by a middleware',
  payloads: ['reply', 'request', 'target', 'method', 'path'].flatMap((place) =>
    [
      '%0d%0aX-Injected:1',
      '%0aX-Injected:1',
      '%0dX-Injected:1',
      '%00',
      '%7f',
      '%0d%0a%0d%0aGET%20/smuggled-0000%20HTTP/1.1%0d%0aHost:%20a.test%0d%0a%0d%0a',
      // U+010D and U+010A: written as latin1 they would be a line break.
      '%C4%8D%C4%8AX-Injected:1',
      '%E5%98%8D%E5%98%8AX-Injected:1',
    ].map((value) => ({
      name: `${place} ${value}`,
      bytes: `GET /reflect/${place}${INTENDED}?v=a${value} HTTP/1.1\r\nHost: a.test\r\n\r\n`,
      outcome: 'single' as const,
      status: 500,
    })),
  ),
}

export const connections: readonly PayloadClass[] = [options, upgrades, expectations, behindErrors, splitting]
