/** A limit that is keyed by what another middleware sets can only stand behind it. */
import { createProxy, createUpstream, defineSlot, type Exchange, type Has, type Middleware } from '@sluice/core'
import type { Redis } from 'ioredis'
import { describe, expectTypeOf, it } from 'vitest'
import {
  concurrencyQuota,
  type ConcurrencyQuota,
  rateLimit,
  type RateLimit,
  type RateLimitOptions,
  type RedisClient,
  redisStore,
} from '../src/index.ts'

interface Identity {
  readonly subject: string
  readonly roles: readonly string[]
}
const identity = defineSlot<Identity>()('test.identity')
type Identified = Has<typeof identity>
const authenticate: Middleware<unknown, Identified> = (x, next) => next(x.set(identity, { subject: 'ada', roles: [] }))
const users = createUpstream('users', { targets: ['http://127.0.0.1:3001'] })

describe('a limit keyed by identity', () => {
  it('compiles behind the middleware that provides it', () => {
    createProxy()
      .use(authenticate)
      .use(rateLimit({ limit: 10, key: (x) => x.get(identity).subject }))
      .use(
        rateLimit({
          policies: [
            { name: 'burst', limit: 10, windowMs: 1_000, key: 'global' },
            {
              name: 'daily',
              limit: 1_000,
              key: (x) => x.get(identity).subject,
              cost: (x) => x.get(identity).roles.length,
            },
          ],
          bypass: { when: (x) => x.get(identity).roles.includes('admin') },
        }),
      )
      .use(concurrencyQuota({ max: 10, key: (x) => x.get(identity).subject }))
      .forward(users)
  })

  it('does not compile before it, or without it', () => {
    const bySubject = rateLimit({ limit: 10, key: (x: Exchange<Identified>) => x.get(identity).subject })
    expectTypeOf(bySubject).toEqualTypeOf<RateLimit<Identified>>()
    createProxy()
      // @ts-expect-error -- nothing has set it yet
      .use(bySubject)
      .use(authenticate)
    createProxy().use(
      // @ts-expect-error -- nothing has set it
      rateLimit({ limit: 10, key: (x) => x.get(identity).subject }),
    )
    createProxy().use(
      // @ts-expect-error -- nothing has set it
      rateLimit({ policies: [{ limit: 10, key: (x) => x.get(identity).subject }] }),
    )
    createProxy().use(
      // @ts-expect-error -- nothing has set it
      rateLimit({ limit: 10, bypass: { when: (x) => x.get(identity).roles.length > 0 } }),
    )
    const quota = concurrencyQuota({ max: 1, key: (x: Exchange<Identified>) => x.get(identity).subject })
    expectTypeOf(quota).toEqualTypeOf<ConcurrencyQuota<Identified>>()
    // @ts-expect-error -- nothing has set it
    createProxy().use(quota)
  })

  it('keeps what was set before for those behind it', () => {
    const needsIdentity: Middleware<Identified> = (x, next) => next(x)
    createProxy()
      .use(authenticate)
      .use(rateLimit({ limit: 1 }))
      .use(needsIdentity)
      .forward(users)
  })
})

describe('options', () => {
  it('need a key that is text, and known words', () => {
    expectTypeOf<{ readonly limit: number }>().toExtend<RateLimitOptions>()
    // @ts-expect-error -- a number is no key
    rateLimit({ limit: 1, key: () => 1 })
    // @ts-expect-error -- there is no such algorithm
    rateLimit({ limit: 1, algorithm: 'leaky' })
    // @ts-expect-error -- there are no such fields
    rateLimit({ limit: 1, fields: 'draft-08' })
  })
})

describe('a store', () => {
  it('takes a client of ioredis', () => {
    expectTypeOf<Redis>().toExtend<RedisClient>()
    expectTypeOf(redisStore).parameter(0).toHaveProperty('client')
  })
})
