/** What the upstream gets is the target as the client wrote it. */
import { createProxy } from '@sluice/core'
import type { BehaviourCase, BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

function arrivesAsItIs(name: string, path: string): BehaviourCase {
  return { name, request: { path }, expected: { status: 200, upstream: [{ path }] } }
}

export const paths: readonly BehaviourGroup[] = [
  {
    name: 'paths',
    proxy: (site) => plainProxy(site),
    cases: [
      arrivesAsItIs('an escaped space stays escaped', '/a%20b'),
      arrivesAsItIs('an escape that needs not be one stays one', '/%41%7Ea'),
      arrivesAsItIs('lower-case digits of an escape stay lower case', '/%e2%82%ac'),
      arrivesAsItIs('escapes of UTF-8 stay', '/%E2%82%AC/%F0%9F%98%80'),
      arrivesAsItIs('a question mark with nothing behind it stays', '/a?'),
      arrivesAsItIs('a slash at the end stays', '/a/b/'),
      arrivesAsItIs('path parameters stay', '/a;v=1/b;w=2,3'),
      arrivesAsItIs('delimiters of a path stay', "/a!$&'()*+,=:@-._~/b"),
      arrivesAsItIs('a query is not parsed and written again', '/a?b=%20c+d&e&=f&b=%2F&&g={h}|[i]'),
      arrivesAsItIs('a query may hold what a path may not', '/a?next=//b/../c%2F%00&x=%zz'),
    ],
  },
  {
    name: 'paths that the route allows',
    proxy: (site) =>
      createProxy().route(
        { path: '/open/*', allowPaths: ['encoded-slash', 'empty-segment', 'double-encoding', 'backslash'] },
        (route) => route.forward(site.createUpstream('open', { targets: [site.upstream] })),
      ),
    cases: [
      arrivesAsItIs('an escaped slash', '/open/a%2Fb'),
      arrivesAsItIs('an empty segment', '/open/a//b'),
      arrivesAsItIs('an escaped percent sign', '/open/a%252eb'),
      arrivesAsItIs('an escaped backslash', '/open/a%5Cb'),
    ],
  },
  {
    name: 'a base path of the target',
    proxy: (site) => createProxy().forward(site.createUpstream('based', { targets: [`${site.upstream}/base/`] })),
    cases: [
      {
        name: 'stands before each path',
        request: { path: '/a?b' },
        expected: { status: 200, upstream: [{ path: '/base/a?b' }] },
      },
    ],
  },
]
