/** A wrong option is refused when the strategy is built, and the error says which one it is. */
import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import {
  forwardAuth,
  type ForwardAuthOptions,
  introspection,
  type IntrospectionOptions,
  jwt,
  type JwtOptions,
  signRequest,
  type SignRequestOptions,
  verifySignature,
  type VerifySignatureOptions,
} from '../src/index.ts'
import { keyPair, SECRET } from './tokens.ts'

const P256 = await keyPair('P-256')
const ED25519 = await keyPair('Ed25519')
const small = (await import('node:crypto')).generateKeyPairSync('rsa', { modulusLength: 1_024 })
const smallPem = small.publicKey.export({ type: 'spki', format: 'pem' }).toString()

function pathOf(build: () => unknown): string {
  try {
    build()
  } catch (error) {
    if (error instanceof ConfigError) return error.path
    throw error
  }
  return 'none'
}

describe('jwt', () => {
  const keys = P256.jwk
  const algorithms = ['ES256']
  const remote = { algorithms, jwksUrl: 'https://a.example/keys' }
  it.each<[string, unknown]>([
    ['jwt', undefined],
    ['jwt.algorithms', {}],
    ['jwt.algorithms', { keys }],
    ['jwt.algorithms', { keys, algorithms: [] }],
    ['jwt.algorithms', { keys, algorithms: 'ES256' }],
    ['jwt.algorithms[0]', { keys, algorithms: ['none'] }],
    ['jwt.algorithms[1]', { keys, algorithms: ['ES256', 'none'] }],
    ['jwt.algorithms[0]', { keys, algorithms: ['es256'] }],
    ['jwt.algorithms[0]', { keys, algorithms: ['constructor'] }],
    ['jwt.algorithms', { keys, algorithms: ['ES256', 'HS256'] }],
    ['jwt.algorithms', { keys, algorithms: ['HS256'] }],
    ['jwt.algorithms', { secret: SECRET, algorithms: ['HS256', 'ES256'] }],
    ['jwt.algorithms', { ...remote, algorithms: ['HS256'] }],
    ['jwt', { algorithms }],
    ['jwt', { algorithms, keys, jwksUrl: 'https://a.example' }],
    ['jwt.keys', { algorithms, keys: [] }],
    ['jwt.keys', { algorithms, keys: 'pem' }],
    ['jwt.keys', { algorithms, keys: 7 }],
    ['jwt.keys', { algorithms, keys: P256.privateJwk }],
    ['jwt.keys', { algorithms, keys: P256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }],
    ['jwt.keys', { algorithms, keys: { kty: 'oct', k: 'AAAA' } }],
    ['jwt.keys', { algorithms, keys: { ...keys, use: 'enc' } }],
    ['jwt.keys', { algorithms, keys: { ...keys, key_ops: ['sign'] } }],
    ['jwt.keys', { algorithms, keys: { ...keys, kid: 7 } }],
    ['jwt.keys', { algorithms, keys: { ...keys, alg: 'ES384' } }],
    ['jwt.keys', { algorithms: ['ES384'], keys }],
    ['jwt.keys', { algorithms: ['RS256'], keys: smallPem }],
    ['jwt.keys[1]', { algorithms, keys: [keys, ED25519.jwk] }],
    ['jwt.keys.keys[0]', { algorithms, keys: { keys: [{}] } }],
    ['jwt.secret', { algorithms: ['HS256'], secret: 'x'.repeat(31) }],
    ['jwt.secret', { algorithms: ['HS384'], secret: 'x'.repeat(47) }],
    ['jwt.secret', { algorithms: ['HS512'], secret: 'x'.repeat(63) }],
    ['jwt.secret', { algorithms: ['HS256', 'HS512'], secret: 'x'.repeat(63) }],
    ['jwt.secret', { algorithms: ['HS256'], secret: new Uint8Array(31) }],
    ['jwt.secret', { algorithms: ['HS256'], secret: { kty: 'oct', k: 'AAAA' } }],
    ['jwt.secret', { algorithms: ['HS256'], secret: { kty: 'oct', k: 'A'.repeat(43), alg: 'HS512' } }],
    ['jwt.secret', { algorithms: ['HS256'], secret: P256.jwk }],
    ['jwt.secret', { algorithms: ['HS256'], secret: P256.pem }],
    ['jwt.secret', { algorithms, secret: SECRET }],
    ['jwt.secret[1]', { algorithms: ['HS256'], secret: [SECRET, 'weak'] }],
    ['jwt.jwksUrl', { algorithms, jwksUrl: 'keys' }],
    ['jwt.jwksUrl', { algorithms, jwksUrl: 'http://a.example/keys' }],
    ['jwt.jwksUrl', { algorithms, jwksUrl: 'file:///etc/passwd' }],
    ['jwt.jwksUrl', { algorithms, jwksUrl: 'https://user:pass@a.example' }],
    ['jwt.issuer', { algorithms, discover: true }],
    ['jwt.issuer', { algorithms, discover: true, issuer: ['https://a.example'] }],
    ['jwt.issuer', { algorithms, discover: true, issuer: 'http://a.example' }],
    ['jwt.issuer', { algorithms, keys, issuer: '' }],
    ['jwt.discover', { algorithms, discover: 'yes' }],
    ['jwt.keysMaxAgeMs', { ...remote, keysMaxAgeMs: 0 }],
    ['jwt.keysCooldownMs', { ...remote, keysCooldownMs: 0 }],
    ['jwt.keysStaleMs', { ...remote, keysStaleMs: -1 }],
    ['jwt.keysTimeoutMs', { ...remote, keysTimeoutMs: Number.NaN }],
    ['jwt.maxKeysBytes', { ...remote, maxKeysBytes: 0 }],
    ['jwt.fetch', { ...remote, fetch: 'fetch' }],
    ['jwt.allowHttp', { ...remote, allowHttp: 1 }],
    ['jwt.audience[0]', { algorithms, keys, audience: [''] }],
    ['jwt.clockToleranceMs', { algorithms, keys, clockToleranceMs: -1 }],
    ['jwt.requiredClaims', { algorithms, keys, requiredClaims: 'exp' }],
    ['jwt.typ', { algorithms, keys, typ: '' }],
    ['jwt.maxAgeMs', { algorithms, keys, maxAgeMs: 0 }],
    ['jwt.subjectClaim', { algorithms, keys, subjectClaim: 'a..b' }],
    ['jwt.rolesClaim', { algorithms, keys, rolesClaim: '' }],
    ['jwt.from', { algorithms, keys, from: 'header' }],
    ['jwt.from', { algorithms, keys, from: { cookie: 'a' }, dpop: true }],
    ['jwt.realm', { algorithms, keys, realm: 'ä' }],
    ['jwt.maxTokenBytes', { algorithms, keys, maxTokenBytes: 0 }],
    ['jwt.strip', { algorithms, keys, strip: 'yes' }],
    ['jwt.certificateBinding', { algorithms, keys, certificateBinding: 'yes' }],
    ['jwt.dpop', { algorithms, keys, dpop: 'yes' }],
    ['jwt.dpop.algorithms', { algorithms, keys, dpop: { algorithms: ['HS256'] } }],
    ['jwt.dpop.maxProofAgeMs', { algorithms, keys, dpop: { maxProofAgeMs: 0 } }],
    ['jwt.dpop.maxProofs', { algorithms, keys, dpop: { maxProofs: 0 } }],
    ['jwt.dpop.nonceSecret', { algorithms, keys, dpop: { nonces: true, nonceSecret: 'weak' } }],
    ['jwt.dpop.origin', { algorithms, keys, dpop: { origin: 'a.example' } }],
    ['jwt.cache', { algorithms, keys, cache: 'yes' }],
    ['jwt.audiance', { algorithms, keys, audiance: 'orders' }],
    ['jwt.dpop.require', { algorithms, keys, dpop: { require: true } }],
  ])('names %s in %o', (path, options) => {
    expect(pathOf(() => jwt(options as JwtOptions))).toBe(path)
  })

  it('takes what is right', () => {
    expect(pathOf(() => jwt({ algorithms: ['ES256', 'EdDSA'], keys: [P256.pem, ED25519.jwk] }))).toBe('none')
    expect(pathOf(() => jwt({ algorithms: ['HS256'], secret: 'x'.repeat(32) }))).toBe('none')
    expect(pathOf(() => jwt({ algorithms: ['HS512'], secret: new Uint8Array(64) }))).toBe('none')
    expect(pathOf(() => jwt({ algorithms: ['ES256'], jwksUrl: 'http://127.0.0.1:1/keys' }))).toBe('none')
    expect(pathOf(() => jwt({ algorithms: ['ES256'], jwksUrl: 'http://keys/', allowHttp: true }))).toBe('none')
    expect(pathOf(() => jwt({ algorithms: ['ES256'], issuer: 'https://a.example', discover: true }))).toBe('none')
  })

  it('does not say a secret or a private key', () => {
    for (const options of [
      { algorithms: ['HS256'], secret: 'my-weak-secret' },
      { algorithms, keys: P256.privateJwk },
    ]) {
      expect(() => jwt(options as JwtOptions)).toThrow(
        expect.not.objectContaining({ message: expect.stringMatching(/my-weak|"d"/) }),
      )
    }
  })
})

