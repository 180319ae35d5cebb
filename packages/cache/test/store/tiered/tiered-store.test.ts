/** Memory in front of a disk, and of a Redis that two processes share. */
import { ConfigError } from '@sluice/core'
import { waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type CacheStore,
  diskStore,
  memoryStore,
  type MemoryStore,
  redisStore,
  type TieredStore,
  tieredStore,
} from '../../../src/index.ts'
import { checksums } from '../checksums.ts'
import { newDirectory } from '../disk/disk-set-up.ts'
import { clientOf, localRedis } from '../redis/redis-client.ts'
import { liveHead } from '../redis/redis-set-up.ts'
import { bodyOf, textAt, write } from '../set-up.ts'

const MIB = 1024 * 1024
const services = { clock: systemClock, random: Math.random }

interface Open {
  readonly store: TieredStore
  readonly memory: MemoryStore
  readonly behind: CacheStore
}

/** Both tiers can be looked at by themselves. */
function tiered(make: () => CacheStore, maxEntryBytes = MIB): Open {
  let memory!: MemoryStore
  let behind!: CacheStore
  const store = tieredStore({
    memory: (services) => (memory = memoryStore({ maxBytes: 8 * MIB, maxEntryBytes })(services)),
    behind: () => (behind = make()),
  })(services)
  onTestFinished(async () => await store.close())
  return { store, memory, behind }
}

async function overDisk(maxEntryBytes?: number): Promise<Open> {
  const directory = await newDirectory()
  const set = tiered(() => diskStore({ directory, maxBytes: 16 * MIB })(services), maxEntryBytes)
  await waitFor(() => set.store.snapshot().up, { what: 'the directory', timeoutMs: 10_000 })
  return set
}

async function overRedis(count: number): Promise<Open[]> {
  const redis = await localRedis()
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await clientOf(redis)
      const set = tiered(() => redisStore({ client, timeoutMs: 10_000, chunkBytes: 1_024 })(services))
      await waitFor(() => set.behind.generation > 0, { what: 'the store', timeoutMs: 10_000 })
      return set
    }),
  )
}

async function settled({ behind }: Open): Promise<void> {
  await behind.purge({ url: 'https://nobody.test/' })
}

describe.each(['disk', 'Redis'])('over %s', (kind) => {
  const open = async (): Promise<Open> => (kind === 'disk' ? await overDisk() : (await overRedis(1))[0]!)

  it('what is written is in both, and answered from the front at once', async () => {
    const set = await open()
    const head = liveHead()
    write(set.store, 'key', head, 'body')
    const entry = set.memory.get('key')
    expect(entry).toMatchObject({ head, text: 'body' })
    expect(set.store.get('key')).toBe(entry)
    await settled(set)
    expect(await textAt(set.behind, 'key')).toBe('body')
    expect(set.store.snapshot()).toMatchObject({
      kind: 'tiered',
      up: true,
      entries: 1,
      tiers: [{ kind: 'memory' }, {}],
    })
  })

  it.each([10, 300_000])('what is found behind, of %i bytes, comes to the front when it is read', async (length) => {
    const set = await open()
    const body = Buffer.alloc(length, 'body ')
    write(set.store, 'key', liveHead(), body)
    await settled(set)
    set.memory.delete('key')
    // Many at once ask once.
    const entries = await Promise.all(Array.from({ length: 5 }, async () => (await set.store.get('key'))!))
    for (const entry of entries) expect((await bodyOf(entry)).equals(body)).toBe(true)
    const front = set.store.get('key')
    expect(front).not.toBeInstanceOf(Promise)
    expect(front).toBe(set.memory.get('key'))
    expect((await bodyOf((await front)!)).equals(body)).toBe(true)
  })

  it('a range, or a body that breaks off, does not come to the front', async () => {
    const set = await open()
    write(set.store, 'key', liveHead(), Buffer.alloc(300_000))
    await settled(set)
    set.memory.delete('key')
    const { bytes } = set.memory.snapshot()
    const entry = (await set.store.get('key'))!
    await bodyOf(entry, 10, 300_000)
    const source = entry.open(0, 300_000)
    source.start({ begin() {}, write: () => false, end() {}, abort() {} })
    source.cancel(new Error('gone'))
    expect(set.memory.get('key')).toBeUndefined()
    expect(set.memory.snapshot().bytes).toBe(bytes)
  })

  it('another head, a deletion and a purge go through both', async () => {
    const set = await open()
    const head = liveHead({ tags: ['t'] })
    write(set.store, 'key', head, 'body')
    await settled(set)
    const next = liveHead({ id: head.id, freshMs: 5, tags: ['t'] })
    set.store.update('key', head.id, next)
    await settled(set)
    expect([set.memory.get('key')?.head, (await set.behind.get('key'))?.head]).toEqual([next, next])
    expect(await set.store.purge({ tags: ['t'] }, { soft: true })).toBe(1)
    expect([set.memory.get('key')?.staleSince, (await set.behind.get('key'))?.staleSince]).toEqual([
      expect.any(Number),
      expect.any(Number),
    ])
    // What is stale behind stays there.
    set.memory.delete('key')
    expect(await set.store.get('key')).toMatchObject({ staleSince: expect.any(Number) })
    expect(set.memory.get('key')).toBeUndefined()
    expect(await set.store.purge({ tags: ['t'] })).toBe(1)
    expect([set.memory.get('key'), await set.behind.get('key')]).toEqual([undefined, undefined])
    write(set.store, 'key', liveHead(), 'body')
    set.store.delete('key')
    await settled(set)
    expect([set.memory.get('key'), await set.behind.get('key')]).toEqual([undefined, undefined])
  })

  it('a purge takes effect on what is on its way, in both', async () => {
    const set = await open()
    const { generation } = set.store
    const writer = set.store.put('key', liveHead({ tags: ['t'] }), undefined, generation)!
    writer.write(Buffer.from('body'))
    await set.store.purge({ tags: ['t'] })
    writer.commit()
    await settled(set)
    expect([set.memory.get('key'), await set.behind.get('key')]).toEqual([undefined, undefined])
    // What is asked for after it is kept, in both.
    write(set.store, 'key', liveHead({ tags: ['t'] }), 'body')
    await settled(set)
    expect(set.memory.get('key')).toBeDefined()
    expect(await set.behind.get('key')).toBeDefined()
  })

  it('what was asked for before more purges than anybody remembers is not kept', async () => {
    const set = await open()
    const { generation } = set.store
    for (let i = 0; i < 1_200; i++) void set.memory.purge({ url: `https://example.com/${i}` })
    await set.store.purge({ url: 'https://example.com/' })
    const writer = set.store.put('key', liveHead(), 0, generation)
    writer?.commit()
    await settled(set)
    expect([set.memory.get('key'), await set.behind.get('key')]).toEqual([undefined, undefined])
  })
})

