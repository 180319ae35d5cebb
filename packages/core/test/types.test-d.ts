import {
  createProxy,
  createUpstream,
  defineMiddleware,
  defineSlot,
  type Exchange,
  type Handler,
  type Has,
  type Middleware,
  type Reply,
  type RouteBuilder,
} from '@sluice/core'
/** What the compiler accepts, and what it must refuse. */
import { describe, expectTypeOf, it } from 'vitest'

interface Identity {
  readonly subject: string
}

const identity = defineSlot<Identity>()('auth.identity')
const requestId = defineSlot<string>()('request.id')
type Identified = Has<typeof identity>
type Numbered = Has<typeof requestId>

const users = createUpstream('users', { targets: ['http://127.0.0.1:3001'] })
const auth: Middleware<unknown, Identified> = (x, next) => next(x.set(identity, { subject: 'ann' }))
const number: Middleware<unknown, Numbered> = (x, next) => next(x.set(requestId, '1'))
const rateLimit =
  <N>(options: { readonly key: (exchange: Exchange<N>) => string }): Middleware<N> =>
  (x, next) =>
    options.key(x) === '' ? next(x) : next(x)
const byIdentity = rateLimit({ key: (x: Exchange<Identified>) => x.get(identity).subject })
const bob: Identity = { subject: 'bob' }
const handler: Handler = () => undefined as unknown as Reply

describe('a rate limit keyed by identity', () => {
  it('compiles behind the auth that sets it', () => {
    createProxy().use(auth).use(byIdentity).forward(users)
    createProxy().route({}, (r) =>
      r
        .use(auth)
        .use(rateLimit({ key: (x) => x.get(identity).subject }))
        .forward(users),
    )
  })

  it('does not compile before it, or without it', () => {
    // @ts-expect-error -- nothing has set it yet
    createProxy().use(byIdentity)
    // @ts-expect-error -- nothing has set it yet
    createProxy().use(byIdentity).use(auth)
    // @ts-expect-error -- another slot does not stand in for it
    createProxy().use(number).use(byIdentity)
    // @ts-expect-error -- nothing has set it yet
    createProxy().route({}, (r) => r.use(byIdentity).forward(users))
    // @ts-expect-error -- the key asks for what is not set
    createProxy().route({}, (r) => r.use(rateLimit({ key: (x) => x.get(identity).subject })).forward(users))
  })
})

describe('slots', () => {
  const bare = undefined as unknown as Exchange
  const identified = undefined as unknown as Exchange<Identified>

  it('can be read where they are set, with their type', () => {
    expectTypeOf(identified.get(identity)).toEqualTypeOf<Identity>()
    expectTypeOf(bare.set(requestId, '1').get(requestId)).toEqualTypeOf<string>()
    expectTypeOf(bare.peek(identity)).toEqualTypeOf<Identity | undefined>()
    expectTypeOf<Has<typeof identity>>().toEqualTypeOf<{ readonly 'auth.identity': Identity }>()
  })

  it('have each their own type where several are set', () => {
    const both = identified.set(requestId, '1')
    expectTypeOf(both.get(requestId)).toEqualTypeOf<string>()
    expectTypeOf(both.get(identity)).toEqualTypeOf<Identity>()
  })

  it('keep the type of a value that is more than the slot asks for, where it is said or asked for', () => {
    interface User extends Identity {
      readonly email: string
    }
    const user: User = { subject: 'ann', email: 'ann@example.com' }
    const precise = bare.set<'auth.identity', Identity, User>(identity, user)
    expectTypeOf(precise.get(identity)).toEqualTypeOf<User>()
    expectTypeOf(precise.peek(identity)).toEqualTypeOf<User | undefined>()
    expectTypeOf(bare.set(identity, user).get(identity)).toEqualTypeOf<Identity>()
    const login: Middleware<unknown, { readonly 'auth.identity': User }> = (x, next) => next(x.set(identity, user))
    createProxy()
      .use(login)
      .use(byIdentity)
      .handle((x) => {
        expectTypeOf(x.get(identity)).toEqualTypeOf<User>()
        return undefined as unknown as Reply
      })
    // @ts-expect-error -- there is no email
    const vague: Middleware<unknown, { readonly 'auth.identity': User }> = (x, next) => next(x.set(identity, bob))
    expectTypeOf(vague).toBeFunction()
  })

  it('that may be missing can be looked for alone', () => {
    const maybe = undefined as unknown as Exchange<{ readonly 'auth.identity'?: Identity }>
    expectTypeOf(maybe.peek(identity)).toEqualTypeOf<Identity | undefined>()
    // @ts-expect-error -- it may be missing
    maybe.get(identity)
  })

  it('can not be read where they are not', () => {
    // @ts-expect-error -- not set
    bare.get(identity)
    // @ts-expect-error -- another one is set
    identified.get(requestId)
  })

  it('take values of their own type only', () => {
    bare.set(identity, { subject: 'ann' })
    // @ts-expect-error -- a string is no identity
    bare.set(identity, 'ann')
    // @ts-expect-error -- the subject is missing
    bare.set(identity, {})
    // @ts-expect-error -- nothing is no string
    bare.set(requestId, undefined)
  })

  it('of one name and different types do not stand in for each other', () => {
    const lookalike = defineSlot<number>()('auth.identity')
    // @ts-expect-error -- an identity is no number
    identified.get(lookalike)
  })
})

