/** The store in a real Redis, seen from outside: two stores stand for two processes. */
import { ConfigError } from '@sluice/core'
import { waitFor } from '@sluice/testing'
import { Cluster } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { cacheEntryCorrupt, redisStore, type RedisStoreOptions } from '../../../src/index.ts'
import { checksums } from '../checksums.ts'
import { bodyOf, textAt, write } from '../set-up.ts'
import { localRedis } from './redis-client.ts'
import { liveHead, openStore, settled, writeAndWait } from './redis-set-up.ts'

const CHUNK = 1_024

async function openTwo(options: Partial<RedisStoreOptions> = {}) {
  const redis = await localRedis()
  const [one, two] = await Promise.all([
    openStore(redis, { chunkBytes: CHUNK, ...options }),
    openStore(redis, { chunkBytes: CHUNK, ...options }),
  ])
  return { redis, one: one.store, two: two.store, client: one.client }
}

function bytesOf(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255))
}

describe('an entry', () => {
  it('is found by the other process, as it was', async () => {
    const { one, two } = await openTwo()
    const head = liveHead({
      headers: ['Content-Type', 'text/plain', 'X-Odd', 'ü ÿ'],
      tags: ['a', 'ärger', 'a'],
      notes: { vary: [['accept', null]], trailers: { 'X-End': 'Ω' }, ratio: 0.25 },
      url: 'https://example.com/ä?x',
    })
    await writeAndWait(one, 'key', head, 'hello')
    const entry = await two.get('key')
    expect(entry).toMatchObject({ head, bodyBytes: 5, staleSince: undefined, text: undefined })
    expect(Buffer.from(entry!.bytes!).toString()).toBe('hello')
    expect(await two.get('other')).toBeUndefined()
  })

  it('is whole whatever its size, and in ranges', async () => {
    const { one, two } = await openTwo()
    for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 10 * CHUNK + 17]) {
      const body = bytesOf(length)
      const head = liveHead()
      // With its length, and without.
      await writeAndWait(one, 'declared', head, body, 700)
      const writer = one.put('open', liveHead(), undefined)!
      writer.write(body)
      writer.commit()
      await settled(one)
      for (const key of ['declared', 'open']) {
        const entry = await two.get(key)
        expect(entry!.bodyBytes).toBe(length)
        expect(body.equals(await bodyOf(entry!))).toBe(true)
        for (const [start, end] of [
          [0, Math.ceil(length / 2)],
          [Math.floor(length / 3), length],
          [Math.min(CHUNK, length), Math.min(2 * CHUNK, length)],
        ] as const)
          expect(body.subarray(start, end).equals(await bodyOf(entry!, start, end))).toBe(true)
      }
    }
    expect(one.snapshot()).toMatchObject({ kind: 'redis', up: true, bytes: 0, failures: 0, corrupt: 0, entries: 2 })
  })

  it('takes the place of another, which those who read it read to its end', async () => {
    const { one, two } = await openTwo()
    await writeAndWait(one, 'key', liveHead(), bytesOf(8 * CHUNK))
    const old = (await two.get('key'))!
    await writeAndWait(one, 'key', liveHead(), 'new')
    expect(await textAt(two, 'key')).toBe('new')
    expect(bytesOf(8 * CHUNK).equals(await bodyOf(old))).toBe(true)
  })

  it('is not kept when it broke off, is too large, or is not as long as declared', async () => {
    const { one, two, client } = await openTwo({ maxEntryBytes: 4 * CHUNK })
    const broken = one.put('key', liveHead(), undefined)!
    broken.write(bytesOf(2 * CHUNK))
    broken.abort()
    const short = one.put('key', liveHead(), 5)!
    short.write(Buffer.from('four'))
    short.commit()
    expect(one.put('key', liveHead(), 4 * CHUNK + 1)).toBeUndefined()
    const long = one.put('key', liveHead(), undefined)!
    expect([long.write(bytesOf(4 * CHUNK)), long.write(Buffer.of(0))]).toEqual([true, false])
    long.commit()
    await settled(one)
    expect(await two.get('key')).toBeUndefined()
    expect(one.snapshot().bytes).toBe(0)
    // What is left of them goes by itself.
    for (const name of await client.keys('*chunk*')) expect(await client.pttl(name)).toBeGreaterThan(0)
  })

  it('lives as long as its horizon, and leaves the indexes after it', async () => {
    const { one, two, client } = await openTwo()
    const expiresAt = Date.now() + 300
    await writeAndWait(one, 'short', liveHead({ expiresAt, tags: ['t'] }), bytesOf(2 * CHUNK))
    expect(await two.get('short')).toBeDefined()
    await waitFor(() => Date.now() > expiresAt + 20)
    expect(await two.get('short')).toBeUndefined()
    await writeAndWait(one, 'next', liveHead(), 'body')
    expect(await client.keys('*tag*')).toEqual([])
    expect(await client.zcard('sluice:cache:urls')).toBe(1)
  })

  it('has its names bounded, and never those that clients choose', async () => {
    const { one, client } = await openTwo()
    await writeAndWait(one, 'k'.repeat(9_000), liveHead({ tags: ['t'.repeat(5_000)] }), 'body')
    for (const name of await client.keys('*')) expect(name.length).toBeLessThan(80)
  })
})

