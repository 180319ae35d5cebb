/** Whatever a client sends: let in or 401, never a failure, and what goes on upstream is still a request. */
import { constantFrom, type Arbitrary, array, assert, asyncProperty, oneof, string, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyOf, apiKey, apiKeyDigest, basic, clientCertificate, optional } from '../src/index.ts'
import { setUp } from './set-up.ts'

const KEY = 'k'.repeat(20)
const keys = [{ sha256: apiKeyDigest(KEY), subject: 'shop' }]
const latin1 = string({
  unit: constantFrom(...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), ' ', 'é'),
})
const base64 = string({ unit: 'binary' }).map((text) => Buffer.from(text).toString('base64'))
const authorization: Arbitrary<string> = oneof(
  tuple(constantFrom('Basic ', 'basic  ', 'Basic', 'Bearer '), oneof(base64, latin1)).map((parts) => parts.join('')),
  constantFrom(`Basic ${Buffer.from('ada:secret').toString('base64')}`),
)
const cookie = array(oneof(constantFrom(`key=${KEY}`, 'key=', 'key', '=', 'key==', 'key="'), latin1), {
  maxLength: 4,
}).map((parts) => parts.join('; '))
const query = array(
  oneof(
    constantFrom(`key=${KEY}`, 'key', 'k%65y=a', '%', '?key=a', 'key=%ff', '&&'),
    string({ unit: constantFrom('a', '=', '&', '%', '?', '+', 'k') }),
  ),
  { maxLength: 4 },
).map((parts) => parts.join('&'))
const certificate = oneof(
  latin1,
  base64.map((text) => `:${text}:`),
)

describe('garbage', () => {
  const strategy = anyOf(
    basic({ users: { ada: { password: 'secret' } } }),
    apiKey({ keys }),
    apiKey({ keys, from: { cookie: 'key' } }),
    apiKey({ keys, from: { query: 'key' } }),
    clientCertificate({ from: 'proxy' }),
  )

  it('is refused, or let in where it is none', async () => {
    const { inject, errors } = setUp([strategy], { trust: ['127.0.0.1'] })
    await assert(
      asyncProperty(authorization, cookie, query, certificate, latin1, async (field, jar, search, cert, key) => {
        const all: readonly (readonly [string, string])[] = [
          ['Authorization', field],
          ['Cookie', jar],
          ['Client-Cert', cert],
          ['X-API-Key', key],
        ]
        for (const headers of [...all.map((each) => [each]), all]) {
          const reply = await inject({
            headers: headers.map(([name, value]) => [name, value.trim()] as const),
            path: `/?${search}`,
          })
          expect([200, 401]).toContain(reply.status)
        }
        expect(errors).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('is taken off where it is ignored, and the key never goes on', async () => {
    const { inject, errors, fake } = setUp([optional(strategy, { onRefused: 'ignore' })])
    await assert(
      asyncProperty(cookie, query, async (jar, search) => {
        const reply = await inject({ headers: { Cookie: jar.trim(), 'X-API-Key': KEY }, path: `/?${search}` })
        expect([reply.status, errors]).toEqual([200, []])
        const { path, headers } = fake.requests.at(-1)!
        expect(new URLSearchParams(path.slice(path.indexOf('?'))).has('key')).toBe(false)
        expect(JSON.stringify(headers)).not.toContain(`key=${KEY}`)
      }),
      { numRuns: 300 },
    )
  })
})
