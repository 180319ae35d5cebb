/** The key that tokens of one's own are signed with: what it signs passes where its public half is known. */
import { ConfigError } from '@sluice/core'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { jwt, SigningKey, type SigningKeyOptions } from '../../src/index.ts'
import { setUp } from '../set-up.ts'
import { bearer, keyPair, NOW, SECRET } from '../tokens.ts'

const P256 = await keyPair('P-256')
const RSA = await keyPair('RSA')
const claims = { sub: 'ada', exp: NOW + 60 }

describe('a signing key', () => {
  it.each<[string, SigningKeyOptions]>([
    ['a JWK', { algorithm: 'ES256', key: P256.privateJwk }],
    ['a JWK with a name', { algorithm: 'ES256', key: { ...P256.privateJwk, kid: 'own' } }],
    ['PEM', { algorithm: 'ES256', key: P256.privateKey.export({ type: 'sec1', format: 'pem' }).toString(), kid: 'k' }],
    ['PEM of RSA', { algorithm: 'PS256', key: RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }],
  ])('of %s signs tokens that its public half verifies', async (_, options) => {
    const key = new SigningKey(options, 'test')
    const token = await key.sign(claims, 'at+jwt')
    const header = decodeProtectedHeader(token)
    expect(header).toEqual({
      alg: options.algorithm,
      typ: 'at+jwt',
      ...(key.kid === undefined ? {} : { kid: key.kid }),
    })
    const keys = (await key.publicJwk())!
    expect(keys).toMatchObject({ use: 'sig', alg: options.algorithm })
    expect(keys.d).toBeUndefined()
    const { status } = setUp([jwt({ algorithms: [options.algorithm], keys })])
    expect(await status(bearer(token))).toBe(200)
  })

  it('can be a secret, which nobody gets to see', async () => {
    const key = new SigningKey({ algorithm: 'HS256', key: SECRET }, 'test')
    const { status } = setUp([jwt({ algorithms: ['HS256'], secret: SECRET })])
    expect([await status(bearer(await key.sign(claims))), await key.publicJwk()]).toEqual([200, undefined])
    expect(JSON.stringify(key)).not.toContain(SECRET)
  })

  it.each<[string, unknown]>([
    ['test.algorithm', { algorithm: 'none', key: P256.privateJwk }],
    ['test.key', { algorithm: 'ES256', key: P256.jwk }],
    ['test.key', { algorithm: 'ES256', key: P256.pem }],
    ['test.key', { algorithm: 'RS256', key: P256.privateJwk }],
    ['test.key', { algorithm: 'HS256', key: 'weak' }],
    ['test.key', { algorithm: 'ES256', key: SECRET }],
    ['test.key', { algorithm: 'ES256' }],
  ])('is refused at %s where it is wrong', (path, options) => {
    expect(() => new SigningKey(options as SigningKeyOptions, 'test')).toThrow(
      expect.objectContaining({ path, constructor: ConfigError }),
    )
  })
})