describe('introspection', () => {
  const base = { url: 'https://a.example/introspect', clientId: 'gateway', clientSecret: 'secret' }
  it.each<[string, unknown]>([
    ['introspection', undefined],
    ['introspection.url', { ...base, url: undefined }],
    ['introspection.url', { ...base, url: 'http://a.example/introspect' }],
    ['introspection.clientId', { url: base.url }],
    ['introspection.clientSecret', { ...base, clientSecret: '' }],
    ['introspection.bearerToken', { ...base, bearerToken: 'abc' }],
    ['introspection.bearerToken', { url: base.url, bearerToken: 'a b' }],
    ['introspection.parameters.a', { ...base, parameters: { a: 7 } }],
    ['introspection.timeoutMs', { ...base, timeoutMs: 0 }],
    ['introspection.maxReplyBytes', { ...base, maxReplyBytes: 0 }],
    ['introspection.maxConcurrentAsks', { ...base, maxConcurrentAsks: 0 }],
    ['introspection.fetch', { ...base, fetch: true }],
    ['introspection.aud', { ...base, aud: 'orders' }],
    ['introspection.audience', { ...base, audience: '' }],
    ['introspection.clockToleranceMs', { ...base, clockToleranceMs: -1 }],
  ])('names %s in %o', (path, options) => {
    expect(pathOf(() => introspection(options as IntrospectionOptions))).toBe(path)
  })
})