describe('state', () => {
  it('grows with use(), into routes and the routes within them', () => {
    createProxy()
      .use(number)
      .route({ path: '/users/*' }, (outer) => {
        expectTypeOf(outer).toEqualTypeOf<RouteBuilder<Numbered>>()
        outer.use(auth).route({ path: '/:id' }, (inner) => {
          inner
            .use(byIdentity)
            .use((x, next) => {
              expectTypeOf(x.get(requestId)).toEqualTypeOf<string>()
              return next(x)
            })
            .handle((x) => {
              expectTypeOf(x.get(identity)).toEqualTypeOf<Identity>()
              return handler(x)
            })
        })
      })
      .handle((x) => {
        expectTypeOf(x.get(requestId)).toEqualTypeOf<string>()
        return handler(x)
      })
  })

  it('of a nested route does not leak out', () => {
    createProxy()
      .route({ path: '/a' }, (r) => r.use(auth).forward(users))
      .route({ path: '/b' }, (r) => {
        // @ts-expect-error -- set in another route
        r.use(byIdentity)
        r.handle((x) => {
          // @ts-expect-error -- set in another route
          x.get(identity)
          return handler(x)
        })
      })
  })
})

describe('Middleware', () => {
  it('is contravariant in what it needs and covariant in what it adds', () => {
    expectTypeOf<Middleware>().toExtend<Middleware<Identified>>()
    expectTypeOf<Middleware<Identified>>().not.toExtend<Middleware>()
    expectTypeOf<Middleware<unknown, Identified>>().toExtend<Middleware>()
    expectTypeOf<Middleware>().not.toExtend<Middleware<unknown, Identified>>()
    expectTypeOf<Handler>().toExtend<Handler<Identified>>()
    expectTypeOf<Handler<Identified>>().not.toExtend<Handler>()
    expectTypeOf<Exchange<Identified & Numbered>>().toExtend<Exchange<Identified>>()
    expectTypeOf<Exchange>().not.toExtend<Exchange<Identified>>()
  })

  it('must set what it promises', () => {
    // @ts-expect-error -- hands on an exchange without it
    const liar: Middleware<unknown, Identified> = (x, next) => next(x)
    const honest: Middleware<unknown, Identified & Numbered> = (x, next) =>
      next(x.set(identity, { subject: 'ann' }).set(requestId, '1'))
    createProxy().use(liar).use(honest).use(byIdentity)
  })

  it('keeps its type when it is given a name', () => {
    expectTypeOf(defineMiddleware('auth', auth)).toEqualTypeOf<Middleware<unknown, Identified>>()
  })
})
