/** Tokens that are bound to a client's key (DPoP, RFC 9449): whoever has one without the key has nothing. */
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { type DpopOptions, jwt, type JwtOptions, refused } from '../../src/index.ts'
import { record, setUp, type SetUpOptions } from '../set-up.ts'
import { bearer, keyPair, NOW, SECRET, signedToken, type TestKey } from '../tokens.ts'

const CLIENT = await keyPair('P-256')
const THIEF = await keyPair('P-256')
const JKT = await calculateJwkThumbprint(CLIENT.jwk)
const BOUND = await signedToken(Buffer.from(SECRET), { alg: 'HS256' }, { cnf: { jkt: JKT } })
const UNBOUND = await signedToken(Buffer.from(SECRET), { alg: 'HS256' })

let serial = 0
interface ProofOptions {
  readonly key?: TestKey
  readonly jwk?: object
  readonly header?: object
  readonly claims?: Readonly<Record<string, unknown>>
  readonly token?: string
}

/** A proof for `GET http://localhost/`, unless something is said of it. */
async function proof({ key = CLIENT, jwk = key.jwk, header = {}, claims = {}, token = BOUND }: ProofOptions = {}) {
  const ath = createHash('sha256').update(token).digest('base64url')
  const payload = { jti: String(serial++), htm: 'GET', htu: 'http://localhost/', iat: NOW, ath, ...claims }
  return await new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(key.privateKey)
}

function gateway(dpop: DpopOptions | boolean = true, more: Partial<JwtOptions> = {}, options: SetUpOptions = {}) {
  return setUp([jwt({ algorithms: ['HS256'], secret: SECRET, dpop, ...more })], options)
}

const proven = (token: string, proof: string | readonly string[]) => ({ Authorization: `DPoP ${token}`, DPoP: proof })

/** Status and reason of a bound token with such a proof. */
async function outcome(options: ProofOptions, dpop: DpopOptions | boolean = true) {
  const events = record(refused)
  const { status, errors } = gateway(dpop)
  const result = await status(proven(BOUND, await proof(options)))
  expect(errors).toEqual([])
  return result === 200 ? 200 : `${result} ${events.at(-1)!.reason}`
}

describe('a bound token', () => {
  it('passes with a proof, and each time with another', async () => {
    const { status, errors } = gateway()
    expect(await status(proven(BOUND, await proof()))).toBe(200)
    expect(await status(proven(BOUND, await proof()))).toBe(200)
    expect(errors).toEqual([])
  })

  it('does not pass without one, nor as a bearer token', async () => {
    const { inject, status } = gateway()
    const reply = await inject({ headers: { Authorization: `DPoP ${BOUND}` } })
    expect([reply.status, reply.headers.getAll('www-authenticate')]).toEqual([
      401,
      [
        'Bearer error="invalid_dpop_proof", error_description="The token needs a proof of possession"',
        'DPoP algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256", error="invalid_dpop_proof", error_description="The token needs a proof of possession"',
      ],
    ])
    expect(await status(bearer(BOUND))).toBe(401)
    expect(await status({ ...bearer(BOUND), DPoP: await proof() })).toBe(401)
  })

  it('does not pass where nobody looks at proofs', async () => {
    const { status } = gateway(false)
    expect(await status(bearer(BOUND))).toBe(401)
    // The scheme is nobody's here.
    expect(await status(proven(BOUND, await proof()))).toBe(401)
  })

  it('is taken off the request together with its proof', async () => {
    const { status, last } = gateway(true, { strip: true })
    expect(await status(proven(BOUND, await proof()))).toBe(200)
    expect([last().header('authorization'), last().header('dpop')]).toEqual([undefined, undefined])
  })
})

