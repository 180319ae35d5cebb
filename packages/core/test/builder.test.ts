import { fakeUpstream } from '@sluice/testing'
import { describe, expect, it, vi } from 'vitest'
import {
  ConfigError,
  createProxy,
  createUpstream,
  defineMiddleware,
  defineSlot,
  type Exchange,
  forward,
  type Handler,
  type Has,
  type Middleware,
  Reply,
  type RouteBuilder,
  UpstreamError,
} from '../src/index.ts'

const ok: Handler = () => Reply.text('ok')
const upstream = () => createUpstream('users', { targets: ['http://users.test'], transport: fakeUpstream().transport })

function failure(build: () => unknown): ConfigError {
  try {
    build()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return error as ConfigError
  }
  throw new Error('no ConfigError')
}

/** Leaves a trace on the way in and on the way out. */
function trace(name: string, log: string[]): Middleware {
  return defineMiddleware(name, async (exchange, next) => {
    log.push(`> ${name}`)
    const reply = await next(exchange)
    log.push(`< ${name}`)
    return reply
  })
}

describe('a chain', () => {
  it('runs from the outside in and back, through nested routes, with what stood before them only', async () => {
    const log: string[] = []
    const proxy = createProxy()
      .use(trace('a', log))
      .route({ path: '/x/*' }, (r) =>
        r
          .use(trace('b', log))
          .route({ path: '/y' }, (r) => r.use(trace('c', log)).handle(ok))
          .use(trace('d', log))
          .route({ path: '/z' }, (r) => r.handle(ok)),
      )
      .use(trace('e', log))
      .route({ path: '/w' }, (r) => r.handle(ok))
    await proxy.inject({ path: '/x/y' })
    expect(log.splice(0)).toEqual(['> a', '> b', '> c', '< c', '< b', '< a'])
    await proxy.inject({ path: '/x/z' })
    expect(log.splice(0)).toEqual(['> a', '> b', '> d', '< d', '< b', '< a'])
    await proxy.inject({ path: '/w' })
    expect(log.splice(0)).toEqual(['> a', '> e', '< e', '< a'])
    expect((await proxy.inject({ path: '/none' })).status).toBe(404)
    expect(log).toEqual(['> a', '> e', '< e', '< a'])
  })

  it('lets a middleware call next twice, or not at all', async () => {
    let calls = 0
    const count: Handler = () => Reply.text(String(++calls))
    const proxy = createProxy()
      .route({ path: '/twice' }, (r) =>
        r
          .use(async (x, next) => {
            await next(x)
            return await next(x)
          })
          .handle(count),
      )
      .route({ path: '/never' }, (r) => r.use(() => Reply.empty(401)).handle(count))
    expect(await (await proxy.inject({ path: '/twice' })).text()).toBe('2')
    expect((await proxy.inject({ path: '/never' })).status).toBe(401)
    expect(calls).toBe(2)
  })

  it('that throws is 500 for the client, and told to onError alone', async () => {
    const told: unknown[] = []
    const boom = new Error('secret')
    const proxy = createProxy({ onError: (error) => told.push(error) })
      .route({ path: '/sync' }, (r) =>
        r.handle(() => {
          throw boom
        }),
      )
      .route({ path: '/async' }, (r) => r.handle(async () => await Promise.reject(boom)))
    for (const path of ['/sync', '/async']) {
      const reply = await proxy.inject({ path })
      expect(reply.status).toBe(500)
      expect(await reply.text()).not.toContain('secret')
    }
    expect(told).toEqual([boom, boom])
    expect(proxy.inFlight).toBe(0)
  })

  it('that throws is 500 also where onError throws in its turn', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const [first, second] = [new Error('first'), new Error('second')]
    const proxy = createProxy({
      onError() {
        throw second
      },
    }).handle(async () => await Promise.reject(first))
    expect((await proxy.inject()).status).toBe(500)
    expect(logged.mock.calls).toEqual([[first], [second]])
    logged.mockRestore()
  })

  it('that forgets to return a reply is 500 as well, and never an unhandled rejection', async () => {
    const told: unknown[] = []
    const proxy = createProxy({ onError: (error) => told.push(error) })
      .route({ path: '/sync' }, (r) => r.use(((x: never, next: Handler) => void next(x)) as never).handle(ok))
      .route({ path: '/async' }, (r) => r.handle((async () => {}) as never))
      .route({ path: '/fetch' }, (r) => r.handle((() => new Response('ok')) as never))
    for (const path of ['/sync', '/async', '/fetch']) expect((await proxy.inject({ path })).status).toBe(500)
    expect(told.map(String)).toEqual([
      expect.stringContaining('returned no Reply: is there a `return` missing?'),
      expect.stringContaining('returned no Reply: is there a `return` missing?'),
      expect.stringContaining('returned no Reply: Reply.text()'),
    ])
  })

  it('whose parts do not fit tells so, since its 500 can not say which', async () => {
    const tenant = defineSlot<string>()('test.tenant')
    const told: unknown[] = []
    const proxy = createProxy({ onError: (error) => told.push(error) })
      .route({ path: '/slot' }, (r) =>
        r.handle((exchange) => Reply.text((exchange as Exchange<Has<typeof tenant>>).get(tenant))),
      )
      .route({ path: '/factory' }, (r) => r.use((() => forward('users' as never)) as never).handle(ok))
      .route({ path: '/upstream' }, (r) =>
        r.handle(() => Promise.reject(new UpstreamError('ERR_SLUICE_CONNECT_REFUSED'))),
      )
    for (const path of ['/slot', '/factory', '/upstream']) await proxy.inject({ path })
    expect(told.map((error) => (error as Error).message)).toEqual([
      'the slot "test.tenant" is not set',
      'forward: needs an upstream: see createUpstream()',
    ])
  })
})

