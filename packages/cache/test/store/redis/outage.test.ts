/** Redis is frozen, killed, started anew and flushed, under load: a look-up is then a miss in time, and nothing wrong is ever served. */
import { createHash } from 'node:crypto'
import { waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cacheStoreFailed, cacheStoreRecovered, type RedisStore, redisStore } from '../../../src/index.ts'
import { bodyOf, write } from '../set-up.ts'
import { localRedis } from './redis-client.ts'
import { liveHead, openStore, writeAndWait } from './redis-set-up.ts'

const TIMEOUT = 150
/** For a machine that has other things to do. */
const SLACK = 900

/** Looks up and writes without a pause until told to stop. */
function load(store: RedisStore) {
  const seen = { hits: 0, misses: 0, broken: 0, wrong: 0, longestMs: 0 }
  const run = { isOver: false }
  let version = 0
  const worker = async (): Promise<void> => {
    while (!run.isOver) {
      const key = `https://example.com/${version++ % 30}`
      const start = performance.now()
      const entry = await store.get(key)
      seen.longestMs = Math.max(seen.longestMs, performance.now() - start)
      if (entry === undefined) {
        seen.misses++
        const body = `${key} ${version} `.repeat(1 + (version % 400))
        write(store, key, liveHead({ url: key, notes: { sum: sumOf(body) } }), body)
      } else {
        try {
          const isRight = sumOf(await bodyOf(entry)) === entry.head.notes.sum && entry.head.url === key
          if (isRight) seen.hits++
          else seen.wrong++
        } catch {
          seen.broken++
        }
      }
      // What is answered at once must not keep the sockets from their turn.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const workers = Array.from({ length: 8 }, worker)
  return {
    seen,
    more: async (what: 'hits' | 'misses', count: number) => {
      const until = seen[what] + count
      await waitFor(() => seen[what] >= until, { what: `more ${what}`, timeoutMs: 10_000 })
    },
    stop: async () => {
      run.isOver = true
      await Promise.all(workers)
    },
  }
}

function sumOf(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

it('under load, a Redis that hangs, dies, comes back and is flushed costs no more than misses', async () => {
  const events: string[] = []
  const [failed, recovered] = [() => void events.push('failed'), () => void events.push('recovered')]
  cacheStoreFailed.subscribe(failed)
  cacheStoreRecovered.subscribe(recovered)
  const redis = await localRedis()
  const { store, client } = await openStore(redis, { chunkBytes: 1_024, timeoutMs: TIMEOUT })
  const { seen, more, stop } = load(store)
  await more('hits', 120)

  redis.hang()
  await waitFor(() => !store.snapshot().up, { what: 'the hanging Redis to be noticed', timeoutMs: 5_000 })
  await more('misses', 120)
  redis.goOn()
  await waitFor(() => store.snapshot().up, { what: 'Redis to be asked again', timeoutMs: 5_000 })
  await more('hits', 80)

  await client.flushall()
  await more('hits', 80)

  await redis.kill()
  await waitFor(() => !store.snapshot().up, { what: 'the dead Redis to be noticed', timeoutMs: 5_000 })
  await more('misses', 120)
  await redis.start()
  await waitFor(() => store.snapshot().up, { what: 'the new Redis to be asked', timeoutMs: 5_000 })
  await more('hits', 80)

  await stop()
  cacheStoreFailed.unsubscribe(failed)
  cacheStoreRecovered.unsubscribe(recovered)
  expect(seen.wrong).toBe(0)
  expect(seen.longestMs).toBeLessThan(TIMEOUT + SLACK)
  expect(events.slice(0, 4)).toEqual(['failed', 'recovered', 'failed', 'recovered'])
  expect(store.snapshot().failures).toBeGreaterThan(0)
})

describe('while Redis is away', () => {
  const away = async () => {
    const redis = await localRedis()
    const set = await openStore(redis, { timeoutMs: TIMEOUT, chunkBytes: 1_024 })
    await redis.kill()
    await waitFor(() => set.client.status !== 'ready', { what: 'the connection to be lost' })
    return { ...set, redis }
  }

  it('a look-up answers at once, and nothing is begun', async () => {
    const { store } = await away()
    expect(store.get('key')).toBeUndefined()
    expect(store.put('key', liveHead(), 5)).toBeUndefined()
    store.update('key', 'id', liveHead())
    store.delete('key')
    expect(store.snapshot()).toMatchObject({ up: false, failures: 1, bytes: 0 })
  })

  it('whoever wants a lease has it', async () => {
    const { store } = await away()
    const lease = await store.lease('key', 10_000)
    expect(lease).toBeDefined()
    lease!.release()
  })

  it('a purge says that it could not be done', async () => {
    const { store } = await away()
    await expect(store.purge({ all: true })).rejects.toThrow('can not be asked')
  })
})

it('a response that Redis loses while it is written is not kept', async () => {
  const redis = await localRedis()
  const { store, client } = await openStore(redis, { chunkBytes: 1_024 })
  const writer = store.put('key', liveHead(), undefined)!
  writer.write(Buffer.alloc(5_000))
  await waitFor(() => store.snapshot().bytes < 2_000, { what: 'the chunks to be written' })
  await client.flushall()
  writer.write(Buffer.alloc(5_000))
  writer.commit()
  await store.purge({ url: 'https://nobody.test/' })
  expect(await store.get('key')).toBeUndefined()
})

it('what was written of it goes soon, and not with what it would have been a part of', async () => {
  const redis = await localRedis()
  const { store, client } = await openStore(redis, { chunkBytes: 1_024 })
  const writer = store.put('key', liveHead(), undefined)!
  writer.write(Buffer.alloc(5_000))
  await waitFor(() => store.snapshot().bytes < 2_000, { what: 'the chunks to be written' })
  const chunks = (await client.keys('*chunk:*')).toSorted()
  expect(chunks).toHaveLength(4)
  await client.del(chunks[2]!)
  writer.commit()
  await store.purge({ url: 'https://nobody.test/' })
  expect(await store.get('key')).toBeUndefined()
  for (const chunk of await client.keys('*chunk:*')) expect(await client.pttl(chunk)).toBeLessThanOrEqual(60_000)
})

it('a lease that could not be given back while Redis was away is given back then', async () => {
  const redis = await localRedis()
  const { store } = await openStore(redis, { timeoutMs: TIMEOUT, leaseMs: 60_000 })
  const { store: other } = await openStore(redis)
  const lease = (await store.lease('key', 0))!
  redis.hang()
  await store.get('key')
  lease.release()
  await waitFor(() => !store.snapshot().up, { what: 'it to be noticed' })
  redis.goOn()
  await waitFor(() => store.snapshot().up, { what: 'Redis to be asked again', timeoutMs: 5_000 })
  // Done, or free: in both cases nobody waits for a minute.
  const start = performance.now()
  await other.lease('key', 20_000)
  expect(performance.now() - start).toBeLessThan(10_000)
})

it('a Redis that answers with errors is as good as none', async () => {
  const redis = await localRedis()
  const { store, client } = await openStore(redis)
  await client.config('SET', 'maxmemory', '1')
  write(store, 'key', liveHead(), 'body')
  await waitFor(() => !store.snapshot().up, { what: 'the errors to be noticed' })
  await client.config('SET', 'maxmemory', '0')
  await waitFor(() => store.snapshot().up, { what: 'Redis to be asked again', timeoutMs: 5_000 })
  await writeAndWait(store, 'key', liveHead(), 'body')
  expect(await store.get('key')).toBeDefined()
})

it('a process that was there before Redis hears of purges all the same', async () => {
  const redis = await localRedis()
  await redis.kill()
  const client = new Redis({ host: '127.0.0.1', port: redis.port, retryStrategy: () => 20, maxRetriesPerRequest: 1 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  const store = redisStore({ client, probeIntervalMs: 20 })({ clock: systemClock, random: Math.random })
  onTestFinished(async () => await store.close())
  const told: unknown[] = []
  store.onPurge((selector) => told.push(selector))
  expect(store.get('key')).toBeUndefined()
  let retries = 0
  client.on('reconnecting', () => retries++)
  await waitFor(() => retries > 5, { what: 'it to give up its first commands', timeoutMs: 5_000 })
  await redis.start()
  await waitFor(() => store.snapshot().up && store.generation > 0, { what: 'it to be connected', timeoutMs: 5_000 })
  const other = await openStore(redis)
  await other.store.purge({ url: 'https://example.com/' })
  await waitFor(() => told.length > 0, { what: 'it to be told', timeoutMs: 5_000 })
  expect(told).toEqual([{ url: 'https://example.com/' }])
})

describe('a process that has missed purges', () => {
  const missing = async () => {
    const redis = await localRedis()
    const [one, two] = [await openStore(redis), await openStore(redis)]
    const told: unknown[] = []
    two.store.onPurge((selector) => told.push(selector))
    /** Ends the connections that listen, and keeps the second from being told until it is back. */
    const cut = async () => void (await one.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))
    return { one, two, told, cut, redis }
  }

  it('takes everything for purged when it listens again', async () => {
    const { one, told, cut } = await missing()
    await cut()
    await one.store.purge({ url: 'https://example.com/' })
    await waitFor(() => told.length > 0, { what: 'it to be told', timeoutMs: 5_000 })
    // Unless it was back in time.
    expect([{ all: true }, { url: 'https://example.com/' }]).toContainEqual(told[0])
  })

  it('takes everything for purged when a number is missing', async () => {
    const { one, two, told } = await missing()
    const [before, { generation }] = [told.length, two.store]
    await one.client.incr('sluice:cache:generation')
    await one.store.purge({ url: 'https://example.com/' })
    await waitFor(() => told.length > before, { what: 'it to be told', timeoutMs: 5_000 })
    expect(told).toEqual([{ all: true }])
    expect(two.store.generation).toBe(generation + 2)
  })

  it('takes everything for purged when Redis knows of one that it was never told of', async () => {
    const { one, two, told } = await missing()
    await one.client.incr('sluice:cache:generation')
    await two.store.get('key')
    expect(told).toEqual([])
    await waitFor(() => (void two.store.get('key'), told.length > 0), {
      what: 'it to notice',
      timeoutMs: 5_000,
      intervalMs: 50,
    })
    expect(told).toEqual([{ all: true }])
  })

  it('goes on when somebody else writes to the channel', async () => {
    const { one, two, told } = await missing()
    await one.client.publish('sluice:cache:told', 'hello')
    await one.client.publish('sluice:cache:told', `${two.store.generation + 1} {`)
    await waitFor(() => told.length > 0, { what: 'it to be told' })
    expect(told).toEqual([{ all: true }])
  })
})