describe('what is torn', () => {
  it.each([
    [
      'a chunk is gone',
      async (client: Awaited<ReturnType<typeof openTwo>>['client'], id: string) =>
        void (await client.del(`sluice:cache:chunk:${id}:2`)),
    ],
    [
      'the head is damaged',
      async (client: Awaited<ReturnType<typeof openTwo>>['client']) => {
        const [name] = await client.keys('*entry:*')
        await client.hset(name!, 'h', 'xxxx{}')
      },
    ],
    [
      'the head is another one’s',
      async (client: Awaited<ReturnType<typeof openTwo>>['client']) => {
        const [name] = await client.keys('*entry:*')
        await client.hset(name!, 'i', 'another')
      },
    ],
  ])('is a miss, counted and removed: %s', async (_what, damage) => {
    const { one, two, client } = await openTwo()
    const head = liveHead()
    await writeAndWait(one, 'key', head, bytesOf(5 * CHUNK))
    const told: string[] = []
    const listener = ({ key }: { key: string }): void => void told.push(key)
    cacheEntryCorrupt.subscribe(listener)
    await damage(client, head.id)
    expect(await two.get('key')).toBeUndefined()
    await settled(two)
    cacheEntryCorrupt.unsubscribe(listener)
    expect([two.snapshot().corrupt, told]).toEqual([1, ['key']])
    expect(await client.keys('*entry:*')).toEqual([])
    expect(two.snapshot().up).toBe(true)
  })

  it.each(['del', 'overwrite'] as const)('breaks off a body that is being read: %s', async (how) => {
    const { one, two, client } = await openTwo()
    const head = liveHead()
    await writeAndWait(one, 'key', head, bytesOf(6 * CHUNK))
    const entry = (await two.get('key'))!
    const name = `sluice:cache:chunk:${head.id}:4`
    await (how === 'del' ? client.del(name) : client.setrange(name, 100, 'torn'))
    await expect(bodyOf(entry)).rejects.toMatchObject({ code: 'ERR_SLUICE_BODY_ABORTED' })
    // What comes before it can be had.
    expect((await bodyOf(entry, 0, 3 * CHUNK)).equals(bytesOf(3 * CHUNK))).toBe(true)
    await settled(two)
    expect(await two.get('key')).toBeUndefined()
    expect(two.snapshot().corrupt).toBe(1)
  })
})

describe('another head', () => {
  it('takes the place of that of the entry with this id', async () => {
    const { one, two } = await openTwo()
    const head = liveHead({ tags: ['old'] })
    await writeAndWait(one, 'key', head, bytesOf(3 * CHUNK))
    await one.purge({ all: true }, { soft: true })
    expect(await two.get('key')).toMatchObject({ staleSince: expect.any(Number) })
    const next = liveHead({ id: head.id, tags: ['new'], freshMs: 1 })
    two.update('key', 'another', next)
    await settled(two)
    expect(await one.get('key')).toMatchObject({ head })
    two.update('key', head.id, next)
    await settled(two)
    const entry = await one.get('key')
    expect(entry).toMatchObject({ head: next, staleSince: undefined })
    expect((await bodyOf(entry!)).equals(bytesOf(3 * CHUNK))).toBe(true)
    expect([await one.purge({ tags: ['old'] }), await one.purge({ tags: ['new'] })]).toEqual([0, 1])
  })
})

it('forgets one entry, or only the one with this id', async () => {
  const { one, two } = await openTwo()
  await writeAndWait(one, 'key', liveHead(), 'body')
  two.delete('key', 'another')
  await settled(two)
  expect(await one.get('key')).toBeDefined()
  two.delete('key')
  await settled(two)
  expect(await one.get('key')).toBeUndefined()
})

