/** Each algorithm's tokens against each other's keys: only the one that was meant may pass, and nothing in a token has a say in it. */
import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { jwt, type JwtAlgorithm, type JwtOptions, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { bearer, keyPair, NOW, rawToken, signedToken, type TestKey } from '../tokens.ts'

const RSA = await keyPair('RSA')
const OTHER_RSA = await keyPair('RSA')
const P256 = await keyPair('P-256')
const P384 = await keyPair('P-384')
const P521 = await keyPair('P-521')
const ED25519 = await keyPair('Ed25519')
const SECRET = 'x'.repeat(64)
const claims = { sub: 'mallory', exp: NOW + 3_600 }

const PAIRS: readonly (readonly [JwtAlgorithm, TestKey])[] = [
  ['RS256', RSA],
  ['RS384', RSA],
  ['RS512', RSA],
  ['PS256', RSA],
  ['PS384', RSA],
  ['PS512', RSA],
  ['ES256', P256],
  ['ES384', P384],
  ['ES512', P521],
  ['EdDSA', ED25519],
  ['Ed25519', ED25519],
]
const SECRETS: readonly JwtAlgorithm[] = ['HS256', 'HS384', 'HS512']

interface Verifier {
  readonly algorithm: JwtAlgorithm
  readonly options: JwtOptions
}

const VERIFIERS: readonly Verifier[] = [
  ...PAIRS.map(([algorithm, { jwk }]) => ({ algorithm, options: { algorithms: [algorithm], keys: jwk } })),
  ...SECRETS.map((algorithm) => ({ algorithm, options: { algorithms: [algorithm], secret: SECRET } })),
]

const tokens = new Map<JwtAlgorithm, string>()
for (const [algorithm, { privateKey }] of PAIRS)
  tokens.set(algorithm, await signedToken(privateKey, { alg: algorithm }, claims))
for (const algorithm of SECRETS)
  tokens.set(algorithm, await signedToken(Buffer.from(SECRET), { alg: algorithm }, claims))

async function statusOf(token: string, options: JwtOptions): Promise<number> {
  const { status, errors } = setUp([jwt(options)])
  const result = await status(bearer(token))
  expect(errors).toEqual([])
  return result
}

describe('a token', () => {
  it.each(VERIFIERS)('passes where $algorithm is allowed if it is signed with that', async ({ algorithm, options }) => {
    for (const [own, token] of tokens)
      expect([own, await statusOf(token, options)]).toEqual([own, own === algorithm ? 200 : 401])
  })

  it('does not pass with another key of the same kind', async () => {
    expect(await statusOf(tokens.get('RS256')!, { algorithms: ['RS256'], keys: OTHER_RSA.jwk })).toBe(401)
    expect(await statusOf(tokens.get('HS256')!, { algorithms: ['HS256'], secret: 'y'.repeat(64) })).toBe(401)
  })

  it('does not pass where the key is for one algorithm and the token has another of the same family', async () => {
    const keys = { ...RSA.jwk, alg: 'PS256' }
    const options: JwtOptions = { algorithms: ['RS256', 'PS256'], keys }
    expect(await statusOf(tokens.get('RS256')!, options)).toBe(401)
    expect(await statusOf(tokens.get('PS256')!, options)).toBe(200)
  })
})

describe('a public key taken for a secret', () => {
  const forms: readonly (readonly [string, string | Buffer])[] = [
    ['PEM', RSA.pem],
    ['PEM without its last line break', RSA.pem.trimEnd()],
    ['PKCS #1', RSA.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['DER', RSA.publicKey.export({ type: 'spki', format: 'der' })],
    ['JWK', JSON.stringify(RSA.jwk)],
    ['modulus', Buffer.from(RSA.jwk.n!, 'base64url')],
  ]

  it.each(forms)('gives no token that passes (%s)', async (_, secret) => {
    const forged = rawToken({ alg: 'HS256', typ: 'JWT' }, claims, secret)
    for (const keys of [RSA.jwk, RSA.pem]) {
      expect(await statusOf(forged, { algorithms: ['RS256'], keys })).toBe(401)
      expect(await statusOf(forged, { algorithms: ['RS256', 'PS256', 'ES256'], keys })).toBe(401)
    }
  })

  it('can not be allowed by mistake either', () => {
    expect(() => jwt({ algorithms: ['RS256', 'HS256'], keys: RSA.jwk })).toThrow(/algorithms/)
    expect(() => jwt({ algorithms: ['HS256'], keys: RSA.jwk })).toThrow(/algorithms/)
    expect(() => jwt({ algorithms: ['HS256'], secret: RSA.pem })).toThrow(/PEM/)
  })
})

describe('a header', () => {
  const options: JwtOptions = { algorithms: ['RS256', 'ES256', 'EdDSA'], keys: RSA.jwk }

  it.each(['none', 'None', 'NONE', 'nOnE', ''])('that says "%s" does not make a token pass', async (alg) => {
    expect(await statusOf(rawToken({ alg }, claims), options)).toBe(401)
    expect(await statusOf(rawToken({ alg }, claims), { algorithms: ['HS256'], secret: SECRET })).toBe(401)
  })

  it.each([['rs256'], ['RS257'], [256], [['RS256']], [null], [{ toString: 'RS256' }]])(
    'with the algorithm %o does not make a token pass',
    async (alg) => {
      const signature = tokens.get('RS256')!.split('.')[2]!
      expect(await statusOf(rawToken({ alg }, claims) + signature, options)).toBe(401)
    },
  )

  it('does not bring the key that it is verified with', async () => {
    const mine = await keyPair('P-256')
    for (const header of [
      { jwk: mine.jwk },
      { jku: 'https://mallory.example/keys' },
      { x5u: 'https://mallory.example' },
    ]) {
      const token = await signedToken(mine.privateKey, { alg: 'ES256', ...header }, claims)
      expect(await statusOf(token, { algorithms: ['ES256'], keys: P256.jwk })).toBe(401)
    }
  })

  it.each([
    [{ crit: ['exp'] }],
    [{ crit: [] }],
    [{ crit: 'exp' }],
    [{ crit: ['http://a.example'], 'http://a.example': 1 }],
  ])('with %o asks for what is not understood', async (crit) => {
    const events = record(refused)
    // Its signature is right: signed as it stands.
    const token = rawToken({ alg: 'HS256', ...crit }, claims, SECRET)
    expect(await statusOf(token, { algorithms: ['HS256'], secret: SECRET })).toBe(401)
    expect(events[0]!.reason).not.toBe('signature')
  })

  it('with a kid that is no string names no key', async () => {
    for (const kid of [1, null, {}, ['a']]) {
      const input = rawToken({ alg: 'HS256', kid }, claims, SECRET)
      expect(await statusOf(input, { algorithms: ['HS256'], secret: SECRET })).toBe(401)
    }
  })
})

describe('a signature', () => {
  it('of no length, or of another curve, is wrong', async () => {
    const [header, payload] = tokens.get('ES256')!.split('.')
    for (const length of [0, 1, 63, 64, 65, 132]) {
      const zeros = Buffer.alloc(length).toString('base64url')
      expect(await statusOf(`${header}.${payload}.${zeros}`, { algorithms: ['ES256'], keys: P256.jwk })).toBe(401)
    }
  })

  it('by SHA-256 does not pass for one by SHA-512', async () => {
    const input = rawToken({ alg: 'HS512' }, claims).slice(0, -1)
    const mac = createHmac('sha256', SECRET).update(input).digest('base64url')
    expect(await statusOf(`${input}.${mac}`, { algorithms: ['HS512'], secret: SECRET })).toBe(401)
  })
})

describe('several keys', () => {
  it('are tried where the token names none, and the named one alone where it does', async () => {
    const keys = [
      { ...P256.jwk, kid: 'a' },
      { ...(await keyPair('P-256')).jwk, kid: 'b' },
    ]
    const sign = (kid?: string) =>
      new SignJWT(claims)
        .setProtectedHeader(kid === undefined ? { alg: 'ES256' } : { alg: 'ES256', kid })
        .sign(P256.privateKey)
    for (const set of [keys, keys.toReversed()]) {
      expect(await statusOf(await sign(), { algorithms: ['ES256'], keys: set })).toBe(200)
      expect(await statusOf(await sign('a'), { algorithms: ['ES256'], keys: { keys: set } })).toBe(200)
      expect(await statusOf(await sign('b'), { algorithms: ['ES256'], keys: set })).toBe(401)
      expect(await statusOf(await sign('c'), { algorithms: ['ES256'], keys: set })).toBe(401)
    }
  })

  it('without names may have signed a token that names one', async () => {
    const token = await signedToken(P256.privateKey, { alg: 'ES256', kid: 'whatever' }, claims)
    expect(await statusOf(token, { algorithms: ['ES256'], keys: [P256.pem, (await keyPair('P-256')).pem] })).toBe(200)
  })

  it('let a secret be replaced by another', async () => {
    const secret = ['old '.repeat(8), 'new '.repeat(8)]
    for (const each of secret)
      expect(await statusOf(rawToken({ alg: 'HS256' }, claims, each), { algorithms: ['HS256'], secret })).toBe(200)
    expect(
      await statusOf(rawToken({ alg: 'HS256' }, claims, 'odd '.repeat(8)), { algorithms: ['HS256'], secret }),
    ).toBe(401)
  })
})
