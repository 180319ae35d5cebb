/** Which host a request is for must be beyond doubt (RFC 9110, section 7.2; RFC 9112, section 3.2). */
import { plainProxy } from '../cases/plain-proxy.ts'
import type { RawCase, RawGroup } from '../raw-case.ts'

function isRefused(name: string, hostLines: string, target = '/'): RawCase {
  return { name, bytes: `GET ${target} HTTP/1.1\r\n${hostLines}\r\n`, responses: [{ status: 400 }], upstream: [] }
}

export const hosts: readonly RawGroup[] = [
  {
    name: 'hosts',
    proxy: (site) => plainProxy(site),
    cases: [
      isRefused('none', ''),
      isRefused('an empty one', 'Host:\r\n'),
      isRefused('two', 'Host: a.test\r\nHost: b.test\r\n'),
      isRefused('the same one twice', 'Host: a.test\r\nHost: a.test\r\n'),
      isRefused('a list', 'Host: a.test, b.test\r\n'),
      isRefused('with user info', 'Host: user@a.test\r\n'),
      isRefused('with a path', 'Host: a.test/b\r\n'),
      isRefused('with a port that is none', 'Host: a.test:http\r\n'),
      isRefused('with a port out of range', 'Host: a.test:65536\r\n'),
      isRefused('with a space in it', 'Host: a.test b.test\r\n'),
      isRefused('that is another one in the target', 'Host: a.test\r\n', 'http://b.test/'),
      isRefused('with user info in the target', 'Host: a.test\r\n', 'http://user@a.test/'),
      {
        name: 'of HTTP/1.0 may be missing',
        bytes: 'GET /old HTTP/1.0\r\n\r\n',
        responses: [{ status: 200 }],
        closes: true,
        upstream: [{ path: '/old', headers: { via: '1.0 sluice', 'x-forwarded-host': null } }],
      },
    ],
  },
]