describe('a purge', () => {
  const url = (i: number) => `https://example.com/${i % 4}/${i}`
  const filled = async () => {
    const set = await openTwo()
    for (let i = 0; i < 40; i++)
      write(set.one, `key-${i}`, liveHead({ url: url(i), tags: [`t${i % 5}`, 'all'] }), 'body')
    await settled(set.one)
    return set
  }

  it.each([
    [{ url: url(13) }, 1],
    [{ url: url(1) }, 1],
    [{ prefix: 'https://example.com/2/' }, 10],
    [{ prefix: '' }, 40],
    [{ tags: ['t1', 't2', 'none'] }, 16],
    [{ all: true }, 40],
  ] as const)('of %o hits %i entries in all processes', async (selector, hits) => {
    const { one, two, client } = await filled()
    expect(await two.purge(selector)).toBe(hits)
    let left = 0
    for (let i = 0; i < 40; i++) if ((await one.get(`key-${i}`)) !== undefined) left++
    expect(left).toBe(40 - hits)
    expect(await client.zcard('sluice:cache:urls')).toBe(40 - hits)
    expect(await client.hlen('sluice:cache:places')).toBe(40 - hits)
  })

  it('hits more than fit into one step', async () => {
    const { one, two } = await openTwo()
    for (let i = 0; i < 1_300; i++)
      write(one, `key-${i}`, liveHead({ url: `https://example.com/${i}`, tags: ['t'] }), 'body')
    await settled(one)
    expect(await two.purge({ prefix: 'https://example.com/' }, { soft: true })).toBe(1_300)
    expect(await one.get('key-700')).toMatchObject({ staleSince: expect.any(Number) })
    expect(await two.purge({ tags: ['t'] })).toBe(1_300)
  })

  it('takes effect on what is on its way in the other process', async () => {
    const { one, two } = await openTwo()
    const head = () => liveHead({ url: url(1), tags: ['t'] })
    for (const [selector, soft] of [
      [{ tags: ['t'] }, false],
      [{ prefix: 'https://example.com/1' }, false],
      [{ url: url(1) }, true],
      [{ all: true }, true],
    ] as const) {
      const { generation } = one
      const writer = one.put('begun', head(), undefined, generation)!
      writer.write(bytesOf(3 * CHUNK))
      await two.purge(selector, { soft })
      writer.commit()
      one.put('asked', head(), 0, generation)!.commit()
      await settled(one)
      for (const key of ['begun', 'asked']) {
        const entry = await two.get(key)
        if (soft) expect(entry).toMatchObject({ staleSince: expect.any(Number) })
        else expect(entry).toBeUndefined()
      }
    }
    // What is asked for after it is not meant.
    await waitFor(() => one.generation === two.generation, { what: 'the purges to be told' })
    await writeAndWait(one, 'key', head(), 'body')
    expect(await two.get('key')).toMatchObject({ staleSince: undefined })
  })

  it('is told to all processes, once', async () => {
    const { one, two } = await openTwo()
    const told: unknown[] = []
    const stop = two.onPurge((...purge) => told.push(purge))
    const own: unknown[] = []
    one.onPurge((...purge) => own.push(purge))
    const before = two.generation
    await one.purge({ url: 'https://example.com/a' })
    await one.purge({ tags: ['x', 'y'] }, { soft: true })
    await waitFor(() => two.generation === before + 2, { what: 'the purges to be told' })
    const expected = [
      [{ url: 'https://example.com/a' }, { soft: false }],
      [{ tags: ['x', 'y'] }, { soft: true }],
    ]
    expect([told, own]).toEqual([expected, expected])
    stop()
    await one.purge({ all: true })
    await waitFor(() => two.generation === before + 3, { what: 'the purge to be told' })
    expect(told).toHaveLength(2)
  })
})

