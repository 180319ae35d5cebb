/**
 * A path that two parties could read differently gets 400, unless its route says otherwise: no guard on `/secret` is
 * passed by another spelling of it. Some frameworks refuse a few of them before the proxy does, hence no code for these.
 */
import { createProxy } from '@sluice/core'
import type { BehaviourCase, BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

function isRefused(name: string, path: string): BehaviourCase {
  return { name, request: { path }, expected: { status: 400, code: 'ERR_SLUICE_AMBIGUOUS_PATH', upstream: [] } }
}

function isRefusedBySomebody(name: string, path: string): BehaviourCase {
  return { name, request: { path }, expected: { status: 400, upstream: [] } }
}

/** A `Request` has its dot segments resolved, so there the path is plainly that of another route: 404. */
function doesNotGetOut(name: string, path: string): BehaviourCase {
  return { name, request: { path }, expected: { status: [400, 404], upstream: [] } }
}

export const ambiguousPaths: readonly BehaviourGroup[] = [
  {
    name: 'ambiguous paths are refused',
    proxy: (site) => plainProxy(site),
    cases: [
      isRefused('an escaped slash', '/a%2Fb'),
      isRefused('an escaped slash in lower case', '/a%2fb'),
      isRefused('an escaped slash before dots', '/public/..%2fsecret'),
      isRefused('an empty segment', '/a//b'),
      isRefused('an escaped backslash', '/a%5cb'),
      isRefused('an escaped NUL', '/a%00b'),
      isRefused('an escaped line feed', '/a%0ab'),
      isRefused('an escaped escape', '/%252e%252e/secret'),
      isRefusedBySomebody('an overlong escape of a slash', '/a%c0%afb'),
      isRefusedBySomebody('an escape of nothing', '/a%zzb'),
      isRefusedBySomebody('half an escape', '/a%2'),
      {
        name: 'what a client would take for another origin',
        request: { path: '//evil.test/a' },
        expected: { status: 400, code: 'ERR_SLUICE_BAD_TARGET', upstream: [] },
      },
    ],
  },
  {
    name: 'dot segments do not leave a prefix',
    proxy: (site) =>
      createProxy().route({ path: '/public/*' }, (route) =>
        route.forward(site.createUpstream('public', { targets: [site.upstream] })),
      ),
    cases: [
      doesNotGetOut('plain', '/public/../secret'),
      doesNotGetOut('escaped', '/public/%2e%2e/secret'),
      doesNotGetOut('half escaped', '/public/.%2E/secret'),
      doesNotGetOut('behind a backslash', '/public/..\\..\\secret'),
      doesNotGetOut('twice', '/public/a/../../secret'),
    ],
  },
]
