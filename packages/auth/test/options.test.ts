/** A wrong option is refused when the gateway is built, and the error says which one it is. */
import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import {
  allOf,
  anyOf,
  apiKey,
  apiKeyDigest,
  authCache,
  basic,
  clientCertificate,
  defineStrategy,
  optional,
  passIdentity,
  passJwt,
  requireIdentity,
} from '../src/index.ts'

function pathOf(build: () => unknown): string {
  try {
    build()
  } catch (error) {
    if (error instanceof ConfigError) return error.path
    throw error
  }
  return 'none'
}

const BCRYPT = `$2b$04$${'a'.repeat(53)}`
const KEY = { sha256: apiKeyDigest('k'), subject: 'a' }
const SIGNING = { algorithm: 'HS256', key: 'k'.repeat(32), issuer: 'a', audience: 'b' }
const users = { ada: { password: 'a' } }

describe.each<[string, (options: never) => unknown, readonly (readonly [string, unknown])[]]>([
  [
    'basic',
    basic,
    [
      ['basic', undefined],
      ['basic', {}],
      ['basic.user', { user: {} }],
      ['basic', { users, verify: () => ({}) }],
      ['basic', { users, htpasswdFile: 'a' }],
      ['basic.users', { users: 'ada' }],
      ['basic.users["ada"]', { users: { ada: 'secret' } }],
      ['basic.users["ada"]', { users: { ada: {} } }],
      ['basic.users["ada"]', { users: { ada: { password: 'a', passwordHash: BCRYPT } } }],
      ['basic.users["ada"].passwordHash', { users: { ada: { passwordHash: '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=' } } }],
      ['basic.users["ada"].passwordHash', { users: { ada: { passwordHash: 'sha256:abc' } } }],
      ['basic.users["ada"].password', { users: { ada: { password: '' } } }],
      ['basic.users["ada"].roles', { users: { ada: { password: 'a', roles: 'admin' } } }],
      ['basic.users["ada"].scopes', { users: { ada: { password: 'a', scopes: [''] } } }],
      ['basic.users["ada"].claims', { users: { ada: { password: 'a', claims: [] } } }],
      ['basic.users["ada"].role', { users: { ada: { password: 'a', role: 'admin' } } }],
      ['basic.users["a:b"]', { users: { 'a:b': { password: 'a' } } }],
      ['basic.users["Zoe\u0308"]', { users: { 'Zo\u00eb': BCRYPT, 'Zoe\u0308': BCRYPT } }],
      ['basic.users[""]', { users: { '': { password: 'a' } } }],
      ['basic.grants', { users, grants: {} }],
      ['basic.verify', { verify: {} }],
      ['basic.verifiers.bcrypt', { users, verifiers: { bcrypt: true } }],
      ['basic.realm', { users, realm: '' }],
      ['basic.realm', { users, realm: 'a\nb' }],
      ['basic.strip', { users, strip: 1 }],
      ['basic.cache', { users, cache: 4 }],
      ['basic.cache.ttlMs', { users, cache: { ttlMs: -1 } }],
      ['basic.maxConcurrentChecks', { users, maxConcurrentChecks: 0 }],
      ['basic.reloadIntervalMs', { htpasswdFile: '/dev/null', reloadIntervalMs: -1 }],
      ['basic.grants["ada"].roles', { htpasswdFile: '/dev/null', grants: { ada: { roles: 'a' } } }],
    ],
  ],
  [
    'apiKey',
    apiKey,
    [
      ['apiKey', undefined],
      ['apiKey', {}],
      ['apiKey', { keys: [KEY], lookup: () => undefined }],
      ['apiKey.key', { keys: [KEY], key: 'a' }],
      ['apiKey.lookup', { lookup: {} }],
      ['apiKey.keys', { keys: KEY }],
      ['apiKey.keys[0]', { keys: ['a'] }],
      ['apiKey.keys[0].sha256', { keys: [{ subject: 'a' }] }],
      ['apiKey.keys[0].sha256', { keys: [{ ...KEY, sha256: 'k' }] }],
      ['apiKey.keys[1].sha256', { keys: [KEY, { ...KEY, sha256: KEY.sha256.toUpperCase() }] }],
      ['apiKey.keys[0].subject', { keys: [{ ...KEY, subject: '' }] }],
      ['apiKey.keys[0].id', { keys: [{ ...KEY, id: '' }] }],
      ['apiKey.keys[0].expires', { keys: [{ ...KEY, expires: 1 }] }],
      ['apiKey.keys[0].expiresAt', { keys: [{ ...KEY, expiresAt: 'tomorrow' }] }],
      ['apiKey.keys[0].notBefore', { keys: [{ ...KEY, notBefore: Number.NaN }] }],
      ['apiKey.from', { keys: [KEY], from: 'X-API-Key' }],
      ['apiKey.from.cookie', { keys: [KEY], from: { header: 'a', cookie: 'b' } }],
      ['apiKey.from.header', { keys: [KEY], from: { header: 'a b' } }],
      ['apiKey.from.scheme', { keys: [KEY], from: { header: 'a', scheme: '' } }],
      ['apiKey.from.cookie', { keys: [KEY], from: { cookie: 'a;b' } }],
      ['apiKey.from.query', { keys: [KEY], from: { query: '' } }],
      ['apiKey.maxChars', { keys: [KEY], maxChars: 0 }],
      ['apiKey.realm', { keys: [KEY], realm: 4 }],
      ['apiKey.strip', { keys: [KEY], strip: 'no' }],
      ['apiKey.cache', { keys: [KEY], cache: true }],
    ],
  ],
  [
    'clientCertificate',
    clientCertificate,
    [
      ['clientCertificate', 4],
      ['clientCertificate.allow', { allow: [] }],
      ['clientCertificate.allow[0]', { allow: [{}] }],
      ['clientCertificate.allow[0].Subject', { allow: [{ issuer: 'CN=a', Subject: 'CN=b' }] }],
      ['clientCertificate.rules', { rules: [] }],
      ['clientCertificate.allow[0].san', { allow: [{ san: 'shop.example' }] }],
      ['clientCertificate.allow[0].san', { allow: [{ san: 'other:a' }] }],
      ['clientCertificate.allow[0].fingerprint256', { allow: [{ fingerprint256: 'ab:cd' }] }],
      ['clientCertificate.allow[0].subject', { allow: [{ subject: '' }] }],
      ['clientCertificate.allow[0].roles', { allow: [{ subject: 'a', roles: 'a' }] }],
      ['clientCertificate.subjectFrom', { subjectFrom: 'name' }],
      ['clientCertificate.from', { from: 'both' }],
      ['clientCertificate.strip', { strip: 1 }],
    ],
  ],
  [
    'authCache',
    authCache,
    [
      ['authCache', 4],
      ['authCache.ttl', { ttl: 4 }],
      ['authCache.name', { name: '' }],
      ['authCache.maxEntries', { maxEntries: 0 }],
      ['authCache.maxRefused', { maxRefused: 1.5 }],
      ['authCache.ttlMs', { ttlMs: Number.POSITIVE_INFINITY }],
      ['authCache.refusedTtlMs', { refusedTtlMs: -1 }],
    ],
  ],
  [
    'require',
    requireIdentity,
    [
      ['require', undefined],
      ['require', {}],
      ['require.role', { scopes: ['a'], role: 'admin' }],
      ['require.scopes', { scopes: [] }],
      ['require.scopes[1]', { scopes: ['a', 'b"'] }],
      ['require.roles', { roles: 'admin' }],
      ['require.claims', { claims: [] }],
      ['require.claims["a"]', { claims: { a: [] } }],
      ['require.claims["a"]', { claims: { a: {} } }],
      ['require.when', { when: true }],
    ],
  ],
  [
    'passIdentity',
    passIdentity,
    [
      ['passIdentity', undefined],
      ['passIdentity.headers', {}],
      ['passIdentity.headers', { headers: {} }],
      ['passIdentity.headers', { headers: { 'X-A': 'subject', x_a: 'scheme' } }],
      ['passIdentity.headers["a b"]', { headers: { 'a b': 'subject' } }],
      ['passIdentity.headers["Host"]', { headers: { Host: 'subject' } }],
      ['passIdentity.headers["X-A"]', { headers: { 'X-A': 'claims' } }],
      ['passIdentity.headers["X-A"].claim', { headers: { 'X-A': { claim: '' } } }],
    ],
  ],
  [
    'passJwt',
    passJwt,
    [
      ['passJwt', undefined],
      ['passJwt.algorithm', { ...SIGNING, algorithm: 'none' }],
      ['passJwt.key', { ...SIGNING, key: 'short' }],
      ['passJwt.ttl', { ...SIGNING, ttl: 4 }],
      ['passJwt.issuer', { ...SIGNING, issuer: '' }],
      ['passJwt.audience', { ...SIGNING, audience: undefined }],
      ['passJwt.ttlMs', { ...SIGNING, ttlMs: 0 }],
      ['passJwt.ttlMs', { ...SIGNING, ttlMs: 1_999 }],
      ['passJwt.header', { ...SIGNING, header: 'a b' }],
      ['passJwt.claims', { ...SIGNING, claims: 'email' }],
      ['passJwt.claims[0]', { ...SIGNING, claims: ['sub'] }],
    ],
  ],
])('%s', (_, build, wrong) => {
  it.each(wrong)('refuses a wrong option by its path: %s', (path, options) => {
    expect(pathOf(() => build(options as never))).toBe(path)
  })
})

