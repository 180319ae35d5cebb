/** Forms of a request target (RFC 9112, section 3.2), and what is none. */
import { createProxy } from '@sluice/core'
import { plainProxy } from '../cases/plain-proxy.ts'
import type { RawCase, RawGroup } from '../raw-case.ts'

const HOST = 'Host: a.test\r\n\r\n'

function isRefused(target: string): RawCase {
  return {
    name: `${JSON.stringify(target)} is refused`,
    bytes: `GET ${target} HTTP/1.1\r\n${HOST}`,
    responses: [{ status: 400 }],
    upstream: [],
  }
}

function isForwardedAs(target: string, path: string): RawCase {
  return {
    name: `${JSON.stringify(target)} is forwarded as ${path}`,
    bytes: `GET ${target} HTTP/1.1\r\n${HOST}`,
    responses: [{ status: 200 }],
    upstream: [{ path }],
  }
}

export const targets: readonly RawGroup[] = [
  {
    name: 'targets',
    proxy: (site) => plainProxy(site),
    cases: [
      isForwardedAs('http://a.test/b?c', '/b?c'),
      isForwardedAs('http://a.test', '/'),
      isForwardedAs('HTTP://A.test?c', '/?c'),
      isRefused('*'),
      isRefused('a.test:80'),
      isRefused('file:///etc/passwd'),
      isRefused('relative'),
      isRefused('//evil.test/'),
      isRefused('/\\evil.test/'),
      isRefused('/a#fragment'),
      isRefused('/a\xe9'),
      isRefused('/a b'),
      isRefused('/a\tb'),
      isRefused('/a/../b'),
      isRefused('/a/%2e%2e/b'),
      isRefused('/a\\..\\b'),
      {
        name: 'OPTIONS * is answered here',
        bytes: `OPTIONS * HTTP/1.1\r\n${HOST}`,
        responses: [{ status: 204 }],
        upstream: [],
      },
      {
        name: 'CONNECT is refused, and what follows is not read as a request',
        bytes: `CONNECT a.test:443 HTTP/1.1\r\n${HOST}GET /tunnelled HTTP/1.1\r\n${HOST}`,
        responses: [{ status: 405, headers: { connection: 'close', allow: /GET/ } }],
        bareResponses: [],
        closes: true,
        upstream: [],
      },
      {
        name: 'a target too long for anybody is a 414 or a 431',
        bytes: `GET /?${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}`,
        responses: [{ status: [414, 431] }],
        closes: true,
        upstream: [],
      },
    ],
  },
  {
    name: 'targets that the route allows',
    proxy: (site) =>
      createProxy().route({ path: '/*', allowPaths: ['dot-segment', 'bad-escape', 'backslash'] }, (route) =>
        route.forward(site.createUpstream('open', { targets: [site.upstream] })),
      ),
    cases: [
      isForwardedAs('/a/../b', '/a/../b'),
      isForwardedAs('/a/%2e%2e/b', '/a/%2e%2e/b'),
      isForwardedAs('/a%zz', '/a%zz'),
      isForwardedAs('/a%c0%af', '/a%c0%af'),
      isForwardedAs('/a\\b', '/a\\b'),
    ],
  },
]
