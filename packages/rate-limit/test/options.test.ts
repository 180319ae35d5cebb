/** A wrong option is refused when the gateway is built, and the error says which one it is. */
import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import {
  concurrencyQuota,
  type ConcurrencyQuotaOptions,
  memoryStore,
  rateLimit,
  type RateLimitOptions,
  redisStore,
  type RedisStoreOptions,
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

const client = { status: 'ready', pipeline: () => ({ exec: () => Promise.resolve([]) }) }

describe('rateLimit', () => {
  it.each<[string, unknown]>([
    ['rateLimit', undefined],
    ['rateLimit.limit', {}],
    ['rateLimit.limit', { limit: 0 }],
    ['rateLimit.limit', { limit: -1 }],
    ['rateLimit.limit', { limit: Number.NaN }],
    ['rateLimit.limit', { limit: Number.POSITIVE_INFINITY }],
    ['rateLimit.limit', { limit: '5' }],
    ['rateLimit.windowMs', { limit: 1, windowMs: 0 }],
    ['rateLimit.windowMs', { limit: 1, windowMs: Number.POSITIVE_INFINITY }],
    ['rateLimit.windowMs', { limit: 1, windowMs: 1e15 }],
    ['rateLimit.burst', { limit: 1, burst: 0 }],
    ['rateLimit.burst', { limit: 1, burst: Number.NaN }],
    ['rateLimit.burst', { limit: 1, burst: 1, algorithm: 'sliding-window' }],
    ['rateLimit.algorithm', { limit: 1, algorithm: 'fixed-window' }],
    ['rateLimit.name', { limit: 1, name: '' }],
    ['rateLimit.name', { limit: 1, name: 'naïve' }],
    ['rateLimit.key', { limit: 1, key: 'address' }],
    ['rateLimit.key', { limit: 1, key: {} }],
    ['rateLimit.key.header', { limit: 1, key: { header: 'a b' } }],
    ['rateLimit.key.apiKey', { limit: 1, key: { apiKey: '' } }],
    ['rateLimit.ipv4PrefixBits', { limit: 1, ipv4PrefixBits: 33 }],
    ['rateLimit.ipv6PrefixBits', { limit: 1, ipv6PrefixBits: 0 }],
    ['rateLimit.cost', { limit: 1, cost: -1 }],
    ['rateLimit.cost', { limit: 1, cost: Number.NaN }],
    ['rateLimit.cost', { limit: 5, cost: 6 }],
    ['rateLimit.replyCost', { limit: 1, replyCost: 4 }],
    ['rateLimit.replyCost.header', { limit: 1, replyCost: {} }],
    ['rateLimit.shadow', { limit: 1, shadow: 'yes' }],
    ['rateLimit.store', { limit: 1, store: {} }],
    ['rateLimit.fields', { limit: 1, fields: 'draft-08' }],
    ['rateLimit.fields', { limit: 1, fields: ['draft-11', 'draft-07'] }],
    ['rateLimit.bypass.addresses', { limit: 1, bypass: { addresses: [] } }],
    ['rateLimit.bypass.addresses[0]', { limit: 1, bypass: { addresses: [''] } }],
    ['rateLimit.bypass.addresses[1]', { limit: 1, bypass: { addresses: ['10.0.0.0/8', '10.0.0.0/'] } }],
    ['rateLimit.bypass.header.name', { limit: 1, bypass: { header: { name: '', secrets: ['0123456789abcdef'] } } }],
    ['rateLimit.bypass.header.secrets', { limit: 1, bypass: { header: { name: 'a', secrets: [] } } }],
    ['rateLimit.bypass.header.secrets[0]', { limit: 1, bypass: { header: { name: 'a', secrets: ['short'] } } }],
    ['rateLimit.bypass.when', { limit: 1, bypass: { when: true } }],
    ['rateLimit.policies', { policies: [] }],
    ['rateLimit.policies[0]', { policies: [4] }],
    ['rateLimit.policies[1].limit', { policies: [{ limit: 1 }, { limit: 0 }] }],
    ['rateLimit.policies[1].name', { policies: [{ limit: 1 }, { limit: 1 }] }],
    ['rateLimit.limit', { limit: 1, policies: [{ limit: 1 }] }],
  ])('names %s in %o', (path, options) => {
    expect(pathOf(() => rateLimit(options as RateLimitOptions))).toBe(path)
  })

  it('takes what is right', () => {
    expect(
      pathOf(() =>
        rateLimit({ limit: 0.5, burst: 0.5, cost: 0.5, windowMs: 86_400_000, fields: ['draft-06', 'x-ratelimit'] }),
      ),
    ).toBe('none')
  })
})

describe('concurrencyQuota', () => {
  it.each<[string, unknown]>([
    ['concurrencyQuota', undefined],
    ['concurrencyQuota.max', {}],
    ['concurrencyQuota.max', { max: 0 }],
    ['concurrencyQuota.max', { max: 1.5 }],
    ['concurrencyQuota.name', { max: 1, name: 7 }],
    ['concurrencyQuota.key', { max: 1, key: 7 }],
    ['concurrencyQuota.leaseMs', { max: 1, leaseMs: 0 }],
    ['concurrencyQuota.retryAfterMs', { max: 1, retryAfterMs: -1 }],
    ['concurrencyQuota.store', { max: 1, store: 'redis' }],
    ['concurrencyQuota.fields', { max: 1, fields: 7 }],
    ['concurrencyQuota.bypass', { max: 1, bypass: [] }],
    ['concurrencyQuota.name', { max: 1, store: redisStore({ client }) }],
  ])('names %s in %o', (path, options) => {
    expect(pathOf(() => concurrencyQuota(options as ConcurrencyQuotaOptions))).toBe(path)
  })
})

describe('stores', () => {
  it.each<[string, unknown]>([
    ['redisStore', undefined],
    ['redisStore.client', {}],
    ['redisStore.prefix', { client, prefix: 5 }],
    ['redisStore.onStoreError', { client, onStoreError: 'open' }],
    ['redisStore.storeTimeoutMs', { client, storeTimeoutMs: 0 }],
    ['redisStore.probeIntervalMs', { client, probeIntervalMs: Number.NaN }],
    ['redisStore.localShare', { client, localShare: 1.5 }],
    ['redisStore.localMaxKeys', { client, localMaxKeys: 0 }],
    ['redisStore.leaseUnits', { client, leaseUnits: -1 }],
    ['redisStore.leaseMs', { client, leaseMs: 0 }],
  ])('name %s in %o', (path, options) => {
    expect(pathOf(() => redisStore(options as RedisStoreOptions))).toBe(path)
  })

  it('in memory need a number of keys', () => {
    expect(pathOf(() => memoryStore({ maxKeys: 0 }))).toBe('memoryStore.maxKeys')
    expect(pathOf(() => memoryStore({ maxKeys: 1e9 }))).toBe('memoryStore.maxKeys')
  })

  it('that are shared want limits with names of their own', () => {
    const store = redisStore({ client })
    expect(pathOf(() => rateLimit({ limit: 1, store }))).toBe('rateLimit.name')
    expect(pathOf(() => rateLimit({ policies: [{ name: 'a', limit: 1 }, { limit: 2 }], store }))).toBe(
      'rateLimit.policies[1].name',
    )
  })
})
