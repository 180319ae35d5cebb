/** The examples of RFC 7515, RFC 7519, RFC 7797 and RFC 8037, as far as they concern tokens in the compact form. */
import { createHmac } from 'node:crypto'
import { identity, type Middleware, Reply } from '@sluice/core'
import { calculateJwkThumbprint, compactVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { jwt, type JwtOptions, refused } from '../../src/index.ts'
import { readPublicKey } from '../../src/keys/key-material.ts'
import { record, setUp } from '../set-up.ts'
import { bearer } from '../tokens.ts'
import * as examples from './rfc-examples.ts'

const claimsOf: Middleware = (x) => Reply.json(x.peek(identity)?.claims)
/** The examples have no subject but their issuer. */
const options = { subjectClaim: 'iss' } as const

function gateway(more: JwtOptions) {
  return setUp([jwt({ ...options, ...more }), claimsOf])
}

/** Why it was refused. */
async function reasonFor(token: string, more: JwtOptions): Promise<string> {
  const events = record(refused)
  const { inject, errors } = gateway(more)
  expect((await inject({ headers: bearer(token) })).status).toBe(401)
  expect(errors).toEqual([])
  return events[0]!.reason
}

/** Another signature than its own, of the same length. */
function tampered(token: string): string {
  const dot = token.lastIndexOf('.')
  const at = dot + 10
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
}

describe('RFC 7515', () => {
  it.each<[string, string, JwtOptions]>([
    ['A.1 (HS256)', examples.A1_TOKEN, { algorithms: ['HS256'], secret: examples.A1_KEY }],
    ['A.2 (RS256)', examples.A2_TOKEN, { algorithms: ['RS256'], keys: examples.A2_KEY }],
    ['A.3 (ES256)', examples.A3_TOKEN, { algorithms: ['ES256'], keys: examples.A3_KEY }],
  ])('%s is accepted, with its claims, and refused with another signature', async (_, token, more) => {
    const { inject } = gateway(more)
    const reply = await inject({ headers: bearer(token) })
    expect([reply.status, await reply.json()]).toEqual([200, examples.JOE_CLAIMS])
    expect(await reasonFor(tampered(token), more)).toBe('signature')
  })

  it('A.4 (ES512) has a good signature, over something that is no set of claims', async () => {
    const { key } = readPublicKey(examples.A4_KEY, 'test')
    const { payload } = await compactVerify(examples.A4_TOKEN, key, { algorithms: ['ES512'] })
    expect(Buffer.from(payload).toString()).toBe('Payload')
    const more: JwtOptions = { algorithms: ['ES512'], keys: examples.A4_KEY }
    expect(await reasonFor(examples.A4_TOKEN, more)).toBe('malformed')
    expect(await reasonFor(tampered(examples.A4_TOKEN), more)).toBe('signature')
  })

  it('A.5 (none) is refused, whatever is allowed', async () => {
    expect(await reasonFor(examples.UNSECURED_TOKEN, { algorithms: ['HS256'], secret: examples.A1_KEY })).toBe(
      'algorithm',
    )
    expect(await reasonFor(examples.UNSECURED_TOKEN, { algorithms: ['ES256'], keys: examples.A3_KEY })).toBe(
      'algorithm',
    )
  })

  it('A.6 and A.7 (JSON) are no tokens', async () => {
    const more: JwtOptions = { algorithms: ['ES256'], keys: examples.A3_KEY }
    expect(await reasonFor(examples.FLATTENED_JSON, more)).toBe('opaque')
  })

  it('appendix E (an unknown extension) is refused', async () => {
    expect(await reasonFor(examples.UNKNOWN_CRIT_TOKEN, { algorithms: ['HS256'], secret: examples.A1_KEY })).not.toBe(
      'signature',
    )
  })
})

describe('RFC 7519', () => {
  const more: JwtOptions = { algorithms: ['HS256'], secret: examples.A1_KEY }

  it('section 3.1 is accepted until it expires, and not a moment longer', async () => {
    const { inject, clock } = setUp([jwt({ ...options, ...more })], { wallTime: 1_300_819_379_999 })
    expect((await inject({ headers: bearer(examples.A1_TOKEN) })).status).toBe(200)
    clock.advance(1)
    expect((await inject({ headers: bearer(examples.A1_TOKEN) })).status).toBe(401)
  })

  it('section 6.1 (unsecured) is refused', async () => {
    expect(await reasonFor(examples.UNSECURED_TOKEN, more)).toBe('algorithm')
  })

  it('appendix A (encrypted) is refused: five parts are no signed token', async () => {
    const encrypted =
      'eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8.AxY8DCtDaGls.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeW.fiK51VwhsxJ-siBMR-YFiA'
    expect(await reasonFor(encrypted, more)).toBe('opaque')
  })
})

describe('RFC 7797', () => {
  const more: JwtOptions = { algorithms: ['HS256'], secret: examples.A1_KEY }

  it('section 4.1 has a good signature, over something that is no set of claims', async () => {
    expect(await reasonFor(examples.B64_CONTROL_TOKEN, more)).toBe('malformed')
    expect(await reasonFor(tampered(examples.B64_CONTROL_TOKEN), more)).toBe('signature')
  })

  it('section 4.2 (b64 false) is refused: a JWT must not use it (section 7)', async () => {
    // Its payload is elsewhere, so that the signature is of something else.
    expect(await reasonFor(examples.B64_FALSE_TOKEN, more)).toBe('signature')
    // One that has all that a token needs, with a signature that is right.
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', b64: false, crit: ['b64'] })).toString('base64url')
    const input = `${header}.${JSON.stringify({ iss: 'joe', exp: 1_300_819_380 })}`
    const secret = Buffer.from(examples.A1_KEY.k!, 'base64url')
    const signature = createHmac('sha256', secret).update(input).digest('base64url')
    expect(await reasonFor(`${input}.${signature}`, more)).toBe('opaque')
  })
})

describe('RFC 8037', () => {
  it('A.3 gives the thumbprint of the key', async () => {
    expect(await calculateJwkThumbprint(examples.ED25519_KEY)).toBe(examples.ED25519_THUMBPRINT)
  })

  it('A.4 (EdDSA) has a good signature, over something that is no set of claims', async () => {
    const { key } = readPublicKey(examples.ED25519_KEY, 'test')
    const { payload } = await compactVerify(examples.ED25519_TOKEN, key, { algorithms: ['EdDSA'] })
    expect(Buffer.from(payload).toString()).toBe('Example of Ed25519 signing')
    const more: JwtOptions = { algorithms: ['EdDSA'], keys: examples.ED25519_KEY }
    expect(await reasonFor(examples.ED25519_TOKEN, more)).toBe('malformed')
    expect(await reasonFor(tampered(examples.ED25519_TOKEN), more)).toBe('signature')
  })
})
