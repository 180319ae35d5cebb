/** The most specific route answers, whichever way the request came in. Each route here answers with its own name. */
import { createProxy, defineMiddleware, Reply, type RouteBuilder, type RouteMatch } from '@sluice/core'
import type { AnyProxy, BehaviourCase, BehaviourGroup, CaseRequest, Site } from '../behaviour-case.ts'

function goesTo(route: string, request: CaseRequest): BehaviourCase {
  const { method = 'GET', host = '', path } = request
  return {
    name: `${method} ${host}${path} goes to "${route}"`,
    request,
    expected: { status: 200, body: route, upstream: [] },
  }
}

function named(match: RouteMatch): [match: RouteMatch, build: (route: RouteBuilder) => void] {
  return [match, (route) => route.handle((x) => Reply.text(x.route!.name))]
}

const mark = defineMiddleware('mark', async (x, next) => {
  const reply = await next(x)
  reply.headers.append('X-Marked-By', 'the outer route')
  return reply
})

function routes(site: Site): AnyProxy {
  const upstream = site.createUpstream('routing', { targets: [site.upstream] })
  return createProxy()
    .route(...named({ name: 'exact', path: '/users' }))
    .route(...named({ name: 'prefix', path: '/users/*' }))
    .route({ path: '/users/:id/posts/:post' }, (route) => route.handle((x) => Reply.json(x.params)))
    .route(...named({ name: 'literal', path: '/users/me' }))
    .route(...named({ name: 'any host', path: '/where' }))
    .route(...named({ name: 'one host', path: '/where', host: 'api.example.com' }))
    .route(...named({ name: 'a host below', path: '/where', host: '*.example.com' }))
    .route(...named({ name: 'field', path: '/field', headers: { 'x-beta': 'yes' } }))
    .route(...named({ name: 'no field', path: '/field' }))
    .route(...named({ name: 'query', path: '/query', query: { v: /^2/ } }))
    .route(...named({ name: 'no query', path: '/query' }))
    .route(...named({ name: 'read', path: '/method', method: 'GET' }))
    .route(...named({ name: 'write', path: '/method', method: ['PUT', 'POST'] }))
    .route(...named({ name: 'specific', path: '/first/a' }))
    .route(...named({ name: 'urgent', path: '/first/*', priority: 1 }))
    .route({ path: '/nested/*' }, (outer) => {
      outer.use(mark).route({ path: '/inner/*', method: 'GET' }, (inner) => inner.forward(upstream))
    })
}

export const routing: readonly BehaviourGroup[] = [
  {
    name: 'routing',
    proxy: routes,
    cases: [
      goesTo('exact', { path: '/users' }),
      goesTo('exact', { path: '/users?x=/users/1' }),
      goesTo('prefix', { path: '/users/1' }),
      goesTo('prefix', { path: '/users/' }),
      goesTo('literal', { path: '/users/me' }),
      goesTo('literal', { path: '/%75sers/m%65' }),
      {
        name: 'parameters are decoded, and none of them is special',
        request: { path: '/users/a%20b/posts/__proto__' },
        expected: { status: 200, body: '{"id":"a b","post":"__proto__"}', upstream: [] },
      },
      goesTo('any host', { path: '/where' }),
      goesTo('one host', { path: '/where', host: 'api.example.com' }),
      goesTo('one host', { path: '/where', host: 'API.Example.com:8080' }),
      goesTo('a host below', { path: '/where', host: 'a.b.example.com' }),
      goesTo('any host', { path: '/where', host: 'example.com' }),
      goesTo('any host', { path: '/where', host: 'api.example.com.evil.test' }),
      goesTo('field', { path: '/field', headers: [['X-Beta', 'yes']] }),
      goesTo('no field', { path: '/field', headers: [['X-Beta', 'yes!']] }),
      goesTo('query', { path: '/query?v=%32.0' }),
      goesTo('no query', { path: '/query?v=1&v=2' }),
      goesTo('read', { path: '/method' }),
      goesTo('write', { path: '/method', method: 'PUT' }),
      {
        name: 'a route for GET is one for HEAD',
        request: { path: '/method', method: 'HEAD' },
        expected: { status: 200, headers: { 'content-length': '4' }, body: '', upstream: [] },
      },
      goesTo('urgent', { path: '/first/a' }),
      {
        name: 'a nested route has the middlewares around it',
        request: { path: '/nested/inner/a' },
        expected: {
          status: 200,
          headers: { 'x-marked-by': 'the outer route' },
          upstream: [{ path: '/nested/inner/a' }],
        },
      },
      ...[
        { path: '/usersx' },
        { path: '/nested/inner/a', method: 'POST' },
        { path: '/method', method: 'DELETE' },
        { path: '/' },
      ].map((request: CaseRequest): BehaviourCase => ({
        name: `${request.method ?? 'GET'} ${request.path} goes nowhere`,
        request,
        expected: { status: 404, isUnmatched: true, upstream: [] },
      })),
    ],
  },
]