describe('an unbound token', () => {
  it('passes as a bearer token, unless bound ones are required; never with the scheme DPoP', async () => {
    const { status } = gateway()
    expect(await status(bearer(UNBOUND))).toBe(200)
    expect(await status(proven(UNBOUND, await proof({ token: UNBOUND })))).toBe(401)
    const strict = gateway({ required: true })
    expect(await strict.status(bearer(UNBOUND))).toBe(401)
    expect((await strict.inject()).headers.getAll('www-authenticate')).toEqual([
      'DPoP algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"',
    ])
  })
})

describe('a proof', () => {
  const { x, y, crv, kty } = CLIENT.jwk
  it.each<[string, ProofOptions, string | number]>([
    ['of another key', { key: THIEF }, '401 proof-key'],
    ['that shows the right key and is signed with another', { key: THIEF, jwk: CLIENT.jwk }, '401 proof-signature'],
    ['that shows the private key', { jwk: CLIENT.privateJwk }, '401 proof-malformed'],
    ['without a key', { header: { jwk: undefined } }, '401 proof-key'],
    ['of another type', { header: { typ: 'JWT' } }, '401 proof-malformed'],
    ['without a type', { header: { typ: undefined } }, '401 proof-malformed'],
    ['with further members of the key', { jwk: { kty, crv, x, y, use: 'sig' } }, 200],
    ['for another method', { claims: { htm: 'POST' } }, '401 proof-request'],
    ['for a method in lower case', { claims: { htm: 'get' } }, '401 proof-request'],
    ['for another path', { claims: { htu: 'http://localhost/other' } }, '401 proof-request'],
    ['for another host', { claims: { htu: 'http://localhost.example/' } }, '401 proof-request'],
    ['for another scheme', { claims: { htu: 'https://localhost/' } }, '401 proof-request'],
    ['for another port', { claims: { htu: 'http://localhost:8080/' } }, '401 proof-request'],
    ['for no URL', { claims: { htu: '/' } }, '401 proof-request'],
    ['with a query and a fragment', { claims: { htu: 'http://localhost/?a=b#c' } }, 200],
    ['with the default port', { claims: { htu: 'HTTP://LOCALHOST:80' } }, 200],
    ['for another token', { token: UNBOUND }, '401 proof-token'],
    ['for no token', { claims: { ath: undefined } }, '401 proof-token'],
    ['without a name', { claims: { jti: undefined } }, '401 proof-malformed'],
    ['with a name that is none', { claims: { jti: 7 } }, '401 proof-malformed'],
    ['without a time', { claims: { iat: undefined } }, '401 proof-malformed'],
    ['of a minute ago', { claims: { iat: NOW - 59 } }, 200],
    ['of more than a minute ago', { claims: { iat: NOW - 60 } }, '401 proof-time'],
    ['of a clock that is ahead', { claims: { iat: NOW + 5 } }, 200],
    ['of the future', { claims: { iat: NOW + 7 } }, '401 proof-time'],
    ['that has expired', { claims: { exp: NOW - 1 } }, '401 proof-malformed'],
  ])('%s', async (_, options, expected) => {
    expect(await outcome(options)).toBe(expected)
  })

  it('that comes twice is refused', async () => {
    const { status } = gateway()
    expect(await status(proven(BOUND, [await proof(), await proof()]))).toBe(401)
  })

  it('that is too long, or none, is refused', async () => {
    const { status, errors } = gateway()
    expect(await status(proven(BOUND, 'x'.repeat(8_193)))).toBe(401)
    expect(await status(proven(BOUND, 'proof'))).toBe(401)
    expect(errors).toEqual([])
  })

  it('is good once', async () => {
    const events = record(refused)
    const { status, clock } = gateway()
    const once = await proof()
    expect(await status(proven(BOUND, once))).toBe(200)
    expect(await status(proven(BOUND, once))).toBe(401)
    clock.advance(59_000)
    expect(await status(proven(BOUND, once))).toBe(401)
    expect(events.map(({ reason }) => reason)).toEqual(['proof-replayed', 'proof-replayed'])
  })

  it('is not for a path that looks like a host, from a client that has named none', async () => {
    const { inject } = gateway()
    const htu = 'http://api.example/orders'
    const headers = proven(BOUND, await proof({ claims: { htu } }))
    expect((await inject({ path: '/api.example/orders', headers, httpVersion: '1.0' })).status).toBe(401)
    const named = { ...proven(BOUND, await proof({ claims: { htu } })), Host: 'api.example' }
    expect((await inject({ path: '/orders', headers: named, httpVersion: '1.0' })).status).toBe(200)
  })

  it('is not used up by a request that it is not for', async () => {
    const { inject, status } = gateway()
    const once = await proof()
    expect((await inject({ method: 'DELETE', headers: proven(BOUND, once) })).status).toBe(401)
    expect(await status(proven(BOUND, once))).toBe(200)
  })

  it('is forgotten with the oldest where there are too many', async () => {
    const { status } = gateway({ maxProofs: 2 })
    const first = await proof()
    expect(await status(proven(BOUND, first))).toBe(200)
    for (let i = 0; i < 2; i++) expect(await status(proven(BOUND, await proof()))).toBe(200)
    // The last two are still known.
    const last = await proof()
    expect([await status(proven(BOUND, last)), await status(proven(BOUND, last))]).toEqual([200, 401])
    for (let i = 0; i < 2; i++) await status(proven(BOUND, await proof()))
    expect(await status(proven(BOUND, first))).toBe(200)
  })

  it('is for what the client calls the gateway, whatever stands between', async () => {
    const behind = gateway(true, {}, { trust: ['127.0.0.1'] })
    const https = await proof({ claims: { htu: 'https://localhost/a%c3%a9b' } })
    const headers = { ...proven(BOUND, https), 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.1' }
    expect(await behind.status(headers, '/a%C3%A9b')).toBe(200)
    const named = gateway({ origin: 'https://api.example' })
    expect(await named.status(proven(BOUND, await proof({ claims: { htu: 'https://api.example/' } })))).toBe(200)
    expect(await named.status(proven(BOUND, await proof()))).toBe(401)
  })
})

describe('nonces', () => {
  it('are asked for, and good for a while', async () => {
    const { inject, status, clock } = gateway({ nonces: true, nonceMaxAgeMs: 60_000, maxProofAgeMs: 600_000 })
    const reply = await inject({ headers: proven(BOUND, await proof()) })
    const nonce = reply.headers.get('dpop-nonce')!
    expect(reply.status).toBe(401)
    expect(reply.headers.getAll('www-authenticate')[1]).toContain('error="use_dpop_nonce"')
    expect(await status(proven(BOUND, await proof({ claims: { nonce } })))).toBe(200)
    clock.advance(60_000)
    expect(await status(proven(BOUND, await proof({ claims: { nonce } })))).toBe(200)
    clock.advance(1)
    expect(await status(proven(BOUND, await proof({ claims: { nonce } })))).toBe(401)
  })

  it('can not be made up, and are the same in all processes with one secret', async () => {
    const options = { nonces: true, nonceSecret: 'n'.repeat(32) }
    const [one, two, other] = [gateway(options), gateway(options), gateway({ nonces: true })]
    const nonce = (await one.inject({ headers: proven(BOUND, await proof()) })).headers.get('dpop-nonce')!
    expect(await two.status(proven(BOUND, await proof({ claims: { nonce } })))).toBe(200)
    expect(await other.status(proven(BOUND, await proof({ claims: { nonce } })))).toBe(401)
    const [time, mac] = nonce.split('.')
    const later = (Number.parseInt(time!, 36) + 1).toString(36)
    for (const forged of [`${later}.${mac}`, `${time}.`, time!, '.', '', mac!])
      expect(await two.status(proven(BOUND, await proof({ claims: { nonce: forged } })))).toBe(401)
  })
})
