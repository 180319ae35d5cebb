/** Expectations (RFC 9110, section 10.1.1) and requests for a proxy itself (section 7.6.2). */
import type { BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

export const semantics: readonly BehaviourGroup[] = [
  {
    name: 'Expect',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: '100-continue is answered here and not forwarded',
        request: { method: 'POST', path: '/', headers: [['Expect', '100-continue']], body: 'expected' },
        expected: { status: 200, upstream: [{ headers: { expect: null }, body: 'expected' }] },
      },
      {
        name: 'anything else can not be met',
        request: { method: 'POST', path: '/', headers: [['Expect', 'a miracle']], body: 'x' },
        expected: { status: 417, upstream: [] },
      },
    ],
  },
  {
    name: 'Max-Forwards',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: 'OPTIONS that ends here is answered here',
        request: { method: 'OPTIONS', path: '/', headers: [['Max-Forwards', '0']] },
        expected: { status: 204, upstream: [] },
      },
      {
        name: 'OPTIONS that goes on has one less',
        request: { method: 'OPTIONS', path: '/', headers: [['Max-Forwards', '5']] },
        expected: { status: 200, upstream: [{ method: 'OPTIONS', headers: { 'max-forwards': '4' } }] },
      },
      {
        name: 'OPTIONS with what is no number is refused',
        request: { method: 'OPTIONS', path: '/', headers: [['Max-Forwards', 'many']] },
        expected: { status: 400, code: 'ERR_SLUICE_BAD_REQUEST', upstream: [] },
      },
      {
        name: 'means nothing to other methods',
        request: { path: '/', headers: [['Max-Forwards', '0']] },
        expected: { status: 200, upstream: [{ headers: { 'max-forwards': '0' } }] },
      },
    ],
  },
]