describe('forwardAuth', () => {
  const url = 'http://auth.test/verify'
  it.each<[string, unknown]>([
    ['forwardAuth', undefined],
    ['forwardAuth', {}],
    ['forwardAuth.url', { url: 'auth' }],
    ['forwardAuth.url', { url: 'ftp://auth.test' }],
    ['forwardAuth.url', { url: 'http://user:pass@auth.test' }],
    ['forwardAuth.path', { url, path: '/' }],
    ['forwardAuth.upstream', { upstream: 'auth' }],
    ['forwardAuth.method', { url, method: 'TRACE' }],
    ['forwardAuth.requestFields[0]', { url, requestFields: ['a b'] }],
    ['forwardAuth.copyFields[0]', { url, copyFields: ['Content-Length'] }],
    ['forwardAuth.refusalFields[0]', { url, refusalFields: ['transfer-encoding'] }],
    ['forwardAuth.subjectField', { url, subjectField: '' }],
    ['forwardAuth.timeoutMs', { url, timeoutMs: 0 }],
    ['forwardAuth.onError', { url, onError: 'open' }],
    ['forwardAuth.cacheKey', { url, cacheKey: 'cookie' }],
    ['forwardAuth.copyFields[1]', { url, copyFields: ['remote-user', 'Host'] }],
    ['forwardAuth.copyHeaders', { url, copyHeaders: ['remote-user'] }],
    ['forwardAuth.cacheKey[0]', { url, cacheKey: [':status'] }],
  ])('names %s in %o', (path, options) => {
    expect(pathOf(() => forwardAuth(options as ForwardAuthOptions))).toBe(path)
  })
})

