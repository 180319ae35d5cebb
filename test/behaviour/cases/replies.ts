/** Replies come back as the upstream gave them: statuses and fields. */
import { createProxy } from '@sluice/core'
import type { BehaviourCase, BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

function passes(status: number): BehaviourCase {
  return {
    name: `${status} with its body`,
    request: { path: '/' },
    answer: () => ({ status, headers: { 'Content-Type': 'text/plain', 'X-Own': 'yes' }, body: `it is ${status}` }),
    expected: {
      status,
      headers: { 'content-type': 'text/plain', 'x-own': 'yes', 'proxy-status': null },
      body: `it is ${status}`,
      upstream: [{}],
    },
  }
}

export const replies: readonly BehaviourGroup[] = [
  {
    name: 'replies',
    proxy: (site) => plainProxy(site),
    cases: [
      passes(404),
      passes(500),
      passes(503),
      passes(418),
      {
        name: '204 has neither body nor length',
        request: { path: '/' },
        answer: () => ({ status: 204, headers: { ETag: '"a"' } }),
        expected: {
          status: 204,
          headers: { etag: '"a"', 'content-length': null, 'transfer-encoding': null },
          body: '',
          upstream: [{}],
        },
      },
      {
        name: '304 keeps the fields of what it stands for',
        request: { path: '/', headers: [['If-None-Match', '"a"']] },
        answer: () => ({
          status: 304,
          headers: { ETag: '"a"', 'Content-Length': '1234', 'Cache-Control': 'no-cache' },
        }),
        expected: {
          status: 304,
          headers: { etag: '"a"', 'content-length': '1234', 'cache-control': 'no-cache' },
          body: '',
          upstream: [{ headers: { 'if-none-match': '"a"' } }],
        },
      },
      {
        name: '205 has no content',
        request: { path: '/' },
        answer: () => ({ status: 205, body: [] }),
        expected: { status: 205, body: '', upstream: [{}] },
      },
      {
        name: '205 loses content that it must not have',
        needsHttp1Target: true,
        request: { path: '/' },
        answer: () => ({ status: 205, body: 'wrong' }),
        expected: { status: 205, body: '', upstream: [{}] },
      },
      {
        name: 'Set-Cookie, several times, in order',
        request: { path: '/', headers: [['Cookie', 'x=1; y=2']] },
        answer: () => ({
          headers: [
            ['Set-Cookie', 'a=1; Path=/'],
            ['Set-Cookie', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT'],
            ['Set-Cookie', 'a=3'],
          ],
        }),
        expected: {
          status: 200,
          headers: { 'set-cookie': ['a=1; Path=/', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'a=3'] },
          upstream: [{ headers: { cookie: ['x=1; y=2'] } }],
        },
      },
      {
        name: 'another repeated field, in order',
        request: { path: '/' },
        answer: () => ({
          headers: [
            ['Link', '</a>; rel=next'],
            ['Link', '</b>; rel=last'],
          ],
        }),
        expected: { status: 200, headers: { link: '</a>; rel=next, </b>; rel=last' }, upstream: [{}] },
      },
      {
        name: 'a redirect is passed on, not followed',
        request: { path: '/old' },
        answer: () => ({ status: 302, headers: { Location: 'http://127.0.0.1:1/internal' } }),
        expected: { status: 302, headers: { location: 'http://127.0.0.1:1/internal' }, upstream: [{ path: '/old' }] },
      },
      {
        name: 'a value beyond ASCII, both ways',
        request: { path: '/', headers: [['X-Name', 'caf\xe9']] },
        answer: () => ({ headers: { 'X-Name': 'na\xefve' } }),
        expected: {
          status: 200,
          headers: { 'x-name': 'na\xefve' },
          upstream: [{ headers: { 'x-name': 'caf\xe9' } }],
        },
      },
      {
        name: 'a validator and a date',
        request: { path: '/' },
        answer: () => ({ headers: { Date: 'Wed, 21 Oct 2015 07:28:00 GMT', ETag: 'W/"x"', Server: 'its own' } }),
        expected: {
          status: 200,
          headers: { date: ['Wed, 21 Oct 2015 07:28:00 GMT'], etag: 'W/"x"', server: 'its own' },
          upstream: [{}],
        },
      },
    ],
  },
  {
    name: 'a status that no standard knows',
    proxy: (site) => createProxy().forward(site.createUpstream('odd', { targets: [site.odd] })),
    cases: [
      {
        name: 'is passed on, with whatever reason',
        request: { path: '/' },
        expected: { status: 299, headers: { 'content-length': '4' }, body: 'odd!', upstream: [] },
      },
    ],
  },
]
