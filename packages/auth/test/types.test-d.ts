/** What the compiler knows of who is asking, and what it refuses. */
import { createProxy, createUpstream, type Exchange, identity, type Identity, type Reply } from '@sluice/core'
import { describe, expectTypeOf, it } from 'vitest'
import {
  allOf,
  anyOf,
  apiKey,
  type ApiKeyIdentity,
  basic,
  type BasicIdentity,
  type CertificateIdentity,
  clientCertificate,
  defineStrategy,
  type Identified,
  type IdentityOf,
  optional,
  passIdentity,
  passJwt,
  requireIdentity,
  type Strategy,
} from '../src/index.ts'

declare const nothing: Reply
const users = createUpstream('users', { targets: ['http://127.0.0.1:3001'] })
const password = basic({ users: {} })
const key = apiKey({ keys: [] })
const certificate = clientCertificate()

describe('a strategy', () => {
  it('gives an identity of its own type', () => {
    createProxy()
      .use(password)
      .handle((x) => {
        expectTypeOf(x.get(identity)).toEqualTypeOf<BasicIdentity>()
        expectTypeOf(x.get(identity).scheme).toEqualTypeOf<'basic'>()
        return nothing
      })
    expectTypeOf<IdentityOf<typeof key>>().toEqualTypeOf<ApiKeyIdentity>()
    expectTypeOf(password).toExtend<Strategy>()
  })

  it('of one own has whatever it says', () => {
    interface Badge extends Identity {
      readonly scheme: 'badge'
      readonly raw: number
    }
    const badge = defineStrategy<Badge>({ scheme: 'badge', authenticate: () => ({ kind: 'absent' }) })
    createProxy()
      .use(badge)
      .handle((x) => {
        expectTypeOf(x.get(identity).raw).toEqualTypeOf<number>()
        return nothing
      })
  })

  it('is nothing that can be left out', () => {
    createProxy().handle((x) => {
      // @ts-expect-error -- nobody has asked who it is
      x.get(identity)
      return nothing
    })
  })
})

describe('anyOf', () => {
  it('gives the union, which the scheme tells apart', () => {
    createProxy()
      .use(anyOf(key, password, certificate))
      .handle((x) => {
        const who = x.get(identity)
        expectTypeOf(who).toEqualTypeOf<ApiKeyIdentity | BasicIdentity | CertificateIdentity>()
        if (who.scheme === 'api-key') expectTypeOf(who.raw).toEqualTypeOf<{ readonly id: string | undefined }>()
        // @ts-expect-error -- a user of Basic has no certificate
        if (who.scheme === 'basic') void who.raw.pem
        if (who.scheme === 'client-certificate') expectTypeOf(who.raw.pem).toEqualTypeOf<string>()
        // @ts-expect-error -- there is no such scheme among them
        if (who.scheme === 'jwt') throw new Error('never')
        return nothing
      })
  })

  it('needs at least one', () => {
    // @ts-expect-error -- none
    void (() => anyOf())
    // @ts-expect-error -- a middleware is no strategy
    void (() => anyOf(password, passIdentity({ headers: { a: 'subject' } })))
  })
})

describe('allOf', () => {
  it('gives the first, and all of them in order', () => {
    createProxy()
      .use(allOf(password, certificate))
      .handle((x) => {
        const who = x.get(identity)
        expectTypeOf(who.scheme).toEqualTypeOf<'basic'>()
        expectTypeOf(who.all).toEqualTypeOf<readonly [BasicIdentity, CertificateIdentity]>()
        expectTypeOf(who.all[1].raw.pem).toEqualTypeOf<string>()
        return nothing
      })
  })

  it('within anyOf stays told apart', () => {
    createProxy()
      .use(anyOf(allOf(key, certificate), password))
      .handle((x) => {
        const who = x.get(identity)
        if (who.scheme === 'api-key') expectTypeOf(who.all[1]).toEqualTypeOf<CertificateIdentity>()
        return nothing
      })
  })
})

describe('optional', () => {
  it('gives an identity or undefined', () => {
    createProxy()
      .use(optional(anyOf(key, password)))
      .handle((x) => {
        expectTypeOf(x.peek(identity)).toEqualTypeOf<ApiKeyIdentity | BasicIdentity | undefined>()
        // @ts-expect-error -- there may be none
        x.get(identity)
        return nothing
      })
  })

  it('is not enough for those who need one', () => {
    createProxy()
      .use(optional(password))
      // @ts-expect-error -- there may be none
      .use(requireIdentity({ roles: ['admin'] }))
    // @ts-expect-error -- it is no strategy
    void (() => anyOf(optional(password)))
  })
})

describe('require', () => {
  it('compiles behind a strategy', () => {
    createProxy()
      .use(anyOf(key, password))
      .use(requireIdentity({ scopes: ['read'] }))
      .use(
        requireIdentity({
          when: (who, x) => {
            expectTypeOf(who).toEqualTypeOf<ApiKeyIdentity | BasicIdentity>()
            return who.subject === x.params['user']
          },
        }),
      )
      .forward(users)
  })

  it('does not compile before it, or without it', () => {
    // @ts-expect-error -- nobody has asked who it is
    createProxy().use(requireIdentity({ scopes: ['read'] }))
    createProxy()
      // @ts-expect-error -- nobody has asked yet
      .use(requireIdentity({ scopes: ['read'] }))
      .use(password)
    const byCertificate = requireIdentity<CertificateIdentity>({ when: ({ raw }) => raw.authorized })
    createProxy().use(certificate).use(byCertificate)
    // @ts-expect-error -- a user of Basic has no certificate
    createProxy().use(password).use(byCertificate)
  })
})

describe('passing on', () => {
  const pass = passIdentity({ headers: { 'X-User': 'subject' } })

  it('compiles behind a strategy, optional or not', () => {
    createProxy()
      .use(password)
      .use(pass)
      .use(requireIdentity({ roles: ['admin'] }))
      .forward(users)
    createProxy().use(optional(password)).use(pass).forward(users)
  })

  it('does not compile without', () => {
    // @ts-expect-error -- nobody has asked who it is
    createProxy().use(pass)
    createProxy().use(
      // @ts-expect-error -- nobody has asked who it is
      passJwt({ algorithm: 'HS256', key: 'k'.repeat(32), issuer: 'a', audience: 'b' }),
    )
  })

  it('keeps the identity as it is for those behind it', () => {
    const own = (x: Exchange<Identified<BasicIdentity>>): string => x.get(identity).scheme
    createProxy()
      .use(password)
      .use(pass)
      .handle((x) => {
        own(x)
        return nothing
      })
  })
})
