import { describe, expect, it } from 'vitest'
import { ConfigError, type RouteMatch } from '../../src/index.ts'
import { type CompiledMatch, compileMatch, MATCH_ALL } from '../../src/routing/route-match.ts'
import { makeRequest, type RequestInit } from '../exchange.ts'

const compile = (match: RouteMatch, parent: CompiledMatch = MATCH_ALL): CompiledMatch =>
  compileMatch(match, parent, 'routes[3]')

function pathOf(build: () => unknown): string {
  try {
    build()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).message).toContain((error as ConfigError).path)
    return (error as ConfigError).path
  }
  throw new Error('no ConfigError')
}

describe('a wrong match is refused with its path', () => {
  it.each<[where: string, match: unknown]>([
    ['path', { path: '' }],
    ['path', { path: 'users' }],
    ['path', { path: 5 }],
    ['path', { path: '//users' }],
    ['path', { path: '//*' }],
    ['path', { path: '/users//1' }],
    ['path', { path: '/users//*' }],
    ['path', { path: '/users*' }],
    ['path', { path: '/*/users' }],
    ['path', { path: '/users/**' }],
    ['path', { path: '/users/:' }],
    ['path', { path: '/users/:1' }],
    ['path', { path: '/users/:a-b' }],
    ['path', { path: '/:id/x/:id' }],
    ['path', { path: '/a/../b' }],
    ['path', { path: '/a/.' }],
    ['path', { path: '/a b' }],
    ['path', { path: '/a\\b' }],
    ['path', { path: '/a?b' }],
    ['path', { path: '/a#b' }],
    ['path', { path: '/a%2fb' }],
    ['path', { path: '/a%2' }],
    ['path', { path: '/a%00' }],
    ['path', { path: '/a\ud800' }],
    ['host', { host: '' }],
    ['host', { host: 'example.com:80' }],
    ['host', { host: '*' }],
    ['host', { host: '*.' }],
    ['host', { host: 'a.*.com' }],
    ['host', { host: 'http://example.com' }],
    ['host', { host: 'example.com.' }],
    ['host', { host: 7 }],
    ['method', { method: '' }],
    ['method', { method: [] }],
    ['method', { method: ['GET', 'P T'] }],
    ['headers', { headers: { 'a b': true } }],
    ['headers.x-a', { headers: { 'x-a': 5 } }],
    ['query.q', { query: { q: null } }],
    ['priority', { priority: Number.NaN }],
    ['priority', { priority: Number.POSITIVE_INFINITY }],
    ['allowPaths', { allowPaths: ['encoded-slash', 'dots'] }],
    ['allowPaths', { allowPaths: ['control-character'] }],
    ['methods', { path: '/users', methods: ['GET'] }],
  ])('%s of %j', (where, match) => {
    expect(pathOf(() => compile(match as RouteMatch))).toBe(`routes[3].${where}`)
  })

  it('that is a path and no object, since it would hold for everything', () => {
    for (const match of ['/admin', undefined, ['/admin']])
      expect(pathOf(() => compile(match as never))).toBe('routes[3]')
    expect(() => compile('/admin' as never)).toThrow('such as { path: "/users/*" }')
  })

  it('within another route', () => {
    const exact = compile({ path: '/users', host: 'a.test' })
    const prefix = compile({ path: '/users/:id/*', host: 'a.test' })
    expect(pathOf(() => compile({ path: '/x' }, exact))).toBe('routes[3].path')
    expect(pathOf(() => compile({ host: 'b.test' }, prefix))).toBe('routes[3].host')
    expect(pathOf(() => compile({ path: '/posts/:id' }, prefix))).toBe('routes[3].path')
  })
})

