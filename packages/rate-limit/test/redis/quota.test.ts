import { virtualClock, waitFor } from '@sluice/testing'
/** Places that are shared through a real Redis. */
import { systemClock } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { type QuotaAccount, type RedisClient, redisStore, type RedisStoreOptions } from '../../src/index.ts'
import { localRedis } from './local-redis.ts'

const rule = { name: 'in-flight', isNamed: true, max: 3, leaseMs: 30_000, at: 'test' }

function open(client: RedisClient, options: Partial<RedisStoreOptions> = {}, leaseMs = rule.leaseMs): QuotaAccount {
  return redisStore({ client, storeTimeoutMs: 10_000, probeIntervalMs: 20, ...options }).openQuota({ ...rule, leaseMs })
}

async function take(account: QuotaAccount, count: number) {
  const places = await Promise.all(Array.from({ length: count }, async () => await account.take('key', systemClock)))
  return places.filter(({ admitted }) => admitted)
}

describe('places', () => {
  it('are counted in all processes together, and can be taken again when they are free', async () => {
    const redis = await localRedis()
    const [one, two] = [open(await redis.client()), open(await redis.client())]
    const places = [...(await take(one, 2)), ...(await take(two, 4))]
    expect(places.map(({ remaining }) => remaining)).toEqual([2, 1, 0])
    expect(await take(two, 1)).toEqual([])
    places[0]!.free()
    places[0]!.free()
    await expect.poll(async () => (await take(two, 2)).length).toBe(1)
  })

  it('of a process that has died come free when their lease is over', async () => {
    const redis = await localRedis()
    const [dying, other] = [open(await redis.client(), {}, 150), open(await redis.client(), {}, 150)]
    const clock = virtualClock()
    // Its clock stands still: it renews nothing any more.
    for (let i = 0; i < 3; i++) expect(await dying.take('key', clock)).toMatchObject({ admitted: true })
    expect(await take(other, 1)).toEqual([])
    await expect.poll(async () => (await take(other, 1)).length).toBe(1)
  })

  it('are renewed while they are held, and not afterwards', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client)
    const clock = virtualClock()
    const place = await account.take('key', clock)
    const [key] = await client.keys('*')
    const [name] = await client.zrange(key!, '0', '0')
    const until = async () => Number(await client.zscore(key!, name!))
    const before = await until()
    clock.advance(10_000)
    await expect.poll(until).toBeGreaterThan(before)
    place.free()
    await expect.poll(async () => await client.keys('*')).toEqual([])
    // What is left is the next renewal, which finds nothing to renew.
    await expect.poll(() => clock.pending).toBe(1)
    clock.advance(10_000)
    expect(clock.pending).toBe(0)
  })

  it('do not come back from a Redis that was away as if nobody held any', async () => {
    const redis = await localRedis()
    const [one, two] = [open(await redis.client()), open(await redis.client())]
    expect(await take(one, 2)).toHaveLength(2)
    await redis.kill()
    const noticed = async (account: QuotaAccount) => {
      await account.take('other', systemClock)
      return account.snapshot().state
    }
    await expect.poll(async () => await noticed(one)).toBe('down')
    // By itself it knows of its own two.
    expect(await take(one, 3)).toHaveLength(1)
    await redis.start()
    await waitFor(() => one.snapshot().state === 'up', { what: 'Redis to be asked' })
    const client = await redis.client()
    await expect.poll(async () => await client.zcard('sluice:limit:places:in-flight:key')).toBe(3)
    await expect.poll(async () => await noticed(two)).toBe('up')
    expect(await take(two, 1)).toEqual([])
  })

  it.each([
    ['allow', 5],
    ['deny', 0],
    ['local', 3],
  ] as const)('without Redis: %s lets %d of five in', async (onStoreError, count) => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, { onStoreError })
    await redis.kill()
    await waitFor(() => client.status !== 'ready', { what: 'the connection to be lost' })
    expect(await take(account, 5)).toHaveLength(count)
  })
})
