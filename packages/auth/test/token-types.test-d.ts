/** What the compiler knows of those who come with tokens and signatures. */
import { createProxy, type HeadEdit, identity, type Reply } from '@sluice/core'
import type { JWTPayload } from 'jose'
import { describe, expectTypeOf, it } from 'vitest'
import {
  anyOf,
  apiKey,
  type ApiKeyIdentity,
  forwardAuth,
  introspection,
  jwt,
  type JwtIdentity,
  type JwtOptions,
  signRequest,
  verifySignature,
} from '../src/index.ts'

declare const nothing: Reply
const token = jwt({ algorithms: ['ES256'], jwksUrl: 'https://a.example/keys' })
const key = apiKey({ keys: [] })
const opaque = introspection({ url: 'https://a.example', clientId: 'a', clientSecret: 'b' })
const asked = forwardAuth({ url: 'https://a.example' })
const signed = verifySignature({ keys: () => undefined })

describe('identities', () => {
  it('are told apart by their scheme', () => {
    createProxy()
      .use(anyOf(token, key))
      .handle((x) => {
        const who = x.get(identity)
        expectTypeOf(who).toEqualTypeOf<JwtIdentity | ApiKeyIdentity>()
        if (who.scheme === 'jwt') {
          expectTypeOf(who.claims).toEqualTypeOf<JWTPayload>()
          expectTypeOf(who.raw.header.alg).toExtend<string>()
        }
        // @ts-expect-error -- an API key has no header
        if (who.scheme === 'api-key') void who.raw.header
        return nothing
      })
    createProxy()
      .use(anyOf(opaque, asked, signed))
      .handle((x) => {
        const who = x.get(identity)
        if (who.scheme === 'introspection') expectTypeOf(who.claims.exp).toEqualTypeOf<number | undefined>()
        if (who.scheme === 'forward-auth') expectTypeOf(who.claims).toEqualTypeOf<Readonly<Record<string, string>>>()
        if (who.scheme === 'signature') expectTypeOf(who.claims.keyid).toEqualTypeOf<string>()
        return nothing
      })
  })
})

describe('options', () => {
  it('must say which algorithms, and none that are none', () => {
    // @ts-expect-error -- no algorithms
    expectTypeOf({ jwksUrl: 'https://a.example' }).toExtend<JwtOptions>()
    // @ts-expect-error -- no signature at all
    void (() => jwt({ algorithms: ['none'], secret: 'a' }))
  })

  it('of an edit give an edit', () => {
    expectTypeOf(signRequest).returns.toEqualTypeOf<HeadEdit>()
  })
})
