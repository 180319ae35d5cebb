/** Bounds on what a client may send. */
import type { BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

const OCTETS = ['Content-Type', 'application/octet-stream'] as const

export const limits: readonly BehaviourGroup[] = [
  {
    name: 'limits',
    proxy: (site) => plainProxy(site, { maxBodyBytes: 10, maxTargetBytes: 100 }),
    cases: [
      {
        name: 'a body of just as much passes',
        request: { method: 'POST', path: '/', headers: [OCTETS], body: '0123456789' },
        expected: { status: 200, upstream: [{ body: '0123456789' }] },
      },
      {
        name: 'a body in chunks of just as much passes',
        request: { method: 'POST', path: '/', headers: [OCTETS], chunks: ['01234', '56789'] },
        expected: { status: 200, upstream: [{ body: '0123456789' }] },
      },
      {
        name: 'a body that announces more is a 413, and nothing is sent',
        request: { method: 'POST', path: '/', headers: [OCTETS], body: '0123456789a' },
        expected: {
          status: 413,
          code: 'ERR_SLUICE_BODY_TOO_LARGE',
          headers: { 'proxy-status': 'sluice; error=http_request_error' },
          upstream: [],
        },
      },
      {
        name: 'a body in chunks that turns out to be more is a 413',
        request: { method: 'POST', path: '/', headers: [OCTETS], chunks: ['01234', '56789', 'a'] },
        expected: { status: 413, code: 'ERR_SLUICE_BODY_TOO_LARGE', upstream: 'any' },
      },
      {
        name: 'a target of just as much passes',
        request: { path: `/?${'x'.repeat(98)}` },
        expected: { status: 200, upstream: [{ path: `/?${'x'.repeat(98)}` }] },
      },
      {
        name: 'a longer target is a 414',
        request: { path: `/?${'x'.repeat(99)}` },
        expected: { status: 414, code: 'ERR_SLUICE_TARGET_TOO_LONG', upstream: [] },
      },
    ],
  },
]
