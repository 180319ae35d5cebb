/** What the upstream is told about the client, what it believes of what a client says itself, `Via`, `Host`, prefixes. */
import { createProxy, type ForwardOptions } from '@sluice/core'
import type { AnyProxy, BehaviourGroup, Site } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

const CLAIMS = [
  ['X-Forwarded-For', '203.0.113.9'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'shop.test'],
  ['X-Forwarded-Port', '443'],
  ['Forwarded', 'for=203.0.113.9'],
  ['X-Real-IP', '203.0.113.9'],
  ['Client-Cert', ':c2VjcmV0:'],
] as const

function proxyThat(options: ForwardOptions): (site: Site) => AnyProxy {
  return (site) => createProxy().forward(site.createUpstream('told', { targets: [site.upstream] }), options)
}

export const forwarding: readonly BehaviourGroup[] = [
  {
    name: 'forwarding fields',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: 'name the client',
        request: { path: '/' },
        expected: {
          status: 200,
          upstream: [
            {
              headers: {
                host: 'gateway.test',
                'x-forwarded-for': '127.0.0.1',
                'x-forwarded-proto': (_site, { scheme }) => scheme,
                'x-forwarded-host': 'gateway.test',
                forwarded: null,
              },
            },
          ],
        },
      },
      {
        name: 'that a client makes up are overwritten',
        request: { path: '/', headers: CLAIMS },
        expected: {
          status: 200,
          upstream: [
            {
              headers: {
                'x-forwarded-for': '127.0.0.1',
                'x-forwarded-proto': (_site, { scheme }) => scheme,
                'x-forwarded-host': 'gateway.test',
                'x-forwarded-port': null,
                forwarded: null,
                'x-real-ip': null,
                'client-cert': null,
              },
            },
          ],
        },
      },
      {
        name: 'Via is added both ways, behind what is there',
        request: { path: '/', headers: [['Via', '1.0 before']] },
        answer: () => ({ headers: { Via: '1.1 behind' } }),
        expected: {
          status: 200,
          headers: { via: ({ targetVersion }) => `1.1 behind, ${targetVersion} sluice` },
          upstream: [{ headers: { via: (_site, { httpVersion }) => `1.0 before, ${httpVersion} sluice` } }],
        },
      },
    ],
  },
  {
    name: 'forwarding fields of a trusted proxy',
    proxy: (site) => plainProxy(site, { forwarded: { trust: ['127.0.0.0/8'] } }),
    cases: [
      {
        name: 'are kept and added to',
        request: { path: '/', headers: CLAIMS },
        expected: {
          status: 200,
          upstream: [
            {
              headers: {
                'x-forwarded-for': '203.0.113.9, 127.0.0.1',
                'x-forwarded-proto': 'https',
                'x-forwarded-host': 'shop.test',
                host: 'gateway.test',
              },
            },
          ],
        },
      },
    ],
  },
  {
    name: 'forwarding fields of RFC 7239',
    proxy: (site) => plainProxy(site, { forwarded: { fields: 'both' }, name: 'edge' }),
    cases: [
      {
        name: 'stand beside the others; Via has the name of the proxy',
        request: { path: '/', host: 'gateway.test:8080' },
        expected: {
          status: 200,
          headers: { via: ({ targetVersion }) => `${targetVersion} edge` },
          upstream: [
            {
              headers: {
                forwarded: (_site, { scheme }) => `for=127.0.0.1;proto=${scheme};host="gateway.test:8080"`,
                'x-forwarded-for': '127.0.0.1',
                'x-forwarded-host': 'gateway.test:8080',
                via: (_site, { httpVersion }) => `${httpVersion} edge`,
              },
            },
          ],
        },
      },
    ],
  },
  {
    name: 'without forwarding fields and Via',
    proxy: (site) => plainProxy(site, { forwarded: { fields: 'none' }, via: false }),
    cases: [
      {
        name: 'the upstream is told nothing',
        request: { path: '/', headers: CLAIMS },
        expected: {
          status: 200,
          headers: { via: null },
          upstream: [
            { headers: { 'x-forwarded-for': null, 'x-forwarded-host': null, 'x-forwarded-proto': null, via: null } },
          ],
        },
      },
    ],
  },
  {
    name: 'stripPrefix',
    proxy: proxyThat({ stripPrefix: '/api' }),
    cases: [
      ...[
        ['/api/users/1?full=1', '/users/1?full=1'],
        ['/api', '/'],
        ['/api/', '/'],
        ['/api?x', '/?x'],
        ['/api/a%20b', '/a%20b'],
      ].map(([from = '', to = '']) => ({
        name: `makes ${to} of ${from}, and says so`,
        request: { path: from },
        expected: { status: 200, upstream: [{ path: to, headers: { 'x-forwarded-prefix': '/api' } }] },
      })),
      {
        name: 'leaves other paths alone',
        request: { path: '/apis/1' },
        expected: { status: 200, upstream: [{ path: '/apis/1', headers: { 'x-forwarded-prefix': null } }] },
      },
    ],
  },
  {
    name: 'host: target',
    proxy: proxyThat({ host: 'target' }),
    cases: [
      {
        name: 'names the target; the client’s is in X-Forwarded-Host',
        request: { path: '/' },
        expected: {
          status: 200,
          upstream: [
            { headers: { host: (site) => [new URL(site.upstream).host], 'x-forwarded-host': 'gateway.test' } },
          ],
        },
      },
    ],
  },
  {
    name: 'host: a text',
    proxy: proxyThat({ host: 'inner.test:81' }),
    cases: [
      {
        name: 'is what the upstream sees',
        request: { path: '/' },
        expected: {
          status: 200,
          upstream: [{ headers: { host: ['inner.test:81'], 'x-forwarded-host': 'gateway.test' } }],
        },
      },
    ],
  },
]