describe('signatures', () => {
  const key = { keyid: 'a', algorithm: 'ed25519', key: ED25519.pem }
  it.each<[string, unknown]>([
    ['verifySignature', undefined],
    ['verifySignature.keys', {}],
    ['verifySignature.keys', { keys: [] }],
    ['verifySignature.keys[0].keyid', { keys: [{ ...key, keyid: '' }] }],
    ['verifySignature.keys[1].keyid', { keys: [key, key] }],
    ['verifySignature.keys[0].algorithm', { keys: [{ ...key, algorithm: 'none' }] }],
    ['verifySignature.keys[0].key', { keys: [{ ...key, algorithm: 'ecdsa-p256-sha256' }] }],
    ['verifySignature.keys[0].key', { keys: [{ ...key, algorithm: 'hmac-sha256' }] }],
    ['verifySignature.keys[0].key', { keys: [{ ...key, algorithm: 'hmac-sha256', key: 'weak' }] }],
    ['verifySignature.keys[0].key', { keys: [{ ...key, algorithm: 'rsa-pss-sha512', key: smallPem }] }],
    ['verifySignature.components[0]', { keys: [key], components: ['@signature-params'] }],
    ['verifySignature.components[1]', { keys: [key], components: ['date', 'Date'] }],
    ['verifySignature.components[0]', { keys: [key], components: ['a b'] }],
    ['verifySignature.tag', { keys: [key], tag: '' }],
    ['verifySignature.required', { keys: [key], required: ['date'] }],
    ['verifySignature.keys[0].role', { keys: [{ ...key, role: 'a' }] }],
    ['verifySignature.maxAgeMs', { keys: [key], maxAgeMs: 0 }],
    ['verifySignature.contentDigest', { keys: [key], contentDigest: 'no' }],
    ['verifySignature.origin', { keys: [key], origin: 'https://a.example/path' }],
  ])('verifySignature names %s in %o', (path, options) => {
    expect(pathOf(() => verifySignature(options as VerifySignatureOptions))).toBe(path)
  })

  const own = { keyid: 'gateway', algorithm: 'ed25519', key: ED25519.privateJwk }
  it.each<[string, unknown]>([
    ['signRequest', undefined],
    ['signRequest.keyid', { ...own, keyid: '' }],
    ['signRequest.algorithm', { ...own, algorithm: 'HS256' }],
    ['signRequest.key', { ...own, key: ED25519.jwk }],
    ['signRequest.key', { ...own, key: P256.privateJwk }],
    ['signRequest.components[0]', { ...own, components: ['Content-Length'] }],
    ['signRequest.label', { ...own, label: 'Sig' }],
    ['signRequest.covers', { ...own, covers: ['@method'] }],
    ['signRequest.expiresAfterMs', { ...own, expiresAfterMs: 0 }],
    ['signRequest.contentDigest', { ...own, contentDigest: 'md5' }],
  ])('signRequest names %s in %o', (path, options) => {
    expect(pathOf(() => signRequest(options as SignRequestOptions))).toBe(path)
  })
})