it('what is too large for the front is behind alone, and nothing older stays in front', async () => {
  const set = await overDisk(100_000)
  write(set.store, 'key', liveHead(), 'old')
  const body = Buffer.alloc(200_000, 'new')
  for (const declared of [body.length, undefined]) {
    const writer = set.store.put('key', liveHead(), declared)!
    for (let at = 0; at < body.length; at += 50_000) expect(writer.write(body.subarray(at, at + 50_000))).toBe(true)
    writer.commit()
    await settled(set)
    expect(set.memory.get('key')).toBeUndefined()
    expect((await bodyOf((await set.store.get('key'))!)).equals(body)).toBe(true)
  }
})

describe('what is found behind does not come to the front', () => {
  /** Over a store that answers when it is told to. */
  const slow = () => {
    const waiting: (() => void)[] = []
    const set = tiered(() => {
      const store = memoryStore()(services)
      return {
        kind: 'slow',
        generation: 0,
        get: async (key) => {
          const found = store.get(key)
          await new Promise<void>((resolve) => waiting.push(resolve))
          return found
        },
        put: store.put.bind(store),
        update: store.update.bind(store),
        delete: store.delete.bind(store),
        purge: store.purge.bind(store),
        snapshot: store.snapshot.bind(store),
        close: store.close.bind(store),
      }
    })
    const answer = (): void => {
      for (const resolve of waiting.splice(0)) resolve()
    }
    return { ...set, answer }
  }

  it('where it was forgotten since, nor is it what others get who ask after that', async () => {
    const { store, memory, behind, answer } = slow()
    write(behind, 'key', liveHead(), 'old')
    const before = store.get('key')
    store.delete('key')
    const after = store.get('key')
    answer()
    expect(await after).toBeUndefined()
    expect(await before).toBeDefined()
    expect(memory.get('key')).toBeUndefined()
  })

  it('where another head was given to it since', async () => {
    const { store, memory, behind, answer } = slow()
    const head = liveHead()
    write(behind, 'key', head, 'body')
    const reading = store.get('key')
    store.update('key', head.id, liveHead({ id: head.id, freshMs: 5 }))
    answer()
    await reading
    expect(memory.get('key')).toBeUndefined()
  })

  it('nor do others get it who ask after a purge', async () => {
    const { store, behind, answer } = slow()
    write(behind, 'key', liveHead(), 'old')
    const before = store.get('key')
    await store.purge({ all: true })
    const after = store.get('key')
    answer()
    expect(await after).toBeUndefined()
    expect(await before).toBeDefined()
  })

  it('where a later one is on its way there, which the front does not take', async () => {
    const late: (() => void)[] = []
    const { store, memory, behind } = tiered(() => {
      const store = memoryStore()(services)
      const put: CacheStore['put'] = (...args) => {
        const writer = store.put(...args)!
        const commit = () => void late.push(() => writer.commit())
        return { write: writer.write.bind(writer), commit, abort: writer.abort.bind(writer) }
      }
      return {
        kind: 'late',
        generation: 0,
        get: async (key) => await Promise.resolve(store.get(key)),
        put,
        update: store.update.bind(store),
        delete: store.delete.bind(store),
        purge: store.purge.bind(store),
        snapshot: store.snapshot.bind(store),
        close: store.close.bind(store),
      }
    }, 100_000)
    write(behind, 'key', liveHead(), 'old')
    late.pop()!()
    const body = Buffer.alloc(200_000, 'new')
    write(store, 'key', liveHead(), body)
    expect(await textAt(store, 'key')).toBe('old')
    expect(memory.get('key')).toBeUndefined()
    late.pop()!()
    expect(await textAt(store, 'key')).toBe(body.toString())
  })

  it('where a later one has come while it was read', async () => {
    const set = await overDisk()
    write(set.store, 'key', liveHead(), Buffer.alloc(300_000, 'old'))
    await settled(set)
    set.memory.delete('key')
    const source = (await set.store.get('key'))!.open(0, 300_000)
    const seen = { bytes: 0, isOver: false }
    source.start({
      begin() {},
      write: (chunk) => (seen.bytes += chunk.byteLength) === 300_000,
      end: () => void (seen.isOver = true),
      abort: (error) => expect.unreachable(error.message),
    })
    await waitFor(() => seen.bytes > 0, { what: 'the first piece' })
    write(set.store, 'key', liveHead(), 'new')
    await waitFor(() => (source.resume(), seen.isOver), { what: 'the end of the old one' })
    expect(seen.bytes).toBe(300_000)
    expect(set.memory.get('key')?.text).toBe('new')
  })
})

