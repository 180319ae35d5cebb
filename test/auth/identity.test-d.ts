/** What is keyed by identity needs authentication before it, across packages. */
import { anyOf, apiKey, basic, jwt, type JwtIdentity, optional, requireIdentity } from '@sluice/auth'
import { createProxy, createUpstream, type Exchange, type Has, identity } from '@sluice/core'
import { concurrencyQuota, rateLimit } from '@sluice/rate-limit'
import { describe, expectTypeOf, it } from 'vitest'

const users = createUpstream('users', { targets: ['http://127.0.0.1:3001'] })
const password = basic({ users: {} })
const token = jwt({ algorithms: ['HS256'], secret: 'k'.repeat(32) })
const key = apiKey({ keys: [] })

describe('a limit keyed by identity', () => {
  it('compiles behind each strategy, and behind several', () => {
    createProxy()
      .use(password)
      .use(rateLimit({ limit: 10, key: (x) => x.get(identity).subject }))
      .forward(users)
    createProxy()
      .use(token)
      .use(
        rateLimit({
          policies: [{ limit: 10, key: (x) => String(x.get(identity).claims['tenant']) }],
          bypass: { when: (x) => x.get(identity).roles.includes('admin') },
        }),
      )
      .use(concurrencyQuota({ max: 5, key: (x) => x.get(identity).raw.header.alg }))
      .forward(users)
    createProxy()
      .use(anyOf(token, key))
      .use(
        rateLimit({
          limit: 10,
          key: (x) => {
            const who = x.get(identity)
            return who.scheme === 'jwt' ? who.raw.header.alg : who.raw.id
          },
        }),
      )
      .forward(users)
  })

  it('does not compile before authentication, without it, or where it may be missing', () => {
    const bySubject = rateLimit({ limit: 10, key: (x: Exchange<Has<typeof identity>>) => x.get(identity).subject })
    createProxy().use(password).use(bySubject)
    createProxy()
      // @ts-expect-error -- nobody has asked yet
      .use(bySubject)
      .use(password)
    createProxy().use(
      // @ts-expect-error -- nobody has asked
      rateLimit({ limit: 10, key: (x) => x.get(identity).subject }),
    )
    createProxy()
      .use(optional(password))
      .use(
        // @ts-expect-error -- there may be none
        rateLimit({ limit: 10, key: (x) => x.get(identity).subject }),
      )
    createProxy()
      .use(optional(password))
      .use(rateLimit({ limit: 10, key: (x) => x.peek(identity)?.subject ?? x.client.address }))
  })

  it('knows what only a token has', () => {
    createProxy()
      .use(password)
      .use(
        // @ts-expect-error -- a user of Basic has no token
        rateLimit({ limit: 10, key: (x) => x.get(identity).raw.header.alg }),
      )
    createProxy()
      .use(anyOf(token, password))
      .use(requireIdentity({ scopes: ['read'] }))
      .route({ path: '/a' }, (r) =>
        r
          .use(requireIdentity({ when: (who) => who.scheme === 'jwt' && who.claims.iss === 'a' }))
          .use((x, next) => {
            const who = x.get(identity)
            if (who.scheme === 'jwt') expectTypeOf(who).toEqualTypeOf<JwtIdentity>()
            return next(x)
          })
          .forward(users),
      )
  })
})