describe('compositions', () => {
  it('need strategies', () => {
    const strategy = basic({ users })
    expect(pathOf(() => anyOf(...([] as unknown as [typeof strategy])))).toBe('anyOf')
    expect(pathOf(() => anyOf(strategy, ((x: never) => x) as never))).toBe('anyOf[1]')
    expect(pathOf(() => allOf(undefined as never))).toBe('allOf[0]')
    expect(pathOf(() => optional({} as never))).toBe('optional[0]')
    expect(pathOf(() => optional(strategy, { onRefused: 'no' as never }))).toBe('optional.onRefused')
  })

  it('of one strategy are fine', () => {
    expect(anyOf(basic({ users })).scheme).toBe('basic')
  })
})

describe('defineStrategy', () => {
  it('needs a scheme and what authenticates', () => {
    expect(pathOf(() => defineStrategy({ scheme: '', authenticate: () => ({ kind: 'absent' }) }))).toBe(
      'defineStrategy.scheme',
    )
    expect(pathOf(() => defineStrategy({ scheme: 'a' } as never))).toBe('defineStrategy.authenticate')
  })
})

describe('what is right', () => {
  it('is taken', () => {
    expect(pathOf(() => basic({ users: { ada: BCRYPT } }))).toBe('none')
    expect(pathOf(() => apiKey({ keys: [KEY] }))).toBe('none')
    expect(pathOf(() => passJwt(SIGNING as never))).toBe('none')
    expect(pathOf(() => clientCertificate())).toBe('none')
  })
})
