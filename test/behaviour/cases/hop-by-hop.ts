/** Fields of one connection stay on it, both ways, and no client can take away with them what a middleware adds. */
import { createProxy, defineMiddleware } from '@sluice/core'
import type { BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

const identify = defineMiddleware('identify', (x, next) => {
  x.request.headers.set('X-User', 'from the middleware')
  return next(x)
})

export const hopByHop: readonly BehaviourGroup[] = [
  {
    name: 'hop-by-hop fields',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: 'of a request are not forwarded',
        request: {
          path: '/',
          headers: [
            ['Keep-Alive', 'timeout=77'],
            ['Proxy-Connection', 'keep-alive'],
            ['Proxy-Authorization', 'Basic c2VjcmV0'],
            ['TE', 'trailers, gzip'],
            ['Upgrade', 'example/1'],
            ['X-End-To-End', 'stays'],
          ],
        },
        expected: {
          status: 200,
          upstream: [
            {
              headers: {
                'keep-alive': null,
                'proxy-connection': null,
                'proxy-authorization': null,
                te: { not: /gzip/ },
                upgrade: null,
                'x-end-to-end': 'stays',
              },
            },
          ],
        },
      },
      {
        name: 'that Connection names are not forwarded, in any case',
        needsConnectionFields: true,
        request: {
          path: '/',
          headers: [
            ['Connection', 'keep-alive , X-ONE,x-two'],
            ['X-One', '1'],
            ['x-two', '2'],
            ['X-Three', '3'],
          ],
        },
        expected: {
          status: 200,
          upstream: [{ headers: { connection: { not: /x-/i }, 'x-one': null, 'x-two': null, 'x-three': '3' } }],
        },
      },
      {
        name: 'of a reply are not sent on',
        needsHttp1Target: true,
        request: { path: '/' },
        answer: () => ({
          headers: [
            ['Connection', 'keep-alive, X-Internal'],
            ['Keep-Alive', 'timeout=77'],
            ['X-Internal', 'of this hop'],
            ['Proxy-Authenticate', 'Basic realm="hop"'],
            ['Upgrade', 'example/1'],
            ['X-End-To-End', 'stays'],
          ],
          body: 'ok',
        }),
        expected: {
          status: 200,
          headers: {
            connection: { not: /x-internal/i },
            'keep-alive': { not: /77/ },
            'x-internal': null,
            'proxy-authenticate': null,
            upgrade: null,
            'x-end-to-end': 'stays',
          },
          body: 'ok',
          upstream: [{}],
        },
      },
      {
        name: 'in disguise, which a lax upstream could take for framing, are dropped',
        request: {
          path: '/',
          headers: [
            ['Content_Length', '9'],
            ['Transfer_Encoding', 'chunked'],
            ['X_Other', 'stays'],
          ],
        },
        expected: {
          status: 200,
          upstream: [{ headers: { content_length: null, transfer_encoding: null, x_other: 'stays' } }],
        },
      },
    ],
  },
  {
    name: 'what a middleware adds',
    proxy: (site) =>
      createProxy()
        .use(identify)
        .forward(site.createUpstream('hop', { targets: [site.upstream] })),
    cases: [
      {
        name: 'arrives though Connection names it, and the client’s own does not',
        request: {
          path: '/',
          headers: [
            ['Connection', 'keep-alive, x-user'],
            ['X-User', 'from the client'],
          ],
        },
        expected: { status: 200, upstream: [{ headers: { 'x-user': ['from the middleware'] } }] },
      },
    ],
  },
  {
    name: 'underscore names',
    proxy: (site) => plainProxy(site, { dropUnderscoreHeaders: true }),
    cases: [
      {
        name: 'are all dropped where that is asked for',
        request: {
          path: '/',
          headers: [
            ['X_Other', 'goes'],
            ['X-Other', 'stays'],
          ],
        },
        expected: { status: 200, upstream: [{ headers: { x_other: null, 'x-other': 'stays' } }] },
      },
    ],
  },
]
