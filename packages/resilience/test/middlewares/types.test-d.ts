/** The middlewares add no state and need none: what was set before them is there behind them. */
import { createProxy, createUpstream, defineSlot, type Exchange, type Has, type Middleware, Reply } from '@sluice/core'
import { describe, expectTypeOf, it } from 'vitest'
import {
  concurrencyLimit,
  type ConcurrencyLimit,
  deadline,
  hedge,
  retry,
  routeBreaker,
  sendDeadline,
  shedLoad,
} from '../../src/index.ts'

const tenant = defineSlot<string>()('test.tenant')
type Tenanted = Has<typeof tenant>
const readTenant: Middleware<unknown, Tenanted> = (x, next) => next(x.set(tenant, 'acme'))
const needsTenant: Middleware<Tenanted> = (x, next) => next(x)
const users = createUpstream('users', { targets: ['http://127.0.0.1:3001'] })

describe('a chain', () => {
  it('keeps its state through all of them', () => {
    createProxy().route({}, (route) =>
      route
        .use(readTenant)
        .use(shedLoad())
        .use(deadline({ timeoutMs: 1_000 }))
        .use(concurrencyLimit())
        .use(routeBreaker({ fallback: { status: 200 } }))
        .use(retry())
        .use(hedge())
        .use(needsTenant)
        .forward(users, { edits: [sendDeadline({ header: 'X-Timeout-Ms' })] }),
    )
  })

  it('gives options the state that was set before', () => {
    createProxy()
      .use(readTenant)
      .use(concurrencyLimit({ key: (x) => x.get(tenant) }))
      .use(shedLoad({ classOf: (x) => (x.get(tenant) === 'acme' ? 0 : 1) }))
      .use(deadline({ header: 'a', acceptFrom: (x) => x.get(tenant) === 'acme' }))
      .use(routeBreaker({ fallback: (x) => Reply.text(x.get(tenant)) }))
      .forward(users)
  })

  it('does not compile where that state is not set', () => {
    const byTenant = concurrencyLimit({ key: (x: Exchange<Tenanted>) => x.get(tenant) })
    expectTypeOf(byTenant).toEqualTypeOf<ConcurrencyLimit<Tenanted>>()
    // @ts-expect-error -- nothing has set it
    createProxy().use(byTenant)
    // @ts-expect-error -- nothing has set it
    createProxy().use(concurrencyLimit({ key: (x) => x.get(tenant) }))
    // @ts-expect-error -- nothing has set it
    createProxy().use(routeBreaker({ fallback: (x) => Reply.text(x.get(tenant)) }))
  })
})
