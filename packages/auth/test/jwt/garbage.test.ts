/** Whatever a client sends as a token, it gets 401 and nothing is thrown. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { jwt } from '../../src/index.ts'
import { setUp } from '../set-up.ts'
import { keyPair, NOW, rawToken, SECRET, signedToken } from '../tokens.ts'

const P256 = await keyPair('P-256', 'k')
const good = await signedToken(P256.privateKey, { alg: 'ES256', kid: 'k' })
const pairs = setUp([jwt({ algorithms: ['ES256', 'EdDSA', 'RS256'], keys: P256.jwk, dpop: true })])
const secrets = setUp([jwt({ algorithms: ['HS256'], secret: SECRET, rolesClaim: 'a.b' })])

/** What a field may have in it. */
const fieldText = fc.string({
  unit: fc.constantFrom(...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), ' ', '\t', 'é'),
})
const json = fc.json({ maxDepth: 4 })
const header = fc.oneof(
  json,
  fc
    .record(
      {
        alg: fc.oneof(
          fc.constantFrom('HS256', 'ES256', 'EdDSA', 'RS256', 'none', 'constructor', '__proto__'),
          fc.jsonValue(),
        ),
        typ: fc.jsonValue(),
        kid: fc.oneof(fc.constant('k'), fc.constant('__proto__'), fc.jsonValue()),
        crit: fc.jsonValue(),
        b64: fc.jsonValue(),
        jwk: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
)
const base64 = fc.string().map((text) => Buffer.from(text).toString('base64url'))
const shaped = fc
  .tuple(header, json, base64)
  .map(([head, payload, signature]) => `${encode(head)}.${encode(payload)}.${signature}`)
const mutated = fc
  .tuple(fc.nat({ max: good.length - 1 }), fc.constantFrom('A', '.', '_', '=', '+', ''), fc.nat({ max: 3 }))
  .map(([at, char, count]) => good.slice(0, at) + char + good.slice(at + count))
  .filter((token) => token !== good)

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

async function refusesAll(token: string, scheme: string): Promise<void> {
  for (const { status, errors } of [pairs, secrets]) {
    expect(await status({ Authorization: `${scheme} ${token}`, DPoP: token })).toBe(401)
    expect(errors).toEqual([])
  }
}

it('passes as it is', async () => {
  expect(await pairs.status({ Authorization: `Bearer ${good}` })).toBe(200)
})

it('is 401 for any text', async () => {
  await fc.assert(
    fc.asyncProperty(fieldText, async (token) => await refusesAll(token, 'Bearer')),
    { numRuns: 200 },
  )
})

it('is 401 for anything in the shape of a token', async () => {
  await fc.assert(
    fc.asyncProperty(
      shaped,
      fc.constantFrom('Bearer', 'DPoP'),
      async (token, scheme) => await refusesAll(token, scheme),
    ),
    { numRuns: 300 },
  )
})

it('is 401 for a token that was changed anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(mutated, async (token) => {
      const { status, errors } = pairs
      // The last character of a signature has bits that nobody reads: such a token is the same one, spelled otherwise.
      const isSame =
        Buffer.from(token.split('.')[2] ?? '', 'base64url').equals(Buffer.from(good.split('.')[2]!, 'base64url')) &&
        token.slice(0, token.lastIndexOf('.')) === good.slice(0, good.lastIndexOf('.'))
      fc.pre(!isSame)
      expect(await status({ Authorization: `Bearer ${token}` })).toBe(401)
      expect(errors).toEqual([])
    }),
    { numRuns: 200 },
  )
})

it('is 401 for claims of any kind that were signed', async () => {
  await fc.assert(
    fc.asyncProperty(
      json,
      fc.dictionary(fc.constantFrom('sub', 'exp', 'nbf', 'iat', 'scope', 'scp', 'cnf', 'a'), fc.jsonValue()),
      async (any, claims) => {
        for (const payload of [
          any,
          JSON.stringify({ ...claims, exp: NOW - 1 }),
          JSON.stringify({ ...claims, sub: [claims['sub']] }),
        ]) {
          expect(await secrets.status({ Authorization: `Bearer ${rawToken({ alg: 'HS256' }, payload, SECRET)}` })).toBe(
            401,
          )
          expect(secrets.errors).toEqual([])
        }
      },
    ),
    { numRuns: 200 },
  )
})
