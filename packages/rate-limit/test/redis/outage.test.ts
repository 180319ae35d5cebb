/** Redis is killed, hangs, and comes back, under load: no request fails because of it, nor waits longer than it may. */
import { createProxy, Reply } from '@sluice/core'
import { waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { rateLimit, redisStore, type RedisStoreOptions, storeFailed, storeRecovered } from '../../src/index.ts'
import { policyOf, record } from '../set-up.ts'
import { type LocalRedis, localRedis } from './local-redis.ts'

const HOUR = 3_600_000
const TIMEOUT = 200
/** For a machine that has other things to do. Without a bound they would wait for as long as it hangs. */
const SLACK = 600

async function gateway(redis: LocalRedis, limit: number, options: Partial<RedisStoreOptions> = {}) {
  const client = await redis.client()
  const store = redisStore({ client, storeTimeoutMs: TIMEOUT, probeIntervalMs: 20, ...options })
  const middleware = rateLimit({ name: 'hourly', limit, windowMs: HOUR, store })
  const proxy = createProxy()
    .use(middleware)
    .handle(() => Reply.text('fine'))
  return { client, proxy, middleware, state: () => middleware.snapshot().store.state }
}

/** Requests without a pause, ten at a time, until told to stop; every status and every wait is kept. */
function load(proxy: Awaited<ReturnType<typeof gateway>>['proxy']) {
  const statuses = new Map<number, number>()
  const waits: number[] = []
  const open = new Set<number>()
  const run = { isOver: false }
  const client = async () => {
    while (!run.isOver) {
      const start = performance.now()
      open.add(start)
      const { status } = await proxy.inject()
      open.delete(start)
      waits.push(performance.now() - start)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      // Another turn: what is answered without waiting must not keep the sockets from theirs.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const clients = Array.from({ length: 10 }, client)
  return {
    waits,
    /** Waits until so many more have been answered. */
    more: async (count: number) => {
      const until = waits.length + count
      await waitFor(() => waits.length >= until, { what: 'more replies' })
    },
    /** Waits until all that are under way now have been answered. */
    settled: async () => {
      const now = performance.now()
      await waitFor(() => [...open].every((start) => start > now), { what: 'what was under way' })
    },
    stop: async () => {
      run.isOver = true
      await Promise.all(clients)
      return Object.fromEntries(statuses)
    },
  }
}

describe('under load', () => {
  it('a Redis that hangs, is killed and is started anew costs nobody their reply', async () => {
    const [failed, recovered] = [record(storeFailed), record(storeRecovered)]
    const redis = await localRedis()
    const { proxy, state } = await gateway(redis, 1e9)
    const { more, settled, stop, waits } = load(proxy)
    await more(200)

    redis.hang()
    await waitFor(() => state() === 'down', { what: 'the hanging Redis to be noticed' })
    await settled()
    const before = waits.length
    await more(500)
    // From here on nobody waits at all.
    const ordered = waits.slice(before).toSorted((a, b) => a - b)
    expect(ordered[ordered.length >> 1]).toBeLessThan(TIMEOUT / 4)
    redis.goOn()
    await waitFor(() => state() === 'up', { what: 'Redis to be asked again' })
    await more(200)

    await redis.kill()
    await waitFor(() => state() === 'down', { what: 'the dead Redis to be noticed' })
    await more(500)
    await redis.start()
    await waitFor(() => state() === 'up', { what: 'the new Redis to be asked' })
    await more(200)

    expect(Object.keys(await stop())).toEqual(['200'])
    expect(Math.max(...waits)).toBeLessThan(TIMEOUT + SLACK)
    expect(failed[0]).toMatchObject({
      store: 'redis',
      onStoreError: 'local',
      error: { message: `Redis has not answered within ${TIMEOUT} ms` },
    })
    expect(failed.length).toBeGreaterThanOrEqual(2)
    expect(recovered).toHaveLength(failed.length)
  })

  it('a Redis that was never there is no different', async () => {
    const redis = await localRedis()
    const { client, proxy, state } = await gateway(redis, 1e9)
    await redis.kill()
    await waitFor(() => client.status !== 'ready', { what: 'the connection to be lost' })
    const { more, stop, waits } = load(proxy)
    await more(300)
    expect(Object.keys(await stop())).toEqual(['200'])
    expect(Math.max(...waits)).toBeLessThan(SLACK)
    await redis.start()
    await waitFor(() => state() === 'up', { what: 'Redis to be asked' })
  })
})

describe('while Redis is away', () => {
  const away = async (limit: number, options: Partial<RedisStoreOptions> = {}) => {
    const redis = await localRedis()
    const set = await gateway(redis, limit, options)
    const statuses = async (count: number) => {
      const statuses: number[] = []
      for (let i = 0; i < count; i++) statuses.push((await set.proxy.inject()).status)
      return statuses
    }
    const passed = async (count: number) => (await statuses(count)).filter((status) => status === 200).length
    const lose = async () => {
      await redis.kill()
      await waitFor(() => set.client.status !== 'ready', { what: 'the connection to be lost' })
    }
    return { ...set, redis, statuses, passed, lose }
  }

  it('this process goes on from what it has spent, and hands back without giving a second burst', async () => {
    const { passed, lose, redis, state } = await away(20)
    expect(await passed(12)).toBe(12)
    await lose()
    expect(await passed(20)).toBe(8)
    await redis.start()
    await waitFor(() => state() === 'up', { what: 'Redis to be asked' })
    // The new one has forgotten everything.
    expect(await passed(20)).toBe(0)
  })

  it('it spends its share only, where it is told to', async () => {
    const { passed, lose, proxy } = await away(20, { localShare: 0.25 })
    await lose()
    expect((await proxy.inject()).headers.get('ratelimit')).toMatch(/^"hourly";r=4;t=/)
    expect(await passed(20)).toBe(4)
  })

  it('all pass, and are told nothing, where it is told to allow', async () => {
    const { statuses, lose, proxy } = await away(1, { onStoreError: 'allow' })
    await lose()
    expect(await statuses(3)).toEqual([200, 200, 200])
    expect((await proxy.inject()).headers.has('ratelimit')).toBe(false)
  })

  it('all get 503 where it is told to deny', async () => {
    const { lose, proxy } = await away(1, { onStoreError: 'deny' })
    await lose()
    const reply = await proxy.inject()
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_LIMIT_UNKNOWN' })
  })

  it('a shadow refuses nobody, even where it is told to deny', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const store = redisStore({ client, onStoreError: 'deny' })
    const proxy = createProxy()
      .use(rateLimit({ name: 'trial', limit: 1, shadow: true, store }))
      .handle(() => Reply.text('fine'))
    await redis.kill()
    await waitFor(() => client.status !== 'ready', { what: 'the connection to be lost' })
    expect((await proxy.inject()).status).toBe(200)
  })

  it('a Redis that answers with errors is as good as none', async () => {
    const failed = record(storeFailed)
    const { client, passed, state } = await away(5)
    await client.config('SET', 'maxmemory', '1')
    expect(await passed(8)).toBe(5)
    expect([state(), failed[0]!.error.message]).toEqual(['down', expect.stringContaining('OOM')])
    await client.config('SET', 'maxmemory', '0')
    await waitFor(() => state() === 'up', { what: 'Redis to be asked' })
  })
})

it('a charge that can not be told to Redis is counted here', async () => {
  const redis = await localRedis()
  const client = await redis.client()
  const account = redisStore({ client, localShare: 0.5 }).openLimits([policyOf({ limit: 10, windowMs: HOUR })])
  await redis.kill()
  await waitFor(() => client.status !== 'ready', { what: 'the connection to be lost' })
  account.charge(['key'], [4], systemClock)
  const decision = await account.check(['key'], [0], systemClock)
  expect(decision.outcomes[0]!.remaining).toBeCloseTo(1, 2)
})

it('parts of a unit, as a share of a limit makes them, are counted as such', async () => {
  const redis = await localRedis()
  const client = await redis.client()
  const policy = policyOf({ limit: 10, windowMs: HOUR, algorithm: 'sliding-window' })
  const account = redisStore({ client, localShare: 0.4 }).openLimits([policy])
  await redis.kill()
  await waitFor(() => client.status !== 'ready', { what: 'the connection to be lost' })
  const decisions = [1, 2, 3, 4, 5].map(async () => await account.check(['key'], [1], systemClock))
  expect((await Promise.all(decisions)).map(({ admitted }) => admitted)).toEqual([true, true, true, true, false])
})