describe('a lease', () => {
  it('is one process’s, until it is given back', async () => {
    const { one, two } = await openTwo()
    const lease = (await one.lease('key', 1_000))!
    const waiting = two.lease('key', 10_000)
    await writeAndWait(one, 'key', liveHead(), 'body')
    lease.release()
    expect(await waiting).toBeUndefined()
    expect(await textAt(two, 'key')).toBe('body')
  })

  it('is given back only when what was fetched can be found', async () => {
    const { one, two } = await openTwo()
    for (let i = 0; i < 20; i++) {
      const lease = (await one.lease(`key-${i}`, 1_000))!
      const waiting = two.lease(`key-${i}`, 10_000)
      write(one, `key-${i}`, liveHead(), bytesOf(4 * CHUNK))
      lease.release()
      expect(await waiting).toBeUndefined()
      expect(await two.get(`key-${i}`)).toBeDefined()
    }
  })

  it('that was given back can be had at once by who comes later, and those who waited go on', async () => {
    const { one, two } = await openTwo()
    const lease = (await one.lease('key', 0))!
    const waiting = two.lease('key', 10_000)
    await settled(two)
    lease.release()
    await waitFor(() => one.snapshot().up)
    let next = await one.lease('key', 0)
    while (next === undefined) next = await one.lease('key', 0)
    expect(await waiting).toBeUndefined()
    next.release()
  })

  it('is waited for no longer than told', async () => {
    const { one, two } = await openTwo()
    await one.lease('key', 0)
    const start = performance.now()
    expect(await two.lease('key', 100)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(2_000)
  })

  it('passes on when its process says no more', async () => {
    const { one, two } = await openTwo({ leaseMs: 200 })
    await one.lease('key', 0)
    await one.close()
    expect(await two.lease('key', 10_000)).toBeDefined()
  })

  it('is renewed while its process lives', async () => {
    const { one, two } = await openTwo({ leaseMs: 150 })
    const lease = (await one.lease('key', 0))!
    expect(await two.lease('key', 600)).toBeUndefined()
    lease.release()
    await waitFor(() => one.snapshot().up)
  })

  it('makes what comes too late from a process that lost it be left out', async () => {
    const { one, two, client } = await openTwo()
    await one.lease('key', 0)
    const late = one.put('key', liveHead(), 4)!
    late.write(Buffer.from('late'))
    const [name] = await client.keys('*lease:*')
    await client.del(name!)
    await two.lease('key', 0)
    await writeAndWait(two, 'key', liveHead(), 'body')
    late.commit()
    await settled(one)
    expect(await textAt(two, 'key')).toBe('body')
  })

  it('counts on where Redis was emptied', async () => {
    const { one, two, client } = await openTwo()
    for (let i = 0; i < 5; i++) (await one.lease('other', 0))?.release()
    await one.lease('key', 0)
    await client.flushall()
    await settled(one)
    await writeAndWait(one, 'key', liveHead(), 'old')
    expect(await textAt(one, 'key')).toBe('old')
    await two.lease('key', 0)
    await writeAndWait(two, 'key', liveHead(), 'new')
    expect(await textAt(one, 'key')).toBe('new')
  })

  it('among many who want it is one', async () => {
    const { one, two } = await openTwo()
    const leases = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => await (i % 2 === 0 ? one : two).lease('key', 0)),
    )
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1)
  })
})

it('what somebody else has put in the place of an entry is a miss, counted and removed', async () => {
  const { one, client } = await openTwo()
  await writeAndWait(one, 'key', liveHead(), 'body')
  const [name] = await client.keys('*entry:*')
  await client.set(name!, 'of another type')
  expect(await one.get('key')).toBeUndefined()
  await settled(one)
  expect([await client.exists(name!), one.snapshot()]).toMatchObject([0, { up: true, corrupt: 1, failures: 0 }])
  await writeAndWait(one, 'key', liveHead(), 'again')
  expect(await textAt(one, 'key')).toBe('again')
})

it('serves what it was given, over many operations at random: a checksum for each URL and version', async () => {
  const { one, two } = await openTwo()
  const options = { operations: 1_500, workers: 8, maxBodyBytes: 20 * CHUNK, keys: 15, seed: 1 }
  const report = await checksums([one, two], { ...options, expiresAt: Date.now() + 600_000 })
  expect(report).toMatchObject({ wrong: 0, broken: 0, purged: 0 })
  expect(report.right).toBeGreaterThan(300)
  expect([one.snapshot().corrupt, two.snapshot().corrupt]).toEqual([0, 0])
})

const CLIENT = { status: 'wait', pipeline: () => ({}), duplicate: () => ({}) }

it.each([
  ['redisStore', undefined as never],
  ['redisStore.client', {}],
  ['redisStore.client', { client: { status: 'ready', pipeline: () => {} } }],
  ['redisStore.client', { client: { ...CLIENT, options: { keyPrefix: 'mine:' } } }],
  ['redisStore.client', { client: new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }) }],
  ['redisStore.maxEntryBytes', { maxEntryBytes: 0 }],
  ['redisStore.maxPendingBytes', { maxPendingBytes: 1.5 }],
  ['redisStore.timeoutMs', { timeoutMs: 0 }],
  ['redisStore.chunkBytes', { chunkBytes: 10 }],
  ['redisStore.leaseMs', { leaseMs: Number.NaN }],
  ['redisStore.prefix', { prefix: 5 }],
])('refuses a wrong option: %s', (path, options) => {
  const client = CLIENT
  const all = (path === 'redisStore.client' || path === 'redisStore' ? options : { client, ...options }) as never
  expect(() => redisStore(all)).toThrow(expect.objectContaining({ path }))
  expect(() => redisStore(all)).toThrow(ConfigError)
})