describe('two processes', () => {
  it('follow each other’s purges', async () => {
    const [one, two] = (await overRedis(2)) as [Open, Open]
    for (const [selector, soft] of [
      [{ tags: ['t'] }, false],
      [{ prefix: 'https://example.com/' }, true],
      [{ all: true }, false],
    ] as const) {
      write(one.store, 'key', liveHead({ tags: ['t'], url: 'https://example.com/a' }), 'body')
      await settled(one)
      expect(await textAt(two.store, 'key')).toBe('body')
      expect(two.memory.get('key')).toBeDefined()
      await one.store.purge(selector, { soft })
      await waitFor(
        () =>
          soft === (two.memory.get('key')?.staleSince !== undefined) && (soft || two.memory.get('key') === undefined),
        {
          what: 'the purge to be told',
          timeoutMs: 5_000,
        },
      )
      if (soft) await one.store.purge({ all: true })
      await waitFor(() => two.memory.get('key') === undefined, { what: 'the purge to be told', timeoutMs: 5_000 })
    }
  })

  it('share their leases', async () => {
    const [one, two] = (await overRedis(2)) as [Open, Open]
    const lease = (await one.store.lease!('key', 0))!
    const waiting = two.store.lease!('key', 10_000)
    write(one.store, 'key', liveHead(), 'body')
    lease.release()
    expect(await waiting).toBeUndefined()
    expect(await textAt(two.store, 'key')).toBe('body')
    expect((await overDisk()).store.lease).toBeUndefined()
  })

  it('serve what they were given, over many operations at random, and nothing that was purged before', async () => {
    const stores = await overRedis(2)
    const options = { operations: 1_500, workers: 6, maxBodyBytes: 20_000, keys: 15, seed: 3 }
    const report = await checksums(
      stores.map(({ store }) => store),
      { ...options, expiresAt: Date.now() + 600_000 },
    )
    expect(report).toMatchObject({ wrong: 0, broken: 0, purged: 0 })
    expect(report.right).toBeGreaterThan(300)
    await Promise.all(stores.map(settled))
    await stores[0]!.store.purge({ all: true })
    await waitFor(() => stores.every(({ memory }) => memory.snapshot().entries === 0), {
      what: 'the purge to be told',
      timeoutMs: 5_000,
    })
    for (const { store } of stores)
      for (let i = 0; i < 15; i++) expect(await store.get(`https://example.com/${i}`)).toBeUndefined()
  })
})

it.each([
  ['tieredStore', undefined as never],
  ['tieredStore.memory', { behind: memoryStore() } as never],
  ['tieredStore.behind', { memory: memoryStore() } as never],
  ['tieredStore.behind', { memory: memoryStore(), behind: 5 } as never],
])('refuses a wrong option: %s', (path, options) => {
  expect(() => tieredStore(options)).toThrow(expect.objectContaining({ path }))
  expect(() => tieredStore(options)).toThrow(ConfigError)
})