describe('a route', () => {
  it('needs an end, and only one', () => {
    const leaves = (build: (r: RouteBuilder) => unknown) =>
      failure(() => createProxy().route({ path: '/a' }, build)).path
    expect(leaves(() => {})).toBe('routes[0]')
    expect(leaves((r) => r.use(async (x, next) => await next(x)))).toBe('routes[0]')
    expect(leaves((r) => [r.handle(ok), r.handle(ok)])).toBe('routes[0]')
    expect(leaves((r) => [r.forward(upstream()), r.handle(ok)])).toBe('routes[0]')
    expect(leaves((r) => [r.handle(ok), r.use(async (x, next) => await next(x))])).toBe('routes[0].use[0]')
    expect(leaves((r) => r.route({ path: '/b' }, () => {}))).toBe('routes[0].routes[0].path')
  })

  it('names the place of what is wrong in it', () => {
    const path = (build: (r: RouteBuilder) => unknown) =>
      failure(() =>
        createProxy()
          .route({}, (r) => r.handle(ok))
          .route({ path: '/a/*' }, build),
      ).path
    expect(path((r) => r.use('x' as never))).toBe('routes[1].use[0]')
    expect(path((r) => r.handle(undefined as never))).toBe('routes[1].handle')
    expect(path((r) => r.route({ path: '/b' }, () => {}))).toBe('routes[1].routes[0]')
    expect(path((r) => r.route({ host: 'a b' }, (r) => r.handle(ok)))).toBe('routes[1].routes[0].host')
    expect(path((r) => r.forward(upstream(), { headTimeoutMs: -1 }))).toContain('headTimeoutMs')
  })
})

describe('a proxy', () => {
  it('without a route can not be used', () => {
    expect(failure(() => createProxy().nodeHandler()).path).toBe('routes')
    expect(
      failure(() =>
        createProxy()
          .use(async (x, next) => await next(x))
          .explain(),
      ).path,
    ).toBe('routes')
  })

  it('is not listened with, nor asked, by a number or a text', async () => {
    const proxy = createProxy().handle(ok)
    for (const wrong of [8080, '8080'] as never[])
      await expect(proxy.listen(wrong)).rejects.toThrow('listen: must be an object, such as { port: 8080 }')
    await expect(proxy.inject('/users' as never)).rejects.toThrow(
      'inject: must be an object, such as { path: "/users/1" }',
    )
    await expect(proxy.inject({ url: '/users' } as never)).rejects.toThrow(
      'inject.url: is not known: there are method, path',
    )
    await expect(proxy.inject({ method: 'POST', body: { a: 1 } } as never)).rejects.toThrow('inject.body: ')
    expect(() => proxy.explain({ url: '/users' } as never)).toThrow(ConfigError)
  })

  it('can not be changed once it is in use', async () => {
    const proxy = createProxy().handle(ok)
    await proxy.inject()
    for (const change of [
      () => proxy.use(async (x, next) => await next(x)),
      () => proxy.route({}, (r) => r.handle(ok)),
      () => proxy.handle(ok),
      () => proxy.forward(upstream()),
    ]) {
      expect(failure(change).path).toBe('routes')
    }
  })

  it('ends but once', () => {
    expect(failure(() => createProxy().handle(ok).handle(ok)).path).toBe('routes')
    expect(failure(() => createProxy().use(5 as never)).path).toBe('use[0]')
  })

  it('refuses wrong options with their path', () => {
    const path = (options: object) => failure(() => createProxy(options)).path
    expect(path({ name: 'a b' })).toBe('name')
    expect(path({ maxTargetBytes: 0 })).toBe('maxTargetBytes')
    expect(path({ maxTargetBytes: Number.NaN })).toBe('maxTargetBytes')
    expect(path({ maxBodyBytes: -1 })).toBe('maxBodyBytes')
    expect(path({ forwarded: { trust: ['x'] } })).toBe('forwarded.trust[0]')
  })

  it('answers what no route matches as it is told, behind its own middlewares', async () => {
    const log: string[] = []
    const proxy = createProxy({ noMatch: () => Reply.text('none', { status: 418 }) })
      .use(trace('a', log))
      .route({ path: '/x' }, (r) => r.handle(ok))
    const reply = await proxy.inject({ path: '/y' })
    expect([reply.status, await reply.text(), log.length]).toEqual([418, 'none', 2])
  })
})
