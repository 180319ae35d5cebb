/** What a client sees when an upstream or a middleware fails: a problem that names no host, no address and no stack. */
import { createProxy, defineMiddleware, UpstreamError } from '@sluice/core'
import type { AnyProxy, BehaviourGroup, Site } from '../behaviour-case.ts'

const NOTHING_INTERNAL = [/127\.0\.0\.1/, /localhost/, /ECONN/, /node_modules/, /\bat .*:\d+/, /secret/]

const throwing = defineMiddleware('throwing', () => {
  throw new TypeError('a secret of the middleware')
})
const rejecting = defineMiddleware(
  'rejecting',
  async () => await Promise.reject(new Error('a secret of the middleware')),
)
const throwingAfterwards = defineMiddleware('throwingAfterwards', async (x, next) => {
  await next(x)
  throw new Error('a secret of the middleware')
})
const knowing = defineMiddleware('knowing', () => {
  throw new UpstreamError('ERR_SLUICE_TLS_CERTIFICATE', { message: 'the secret certificate of 127.0.0.1' })
})
const splittingRequest = defineMiddleware('splittingRequest', (x, next) => {
  x.request.headers.set('X-Note', 'a\r\nX-Evil: 1')
  return next(x)
})
const splittingReply = defineMiddleware('splittingReply', async (x, next) => {
  const reply = await next(x)
  reply.headers.set('X-Note', 'a\r\nX-Evil: 1')
  return reply
})
const countingAttempts = defineMiddleware('countingAttempts', async (x, next) => {
  const reply = await next(x)
  reply.headers.set('X-Attempts', String(x.attempts.length))
  return reply
})

function failing(site: Site): AnyProxy {
  const works = site.createUpstream('works', { targets: [site.upstream] })
  const refuses = site.createUpstream('refuses', { targets: [site.refused] })
  const down = site.createUpstream('down', { targets: [{ url: site.upstream, state: 'down' }] })
  // The first pick is the second target, which refuses.
  const half = site.createUpstream('half', { targets: [site.upstream, site.refused], random: () => 0 })
  const otherHalf = site.createUpstream('otherHalf', { targets: [site.upstream, site.refused], random: () => 0 })
  return createProxy({ onError: () => {} })
    .route({ path: '/refused' }, (route) => route.forward(refuses))
    .route({ path: '/down' }, (route) => route.forward(down))
    .route({ path: '/half' }, (route) => route.use(countingAttempts).forward(half))
    .route({ path: '/other-half' }, (route) => route.use(countingAttempts).forward(otherHalf))
    .route({ path: '/throws' }, (route) => route.use(throwing).forward(works))
    .route({ path: '/rejects' }, (route) => route.use(rejecting).forward(works))
    .route({ path: '/throws-afterwards' }, (route) => route.use(throwingAfterwards).forward(works))
    .route({ path: '/knows' }, (route) => route.use(knowing).forward(works))
    .route({ path: '/splits-request' }, (route) => route.use(splittingRequest).forward(works))
    .route({ path: '/splits-reply' }, (route) => route.use(splittingReply).forward(works))
    .forward(works)
}

export const failures: readonly BehaviourGroup[] = [
  {
    name: 'failures',
    proxy: failing,
    cases: [
      {
        name: 'an upstream that refuses is a 502',
        request: { path: '/refused' },
        expected: {
          status: 502,
          code: 'ERR_SLUICE_CONNECT_REFUSED',
          headers: { 'proxy-status': 'sluice; error=connection_refused', 'cache-control': 'no-store' },
          bodyOmits: NOTHING_INTERNAL,
          upstream: [],
        },
      },
      {
        name: 'an upstream that refuses a body is a 502',
        request: { method: 'POST', path: '/refused', body: 'not lost, but not wanted' },
        expected: { status: 502, code: 'ERR_SLUICE_CONNECT_REFUSED', upstream: [] },
      },
      {
        name: 'no target that is up is a 503',
        request: { path: '/down' },
        expected: {
          status: 503,
          code: 'ERR_SLUICE_NO_TARGET',
          headers: { 'proxy-status': 'sluice; error=destination_unavailable' },
          bodyOmits: NOTHING_INTERNAL,
          upstream: [],
        },
      },
      {
        name: 'a target that refuses is followed by one that does not',
        request: { path: '/half' },
        expected: { status: 200, headers: { 'x-attempts': '2' }, upstream: [{ path: '/half' }] },
      },
      {
        name: 'and that one gets the whole body, whatever the method',
        request: { method: 'POST', path: '/other-half', body: 'whole' },
        expected: {
          status: 200,
          headers: { 'x-attempts': '2' },
          upstream: [{ method: 'POST', headers: { 'content-length': '5' }, body: 'whole' }],
        },
      },
      {
        name: 'an upstream that resets the connection is a 502, and a POST is not repeated',
        request: { method: 'POST', path: '/reset', body: 'once' },
        answer: () => ({ reset: true }),
        expected: {
          status: 502,
          code: 'ERR_SLUICE_CONNECTION_RESET',
          headers: { 'proxy-status': 'sluice; error=connection_terminated' },
          bodyOmits: NOTHING_INTERNAL,
          upstream: [{ body: 'once' }],
        },
      },
      ...['/throws', '/rejects'].map((path) => ({
        name: `a middleware that ${path.slice(1)} is a 500`,
        request: { path },
        expected: {
          status: 500,
          code: 'ERR_SLUICE_INTERNAL' as const,
          headers: { 'proxy-status': 'sluice; error=proxy_internal_error' },
          bodyOmits: NOTHING_INTERNAL,
          upstream: [],
        },
      })),
      {
        name: 'a middleware that throws after the reply has come is a 500',
        request: { path: '/throws-afterwards' },
        answer: () => ({ body: 'of the upstream', headers: { 'X-Own': 'yes' } }),
        expected: { status: 500, code: 'ERR_SLUICE_INTERNAL', headers: { 'x-own': null }, upstream: [{}] },
      },
      {
        name: 'a middleware that throws an error with a code gets its status',
        request: { path: '/knows' },
        expected: { status: 502, code: 'ERR_SLUICE_TLS_CERTIFICATE', bodyOmits: NOTHING_INTERNAL, upstream: [] },
      },
      {
        name: 'a line break in a field of the request is a 500, and nothing is sent',
        request: { path: '/splits-request' },
        expected: { status: 500, code: 'ERR_SLUICE_INTERNAL', upstream: [] },
      },
      {
        name: 'a line break in a field of the reply is a 500, and no field of its own',
        request: { path: '/splits-reply' },
        expected: {
          status: 500,
          code: 'ERR_SLUICE_INTERNAL',
          headers: { 'x-note': null, 'x-evil': null },
          upstream: [{}],
        },
      },
    ],
  },
  {
    name: 'time limits',
    proxy: (site) =>
      createProxy().forward(site.createUpstream('late', { targets: [site.upstream] }), { headTimeoutMs: 40 }),
    cases: [
      {
        name: 'an upstream that does not answer in time is a 504',
        request: { path: '/late' },
        isSlow: true,
        answer: () => ({ hang: true }),
        expected: {
          status: 504,
          code: 'ERR_SLUICE_HEAD_TIMEOUT',
          headers: { 'proxy-status': 'sluice; error=http_response_timeout' },
          bodyOmits: NOTHING_INTERNAL,
          upstream: [{}],
        },
      },
    ],
  },
]
