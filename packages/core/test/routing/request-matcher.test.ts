import { describe, expect, it } from 'vitest'
import { ConfigError, createProxy, Reply, RequestMatcher, type RequestMatch } from '../../src/index.ts'
import { makeRequest } from '../exchange.ts'

describe('RequestMatcher', () => {
  it('matches where one of its matches does', () => {
    const matcher = new RequestMatcher([{ path: '/admin/*' }, { path: '/users/:id', method: 'DELETE' }], 'guard')
    const asked = ['/admin', '/admin/x/y', '/administrator', '/users/1'].map((target) => makeRequest({ target }))
    expect(asked.map((request) => matcher.matches(request))).toEqual([true, true, false, false])
    expect(matcher.matches(makeRequest({ target: '/users/1', method: 'DELETE' }))).toBe(true)
    expect(matcher.matches(makeRequest({ target: '/users/1' }), '/admin/1')).toBe(true)
  })

  it.each<[RequestMatch, object]>([
    [{ path: '/caf%C3%A9/*' }, { path: '/caf%c3%a9/a' }],
    [{ path: '/a/:b' }, { path: '/%61/x%20y?z' }],
    [{ host: '*.example.com' }, { headers: { Host: 'API.example.com.:8080' } }],
    [{ method: ['GET'] }, { method: 'HEAD' }],
    [{ headers: { 'X-A': /^b/ } }, { headers: { 'x-a': 'bc' } }],
    [{ query: { a: 'b c' } }, { path: '/?a=b+c&a=d' }],
    [{ headers: { Authorization: false } }, {}],
  ])('decides as a route with %j does', async (match, request) => {
    const matcher = new RequestMatcher(match, 'guard')
    const seen: boolean[] = []
    const proxy = createProxy()
      .use((x, next) => {
        seen.push(matcher.matches(x.request))
        return next(x)
      })
      .route(match, (route) => route.handle(() => Reply.empty(200)))
    proxy.handle(() => Reply.empty(404))
    expect((await proxy.inject(request)).status).toBe(200)
    const other = { path: '/other', method: 'POST', headers: { Authorization: 'x' } }
    expect((await proxy.inject(other)).status).toBe(404)
    expect(seen).toEqual([true, false])
  })

  it('refuses what a route would refuse, with its path', () => {
    expect(() => new RequestMatcher([{ path: '/a' }, { path: 'b' }], 'guard.paths')).toThrow(
      expect.objectContaining({ path: 'guard.paths[1].path' }),
    )
    expect(() => new RequestMatcher({ path: '/a/../b' }, 'guard')).toThrow(
      expect.objectContaining({ path: 'guard.path' }),
    )
    expect(() => new RequestMatcher([], 'guard')).toThrow(ConfigError)
  })
})
