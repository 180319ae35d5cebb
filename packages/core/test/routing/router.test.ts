import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RouteMatch } from '../../src/index.ts'
import { type CompiledMatch, compileMatch, MATCH_ALL } from '../../src/routing/route-match.ts'
import { pathParams, Router } from '../../src/routing/router.ts'
import { makeRequest, type RequestInit } from '../exchange.ts'

interface TestRoute {
  readonly id: number
  readonly match: CompiledMatch
}

const routesOf = (...matches: RouteMatch[]): TestRoute[] =>
  matches.map((match, id) => ({ id, match: compileMatch(match, MATCH_ALL, `routes[${id}]`) }))

const finder = (...matches: RouteMatch[]) => {
  const router = new Router(routesOf(...matches))
  return (target: string, host = '', init: RequestInit = {}) => router.find(makeRequest({ ...init, target }), host)?.id
}

describe('Router', () => {
  it('prefers literal to parameter to prefix, segment by segment, whatever the order of definition', () => {
    const find = finder(
      { path: '/*' },
      { path: '/users/*' },
      { path: '/users/:id' },
      { path: '/users/me' },
      { path: '/users/:id/posts' },
      { path: '/:kind/me' },
      { path: '/' },
    )
    expect(find('/')).toBe(6)
    expect(find('/users')).toBe(1)
    expect(find('/users/')).toBe(1)
    expect(find('/users/me')).toBe(3)
    expect(find('/users/1')).toBe(2)
    expect(find('/users/1/posts')).toBe(4)
    expect(find('/users/1/posts/2')).toBe(1)
    expect(find('/things/me')).toBe(5)
    expect(find('/things')).toBe(0)
    expect(find('/usersx')).toBe(0)
    expect(find('/users/1?x=/users/me')).toBe(2)
  })

  it('goes back from a literal that leads nowhere to a parameter, and from there to a prefix', () => {
    const find = finder({ path: '/a/b/c' }, { path: '/a/:x/d' }, { path: '/:y/b/e' }, { path: '/a/*' })
    expect(find('/a/b/c')).toBe(0)
    expect(find('/a/b/d')).toBe(1)
    expect(find('/z/b/e')).toBe(2)
    // The first segment decides: `/a/*` is more specific than `/:y/b/e`.
    expect(find('/a/b/e')).toBe(3)
    expect(find('/a/b/f')).toBe(3)
    expect(find('/b/b/f')).toBeUndefined()
  })

  it('goes back as well where a predicate does not hold', () => {
    const find = finder({ path: '/a/b', method: 'PUT' }, { path: '/a/:x', headers: { 'x-y': true } }, { path: '/*' })
    expect(find('/a/b', '', { method: 'PUT' })).toBe(0)
    expect(find('/a/b', '', { headers: { 'x-y': '1' } })).toBe(1)
    expect(find('/a/b')).toBe(2)
  })

  it('takes no empty segment for a parameter', () => {
    const find = finder({ path: '/users/:id' })
    expect(find('/users/')).toBeUndefined()
    expect(find('/users')).toBeUndefined()
  })

  it('tells a path with a slash at the end from one without', () => {
    const find = finder({ path: '/a' }, { path: '/a/' })
    expect([find('/a'), find('/a/'), find('/a/b')]).toEqual([0, 1, undefined])
  })

  it('prefers the exact host, then the longest wildcard, then none', () => {
    const find = finder(
      { path: '/*' },
      { host: '*.example.com' },
      { host: '*.eu.example.com' },
      { host: 'a.eu.example.com' },
      { host: 'a.eu.example.com', path: '/only' },
    )
    expect(find('/', 'a.eu.example.com')).toBe(3)
    expect(find('/only', 'a.eu.example.com')).toBe(4)
    expect(find('/', 'b.eu.example.com')).toBe(2)
    expect(find('/', 'x.y.eu.example.com')).toBe(2)
    expect(find('/', 'b.example.com')).toBe(1)
    expect(find('/', 'eu.example.com')).toBe(1)
    expect(find('/', 'example.com')).toBe(0)
    expect(find('/', 'badexample.com')).toBe(0)
    expect(find('/', 'a.eu.example.com.evil.test')).toBe(0)
    expect(find('/', '')).toBe(0)
    expect(find('/', '__proto__')).toBe(0)
  })

  it('falls back to a less specific host where no path of a more specific one fits', () => {
    const find = finder({ host: 'a.test', path: '/x' }, { host: '*.test', path: '/y' }, { path: '/z' })
    expect([find('/x', 'a.test'), find('/y', 'a.test'), find('/z', 'a.test')]).toEqual([0, 1, 2])
  })

  it('lets a priority decide before all else', () => {
    const find = finder(
      { host: 'a.test', path: '/a/b' },
      { path: '/*', priority: 1, headers: { 'x-first': true } },
      { path: '/*', priority: -1 },
      { path: '/*', priority: 0.5, method: 'PUT' },
    )
    expect(find('/a/b', 'a.test')).toBe(0)
    expect(find('/a/b', 'a.test', { headers: { 'x-first': '1' }, method: 'PUT' })).toBe(1)
    expect(find('/a/b', 'a.test', { method: 'PUT' })).toBe(3)
    expect(find('/other', 'a.test')).toBe(2)
  })

  it('prefers more conditions, then the order of definition', () => {
    const find = finder(
      { path: '/a' },
      { path: '/a' },
      { path: '/a', method: 'GET' },
      { path: '/a', method: 'GET', query: { q: true } },
      { path: '/a', method: 'GET' },
    )
    expect(find('/a?q=1')).toBe(3)
    expect(find('/a', '', { method: 'HEAD' })).toBe(2)
    expect(find('/a', '', { method: 'PUT' })).toBe(0)
  })

  it('takes names of Object.prototype for ordinary segments', () => {
    const find = finder({ path: '/__proto__/x' }, { path: '/:__proto__/constructor' })
    expect(find('/__proto__/x')).toBe(0)
    expect(find('/constructor')).toBeUndefined()
    expect(find('/toString/x')).toBeUndefined()
    const params = pathParams(routesOf({ path: '/:__proto__/:constructor' })[0]!.match, '/a/b')
    expect(Object.entries(params)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
  })

  it('matches on the canonical path', () => {
    const find = finder({ path: '/café/:x' }, { path: '/admin/*' })
    expect(find('/caf%c3%a9/1')).toBe(0)
    expect(find('/%61dmin/x')).toBe(1)
    expect(find('/public/../admin')).toBe(1)
  })

  it('answers as a naive matcher does, for 10,000 random routes', () => {
    const segment = fc.constantFrom('a', 'b', 'c', 'd', ':p', ':q', '__proto__')
    const pathOf = (segments: string[], tail: string): string => {
      // Names within one pattern have to differ.
      const named = segments.map((each, i) => (each.startsWith(':') ? `${each}${i}` : each))
      return named.length === 0 ? tail || '/' : `/${named.join('/')}${tail}`
    }
    const match: fc.Arbitrary<RouteMatch> = fc
      .record({
        segments: fc.array(segment, { maxLength: 4 }),
        tail: fc.constantFrom('', '/*'),
        host: fc.constantFrom(undefined, undefined, 'a.test', 'b.a.test', '*.test', '*.a.test'),
        method: fc.constantFrom(undefined, undefined, 'GET', 'PUT'),
        query: fc.constantFrom(undefined, undefined, undefined, 'q'),
        priority: fc.constantFrom(0, 0, 0, 1, -1),
      })
      .map(({ segments, tail, host, method, query, priority }) => ({
        path: pathOf(segments, tail),
        priority,
        ...(host === undefined ? {} : { host }),
        ...(method === undefined ? {} : { method }),
        ...(query === undefined ? {} : { query: { [query]: true } }),
      }))
    const request = fc.record({
      target: fc
        .array(fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__'), { maxLength: 5 })
        .chain((segments) =>
          fc.constantFrom('', '/', '?q=1').map((tail) => `/${segments.join('/')}${tail}`.replace('//', '/')),
        ),
      host: fc.constantFrom('', 'a.test', 'b.a.test', 'c.a.test', 'x.test', 'test'),
      method: fc.constantFrom('GET', 'PUT', 'HEAD'),
    })
    let routeCount = 0
    fc.assert(
      fc.property(
        fc.array(match, { minLength: 100, maxLength: 140 }),
        fc.array(request, { minLength: 30, maxLength: 40 }),
        (matches, requests) => {
          const routes = routesOf(...matches)
          routeCount += routes.length
          const router = new Router(routes)
          for (const { target, host, method } of requests) {
            const made = makeRequest({ target, method })
            expect(router.find(made, host)?.id).toBe(naive(routes, made, host)?.id)
          }
        },
      ),
      { numRuns: 100 },
    )
    expect(routeCount).toBeGreaterThanOrEqual(10_000)
  })

  it('finds its way through 10,000 routes at once', () => {
    const matches = Array.from({ length: 10_000 }, (_, i): RouteMatch => ({ path: `/api/v${i % 10}/thing${i}/:id` }))
    const find = finder(...matches)
    for (const i of [0, 4_711, 9_999]) expect(find(`/api/v${i % 10}/thing${i}/x`)).toBe(i)
    expect(find('/api/v1/thing2/x')).toBeUndefined()
  })

  it('takes time in proportion to the path, whatever it is', () => {
    const find = finder(
      { path: '/a/:x/*' },
      { path: '/:x/a/:y/a' },
      { path: '/:x/:y/*', method: 'PUT' },
      { path: '/a/a/a/a' },
    )
    const start = performance.now()
    for (const path of ['/a'.repeat(500_000), `/${'a'.repeat(1_000_000)}`, `/a/${'%41'.repeat(300_000)}`]) find(path)
    expect(performance.now() - start).toBeLessThan(1_500)
  })

  it('visits no node twice, though literals and parameters cross at every segment', () => {
    // All 2^12 combinations of literal and parameter, each failing at its last predicate: a look-up that went over a node
    // more than once would ask many times 4,096.
    let asked = 0
    const matches = Array.from({ length: 4_096 }, (_, bits): RouteMatch => {
      const segments = Array.from({ length: 12 }, (_, i) => ((bits >> i) & 1 ? 'a' : `:p${i}`))
      return { path: `/${segments.join('/')}`, headers: { 'x-a': () => (asked++, false) } }
    })
    const find = finder(...matches)
    expect(find('/a'.repeat(12), '', { headers: { 'x-a': '1' } })).toBeUndefined()
    expect(asked).toBe(4_096)
  })
})

/** The rules of the router's documentation, by comparing every route that matches with every other one. */
function naive(
  routes: readonly TestRoute[],
  request: ReturnType<typeof makeRequest>,
  host: string,
): TestRoute | undefined {
  const path = request.path.split('/').slice(1)
  return routes
    .filter(
      ({ match }) =>
        hostFits(match.host, host) && pathFits(match, path) && match.predicates.every((each) => each(request)),
    )
    .sort((a, b) => compare(a, b))[0]
}

function hostFits(wanted: string | undefined, host: string): boolean {
  if (wanted === undefined) return true
  return wanted.startsWith('*') ? host.endsWith(wanted.slice(1)) && host.length > wanted.length - 1 : host === wanted
}

function pathFits({ segments, isPrefix }: CompiledMatch, path: string[]): boolean {
  if (isPrefix ? path.length < segments.length : path.length !== segments.length) return false
  return segments.every((segment, i) => (segment.startsWith(':') ? path[i] !== '' : segment === path[i]))
}

function compare(a: TestRoute, b: TestRoute): number {
  return (
    b.match.priority - a.match.priority ||
    hostRank(b.match.host) - hostRank(a.match.host) ||
    comparePaths(a.match, b.match) ||
    b.match.predicates.length - a.match.predicates.length ||
    a.id - b.id
  )
}

function hostRank(host: string | undefined): number {
  if (host === undefined) return 0
  return host.startsWith('*') ? host.length : 1_000
}

/** The first segment in which they differ decides: literal, parameter, the end, `/*`. */
function comparePaths(a: CompiledMatch, b: CompiledMatch): number {
  for (let i = 0; i <= Math.max(a.segments.length, b.segments.length); i++) {
    const difference = rankAt(a, i) - rankAt(b, i)
    if (difference !== 0) return difference
  }
  return 0
}

function rankAt({ segments, isPrefix }: CompiledMatch, i: number): number {
  const segment = segments[i]
  if (segment === undefined) return isPrefix ? 3 : 2
  return segment.startsWith(':') ? 1 : 0
}

describe('pathParams', () => {
  const params = (pattern: string, path: string): Record<string, string> => ({
    ...pathParams(routesOf({ path: pattern })[0]!.match, path),
  })

  it('decodes each, and gives the rest as it stands', () => {
    expect(params('/users/:id', '/users/a%20b%2Fc')).toEqual({ id: 'a b/c' })
    expect(params('/:a/x/:b/*', '/1/x/caf%C3%A9/y/z%20/')).toEqual({ a: '1', b: 'café', '*': 'y/z%20/' })
    expect(params('/users/*', '/users')).toEqual({ '*': '' })
    expect(params('/*', '/a/b')).toEqual({ '*': 'a/b' })
    expect(params('/a', '/a')).toEqual({})
  })

  it('leaves what is no UTF-8 as it stands', () => {
    expect(params('/:a/:b', '/%FF/%E9')).toEqual({ a: '%FF', b: '%E9' })
  })

  it('can not be changed, and knows no Object.prototype', () => {
    const made = pathParams(routesOf({ path: '/:a' })[0]!.match, '/x')
    expect(Object.isFrozen(made)).toBe(true)
    expect(made['toString']).toBeUndefined()
  })
})