describe('a match', () => {
  it('is named after what it asks', () => {
    const name = (match: RouteMatch): string => compile(match).name
    expect(name({})).toBe('/*')
    expect(name({ path: '/' })).toBe('/')
    expect(name({ path: '/users/*', host: 'API.example.com', method: ['GET', 'PUT'] })).toBe(
      'GET|PUT api.example.com/users/*',
    )
    expect(name({ path: '/users/:id', name: 'one user' })).toBe('one user')
  })

  it('holds literals as they stand in a canonical path', () => {
    expect(compile({ path: '/café/%7euser/%c3%a9' }).segments).toEqual(['caf%C3%A9', '~user', '%C3%A9'])
  })

  it('takes over host, priority, predicates and allowed paths of the route around it, and adds its own', () => {
    const outer = compile({ host: 'a.test', path: '/a/*', priority: 5, method: 'GET', allowPaths: ['backslash'] })
    const inner = compile({ path: '/b/:c', headers: { 'x-d': true }, allowPaths: ['encoded-slash'] }, outer)
    expect(inner).toMatchObject({ host: 'a.test', segments: ['a', 'b', ':c'], isPrefix: false, priority: 5 })
    expect(inner.predicates).toHaveLength(2)
    expect(inner.allowedAmbiguities).toBe(1 | 8)
    expect(compile({ priority: 1 }, outer)).toMatchObject({ priority: 1, segments: ['a'], isPrefix: true })
  })
})

describe('predicates', () => {
  const holds = (match: RouteMatch, init: RequestInit): boolean =>
    compile(match).predicates.every((predicate) => predicate(makeRequest(init)))

  it('of methods: one or several, HEAD with GET, exact in case', () => {
    expect(holds({ method: 'GET' }, { method: 'GET' })).toBe(true)
    expect(holds({ method: 'GET' }, { method: 'HEAD' })).toBe(true)
    expect(holds({ method: 'HEAD' }, { method: 'GET' })).toBe(false)
    expect(holds({ method: ['PUT', 'POST'] }, { method: 'POST' })).toBe(true)
    expect(holds({ method: ['PUT', 'POST'] }, { method: 'HEAD' })).toBe(false)
    expect(holds({ method: 'GET' }, { method: 'get' })).toBe(false)
  })

  it('of fields: text, presence, absence, pattern, function; several values joined', () => {
    const headers = { 'X-A': ['1', '2'], 'X-Empty': '' }
    expect(holds({ headers: { 'x-a': '1, 2' } }, { headers })).toBe(true)
    expect(holds({ headers: { 'x-a': '1' } }, { headers })).toBe(false)
    expect(holds({ headers: { 'x-a': true, 'x-b': false } }, { headers })).toBe(true)
    expect(holds({ headers: { 'x-a': false } }, { headers })).toBe(false)
    expect(holds({ headers: { 'x-empty': true } }, { headers })).toBe(true)
    expect(holds({ headers: { 'x-a': /2$/ } }, { headers })).toBe(true)
    expect(holds({ headers: { 'x-b': /.*/ } }, { headers })).toBe(false)
    expect(holds({ headers: { 'x-a': (value) => value.length === 4 } }, { headers })).toBe(true)
    expect(holds({ headers: { 'x-b': () => true } }, { headers })).toBe(false)
  })

  it('of query parameters: decoded, the first of a name', () => {
    const target = '/x?q=a%20b&q=c&flag&__proto__=1'
    expect(holds({ query: { q: 'a b' } }, { target })).toBe(true)
    expect(holds({ query: { q: 'c' } }, { target })).toBe(false)
    expect(holds({ query: { flag: '' } }, { target })).toBe(true)
    expect(holds({ query: { none: false, flag: true } }, { target })).toBe(true)
    expect(holds({ query: { toString: true } }, { target })).toBe(false)
  })

  it('with a global or sticky pattern answer the same each time', () => {
    const match = compile({ headers: { 'x-a': /a/gy } })
    const request = makeRequest({ headers: { 'x-a': 'a' } })
    for (let i = 0; i < 4; i++) expect(match.predicates[0]!(request)).toBe(true)
  })
})
