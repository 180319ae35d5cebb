/** Guards stand anywhere in a chain; one with a predicate on state stands behind who sets it. */
import { createProxy, defineMiddleware, identity, type Identity, type Middleware } from '@sluice/core'
import { describe, expectTypeOf, it } from 'vitest'
import { accessRules, allowAddresses, cidrList, cors, denyAddresses, fetchMetadata } from '../../src/access/access.ts'
import type { Identified } from '../../src/index.ts'

const ada: Identity = { subject: 'ada', scheme: 'test', claims: {}, scopes: [], roles: [], raw: undefined }
const authenticate: Middleware<unknown, Identified> = defineMiddleware('authenticate', (x, next) =>
  next(x.set(identity, ada)),
)
type Known = Identified
const admins = accessRules<Known>({
  rules: [{ action: 'deny', path: '/admin/*', when: (x) => !x.get(identity).roles.includes('admin') }],
  default: 'allow',
})

describe('guards', () => {
  it('compile in any chain where they need nothing', () => {
    expectTypeOf(
      createProxy()
        .use(denyAddresses(['10.0.0.1']))
        .use(fetchMetadata()).use,
    ).toBeFunction()
    createProxy()
      .use(cors({ origins: ['https://a.example'] }))
      .use(allowAddresses(cidrList(['10.0.0.0/8'])))
      .use(accessRules({ rules: [], default: 'allow' }))
  })

  it('compile behind what they need, and nowhere else', () => {
    createProxy().use(authenticate).use(admins)
    // @ts-expect-error nobody has set an identity
    createProxy().use(admins)
  })

  it('know their words', () => {
    // @ts-expect-error has to say what holds where no rule does
    accessRules({ rules: [] })
    // @ts-expect-error
    accessRules({ rules: [{ action: 'refuse', path: '/a' }], default: 'allow' })
    // @ts-expect-error
    accessRules({ rules: [{ action: 'deny', times: { days: ['monday'] } }], default: 'allow' })
    // @ts-expect-error
    fetchMetadata({ navigations: true })
  })
})
