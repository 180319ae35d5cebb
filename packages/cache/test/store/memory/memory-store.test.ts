/** The store in memory, seen from outside. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ConfigError } from '@sluice/core'
import type { BodyFlow, BodySink } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import {
  type CacheStore,
  type EntryHead,
  type MemoryStore,
  memoryStore,
  type MemoryStoreOptions,
  type StoredEntry,
} from '../../../src/index.ts'
import { checksums } from '../checksums.ts'
import { bodyOf, headOf, services, textAt, write } from '../set-up.ts'

const MIB = 1024 * 1024

function open(options: MemoryStoreOptions = {}) {
  const set = services()
  return { store: memoryStore({ maxBytes: 4 * MIB, ...options })(set), clock: set.clock }
}

/** Writes an entry, and looks it up. */
function kept(store: MemoryStore, key: string, head: EntryHead, body: Uint8Array | string): StoredEntry | undefined {
  write(store, key, head, body)
  return store.get(key)
}

/** What is alive on the heap. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().heapUsed
}

describe('an entry', () => {
  it('comes back as it was, at once', () => {
    const { store } = open()
    const head = headOf({
      headers: ['Content-Type', 'text/plain', 'Set-Cookie', '', 'X-Odd', 'ü ÿ'],
      tags: ['a', 'ärger'],
      notes: { vary: [['accept', null]], trailers: { 'X-End': 'Ω' }, isGreat: true, ratio: 0.25, __proto__: undefined },
    })
    write(store, 'GET https://example.com/', head, 'hello')
    const entry = store.get('GET https://example.com/')
    expect(entry).toMatchObject({ head, bodyBytes: 5, staleSince: undefined, text: 'hello' })
    expect(entry).not.toBeInstanceOf(Promise)
    expect(store.get('GET https://example.com/')).toBe(entry)
    expect(store.get('HEAD https://example.com/')).toBeUndefined()
  })

  it.each([0, 1, 8_192, 8_193, 65_536, 65_537, 1_048_576, 1_048_577])(
    'of %i bytes is whole, however it came, and shares no memory with what it came in',
    async (length) => {
      const { store } = open({ maxBytes: 16 * MIB, maxEntryBytes: 2 * MIB })
      const body = Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255))
      for (const [declared, chunkBytes] of [
        [length, 65_536],
        [length, 4_000],
        [undefined, 65_536],
        [undefined, 999],
      ] as const) {
        const read = Buffer.from(body)
        const writer = store.put('key', headOf(), declared)!
        for (let at = 0; at < length; at += chunkBytes)
          expect(writer.write(read.subarray(at, at + chunkBytes))).toBe(true)
        writer.commit()
        const entry = store.get('key')!
        read.fill(0)
        expect(entry.bodyBytes).toBe(length)
        expect(body.equals(await bodyOf(entry))).toBe(true)
        const [start, end] = [Math.floor(length / 3), Math.ceil(length * 0.9)]
        expect(body.subarray(start, end).equals(await bodyOf(entry, start, end))).toBe(true)
        if (length > 8_192 && length <= 1_048_576) {
          expect(entry.bytes!.byteLength).toBe(length)
          expect(entry.bytes!.buffer.byteLength).toBe(length)
        }
      }
    },
  )

  it('takes the place of what stood under its key, also for those who read that still', async () => {
    const { store } = open()
    const old = kept(store, 'key', headOf(), 'old')!
    write(store, 'key', headOf(), 'new')
    expect(await textAt(store, 'key')).toBe('new')
    expect((await bodyOf(old)).toString()).toBe('old')
    expect(store.snapshot().entries).toBe(1)
  })

  it('is not there before it is whole, nor when it broke off, nor when it is longer or shorter than declared', () => {
    const { store } = open()
    const writer = store.put('key', headOf(), undefined)!
    writer.write(Buffer.from('half'))
    expect(store.get('key')).toBeUndefined()
    writer.abort()
    expect(writer.write(Buffer.from('more'))).toBe(false)
    writer.commit()
    expect(store.get('key')).toBeUndefined()
    const short = store.put('key', headOf(), 5)!
    short.write(Buffer.from('four'))
    short.commit()
    expect(store.get('key')).toBeUndefined()
    const long = store.put('key', headOf(), 3)!
    expect(long.write(Buffer.from('four'))).toBe(false)
    long.commit()
    expect(store.get('key')).toBeUndefined()
    expect(store.snapshot().bytes).toBe(open().store.snapshot().bytes)
  })

  it('is not kept when it is too large, whether that is known before or not', () => {
    const { store } = open({ maxEntryBytes: 100_000 })
    expect(store.put('key', headOf(), 100_001)).toBeUndefined()
    const writer = store.put('key', headOf(), undefined)!
    expect([writer.write(Buffer.alloc(60_000)), writer.write(Buffer.alloc(60_000))]).toEqual([true, false])
    writer.commit()
    expect(store.get('key')).toBeUndefined()
    expect(store.put('key', headOf({ headers: ['X', 'x'.repeat(100_000)] }), 0)).toBeUndefined()
    expect(store.snapshot().entries).toBe(0)
  })

  it('that can not be read is a miss, counted and removed', () => {
    const { store } = open()
    write(store, 'key', headOf({ headers: ['X', 'a\nb'] }), 'body')
    expect(store.get('key')).toBeUndefined()
    expect(store.snapshot()).toMatchObject({ corrupt: 1, entries: 0 })
  })
})

describe('time', () => {
  it('ends an entry at its horizon', () => {
    const { store, clock } = open()
    write(store, 'key', headOf({ expiresAt: clock.wallTime() + 5_000 }), 'body')
    clock.advance(4_000)
    expect(store.get('key')).toBeDefined()
    clock.advance(2_000)
    expect(store.get('key')).toBeUndefined()
    expect(store.snapshot()).toMatchObject({ entries: 0, evictions: 0 })
  })

  it('reclaims what nobody asks for any more', () => {
    const { store, clock } = open()
    for (let i = 0; i < 20; i++)
      write(store, `key-${i}`, headOf({ expiresAt: clock.wallTime() + (i % 2 === 0 ? 1_000 : 1e9) }), 'body')
    clock.advance(120_000)
    expect(store.snapshot()).toMatchObject({ entries: 10, evictions: 0 })
    expect(store.get('key-1')).toBeDefined()
  })
})

describe('another head', () => {
  it('takes the place of that of the entry with this id, and its body stays', async () => {
    const { store } = open()
    const { head } = kept(store, 'key', headOf({ tags: ['old'] }), 'body')!
    const next = headOf({ id: head.id, tags: ['new'], freshMs: 1 })
    store.update('key', 'another', next)
    expect(store.get('key')).toMatchObject({ head })
    store.update('key', head.id, next)
    expect(store.get('key')).toMatchObject({ head: next, text: 'body' })
    expect([store.purge({ tags: ['old'] }), store.purge({ tags: ['new'] })]).toEqual([0, 1])
  })

  it('makes an entry that was purged softly as good as new', () => {
    const { store } = open()
    const { head } = kept(store, 'key', headOf(), 'body')!
    store.purge({ all: true }, { soft: true })
    const { generation } = store
    store.update('key', head.id, head, generation)
    expect(store.get('key')).toMatchObject({ staleSince: undefined })
    // Unless it was asked for before the purge.
    store.purge({ all: true }, { soft: true })
    store.update('key', head.id, head, generation)
    expect(store.get('key')).toMatchObject({ staleSince: expect.any(Number) })
  })

  it('is nothing to an entry that is gone', () => {
    const { store } = open()
    store.update('key', 'id', headOf())
    expect(store.get('key')).toBeUndefined()
  })
})

it('forgets one entry, or only the one with this id', () => {
  const { store } = open()
  const { head } = kept(store, 'key', headOf(), 'body')!
  store.delete('key', 'another')
  expect(store.get('key')).toBeDefined()
  store.delete('key', head.id)
  expect(store.get('key')).toBeUndefined()
  write(store, 'key', headOf(), 'body')
  store.delete('key')
  expect(store.get('key')).toBeUndefined()
})

describe('the bound', () => {
  it('holds, whatever comes: variants without end, keys without end, responses that never end', () => {
    const { store } = open({ maxBytes: MIB, maxEntryBytes: 100_000 })
    const writers = []
    for (let i = 0; i < 6_000; i++) {
      const url = i % 2 === 0 ? 'https://example.com/one' : `https://example.com/${'x'.repeat(i % 300)}/${i}`
      write(store, `${url} ${i}`, headOf({ url, tags: [`tag-${i}`] }), 'x'.repeat((i * 37) % 3_000))
      if (i % 10 === 0) writers.push(store.put(`w${i}`, headOf(), undefined))
      for (const writer of writers.slice(-3)) writer?.write(Buffer.alloc(5_000))
      expect(store.snapshot().bytes).toBeLessThanOrEqual(MIB)
    }
    const { entries, evictions } = store.snapshot()
    expect(entries).toBeGreaterThan(50)
    expect(evictions).toBeGreaterThan(3_000)
    for (const writer of writers) writer?.abort()
    store.purge({ all: true })
    expect(store.snapshot()).toMatchObject({ entries: 0 })
    expect(store.snapshot().bytes).toBeLessThan(80_000)
  })

  it('is that of what the store holds: a response on its way does not keep alive the read that its head came in', () => {
    const { store } = open({ maxBytes: 16 * MIB })
    const before = heapBytes()
    const writers = Array.from({ length: 200 }, (_, i) => {
      const read = Buffer.alloc(100_000, 'a value that is longer than what is copied').toString('latin1')
      const writer = store.put(`key-${i}`, headOf({ headers: ['X-Name', read.slice(10, 40)] }), undefined)!
      writer.write(Buffer.from('the first bytes'))
      return writer
    })
    expect(heapBytes() - before).toBeLessThan(4 * MIB)
    for (const writer of writers) writer.commit()
    expect(store.snapshot().entries).toBe(200)
  })

  it('is that of what arrives in single bytes, too', () => {
    const { store } = open({ maxBytes: 16 * MIB })
    const before = heapBytes()
    const writers = Array.from({ length: 100 }, (_, i) => store.put(`key-${i}`, headOf(), undefined)!)
    const bytes = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i))
    for (let i = 0; i < 4_000; i++) for (const writer of writers) writer.write(bytes[i & 255]!)
    expect(heapBytes() - before).toBeLessThan(3 * MIB)
    for (const writer of writers) writer.commit()
    const text = Buffer.from(Uint8Array.from({ length: 4_000 }, (_, i) => i)).toString('latin1')
    expect(store.get('key-99')!.text).toBe(text)
  })

  it('is not that of one entry that is held when all are purged: it keeps none of the others', async () => {
    const { store } = open({ maxBytes: 32 * MIB })
    const before = heapBytes()
    for (let i = 0; i < 10_000; i++)
      write(store, `key-${i}`, headOf({ url: `https://example.com/${i}`, tags: [`t${i}`, 'all'] }), 'body')
    const held = store.get('key-5000')!
    expect(heapBytes() - before).toBeGreaterThan(8 * MIB)
    expect(store.purge({ all: true })).toBe(10_000)
    expect(heapBytes() - before).toBeLessThan(MIB)
    expect((await bodyOf(held)).toString()).toBe('body')
    expect(held.head.tags).toEqual(['t5000', 'all'])
  })

  it('leaves what is being read to its readers', async () => {
    const { store } = open({ maxBytes: MIB, maxEntryBytes: 400_000 })
    const body = Buffer.alloc(300_000, 'a')
    const source = kept(store, 'key', headOf(), body)!.open(0, 300_000)
    let flow: BodyFlow | undefined
    const chunks: Uint8Array[] = []
    const sink: BodySink = {
      begin: (begun) => (flow = begun),
      write: (chunk) => chunks.push(chunk) < 0,
      end: () => chunks.push(new Uint8Array(0)),
      abort: (error) => {
        throw error
      },
    }
    sink.begin(source)
    source.start(sink)
    store.delete('key')
    for (let i = 0; i < 50; i++) write(store, `other-${i}`, headOf(), Buffer.alloc(100_000, 'b'))
    for (let i = 0; i < 10; i++) flow!.resume()
    expect(Buffer.concat(chunks).equals(body)).toBe(true)
  })

  it.each(['', 'small', 'x'.repeat(500), 'y'.repeat(2_000)])(
    'leaves what was looked up to whoever has it (%#)',
    async (body) => {
      const { store } = open({ maxBytes: MIB })
      const entry = kept(store, 'key', headOf({ headers: ['X-Name', 'value'] }), body)!
      const { head } = entry
      store.purge({ all: true })
      for (let i = 0; i < 5_000; i++) write(store, `other-${i}`, headOf(), 'z'.repeat(i % 600))
      expect((await bodyOf(entry)).toString()).toBe(body)
      expect(entry.bytes!.toString()).toBe(body)
      expect([undefined, body]).toContain(entry.text)
      expect(entry.head).toBe(head)
      expect(head.headers).toEqual(['X-Name', 'value'])
    },
  )

  it('keeps what is asked for again and again, though a scan goes through', () => {
    const { store } = open({ maxBytes: MIB })
    const popular = Array.from({ length: 100 }, (_, i) => `popular-${i}`)
    for (const key of popular) write(store, key, headOf(), 'x'.repeat(1_000))
    for (const key of popular) store.get(key)
    for (let i = 0; i < 5_000; i++) {
      if (i % 5 === 0) store.get(popular[(i / 5) % 100]!)
      write(store, `scan-${i}`, headOf(), 'x'.repeat(1_000))
    }
    // One or two were next to leave when the scan began.
    expect(popular.filter((key) => store.get(key) !== undefined).length).toBeGreaterThanOrEqual(97)
  })
})

describe('what is on its way', () => {
  const selectors = [
    { url: 'https://example.com/a' },
    { prefix: 'https://example.com/' },
    { tags: ['x', 't'] },
    { all: true },
  ] as const
  const head = () => headOf({ url: 'https://example.com/a', tags: ['t'] })

  it.each(selectors)('is not kept when a purge of %o has meant it', (selector) => {
    const { store } = open()
    const [before, { generation }] = [store.put('one', head(), undefined)!, store]
    store.purge(selector)
    // The second was asked for before the purge, though its head came after it.
    for (const writer of [before, store.put('two', head(), undefined, generation)!]) {
      writer.write(Buffer.from('body'))
      writer.commit()
    }
    expect([store.get('one'), store.get('two')]).toEqual([undefined, undefined])
    expect(kept(store, 'three', head(), 'body')).toBeDefined()
  })

  it.each(selectors)('is stale from the start when a soft purge of %o has meant it', (selector) => {
    const { store, clock } = open()
    const writer = store.put('key', head(), undefined)!
    store.purge(selector, { soft: true })
    writer.commit()
    expect(store.get('key')).toMatchObject({ staleSince: clock.wallTime() })
  })

  it('is kept when a purge has meant others', () => {
    const { store } = open()
    const writer = store.put('key', head(), undefined)!
    store.purge({ url: 'https://example.com/' })
    store.purge({ prefix: 'https://example.com/b' })
    store.purge({ tags: ['s'] }, { soft: true })
    writer.commit()
    expect(store.get('key')).toMatchObject({ staleSince: undefined })
  })

  it('is not kept when there were more purges than are remembered', () => {
    const { store } = open()
    const writer = store.put('key', head(), undefined)!
    for (let i = 0; i < 3_000; i++) store.purge({ url: `https://example.com/${i}` })
    writer.commit()
    expect(store.get('key')).toBeUndefined()
  })
})

describe('a purge', () => {
  const filled = () => {
    const { store, clock } = open()
    for (let i = 0; i < 1_000; i++)
      write(
        store,
        `key-${i}`,
        headOf({ url: `https://example.com/${i % 10}/${i}`, tags: [`t${i % 7}`, 'all', 'all'] }),
        'body',
      )
    return { store, clock }
  }
  const left = (store: CacheStore) =>
    Array.from({ length: 1_000 }, (_, i) => i).filter((i) => store.get(`key-${i}`) !== undefined)

  it('by URL hits all of its variants and nothing else', () => {
    const { store } = filled()
    for (let i = 0; i < 300; i++) write(store, `variant-${i}`, headOf({ url: 'https://example.com/3/33' }), 'body')
    expect(store.purge({ url: 'https://example.com/3/33' })).toBe(301)
    expect(left(store)).toHaveLength(999)
    expect(store.purge({ url: 'https://example.com/3' })).toBe(0)
  })

  it('by prefix hits what begins with it', () => {
    const { store } = filled()
    expect(store.purge({ prefix: 'https://example.com/4/' })).toBe(100)
    expect(left(store).filter((i) => i % 10 === 4)).toEqual([])
    expect(store.purge({ prefix: 'https://example.com/5/1' })).toBe(11)
    expect(left(store)).toHaveLength(889)
    expect(store.purge({ prefix: '' })).toBe(889)
  })

  it('by tags hits what has one of them, once', () => {
    const { store } = filled()
    expect(store.purge({ tags: ['t1', 't2', 'none'] })).toBe(286)
    expect(left(store).every((i) => i % 7 !== 1 && i % 7 !== 2)).toBe(true)
    expect(store.purge({ tags: ['all'] })).toBe(714)
  })

  it('of all leaves nothing', () => {
    const { store } = filled()
    expect(store.purge({ all: true })).toBe(1_000)
    expect(left(store)).toEqual([])
  })

  it('may be soft: then all are there, and stale', () => {
    const { store, clock } = filled()
    expect(store.purge({ tags: ['t3'] }, { soft: true })).toBe(143)
    expect(store.get('key-3')).toMatchObject({ staleSince: clock.wallTime() })
    expect(store.get('key-4')).toMatchObject({ staleSince: undefined })
    clock.advance(1_000)
    store.purge({ all: true }, { soft: true })
    // From the first purge on, not from the last.
    expect(store.get('key-3')).toMatchObject({ staleSince: clock.wallTime() - 1_000 })
  })
})

it('serves what it was given, over many operations at random: a checksum for each URL and version', async () => {
  const { store } = open({ maxBytes: 2 * MIB })
  const options = { operations: 6_000, workers: 4, maxBodyBytes: 100_000, keys: 400, seed: 4 }
  const report = await checksums([store], { ...options, expiresAt: Number.MAX_SAFE_INTEGER })
  expect(report).toMatchObject({ wrong: 0, broken: 0, purged: 0 })
  expect(report.right).toBeGreaterThan(400)
  expect(store.snapshot().evictions).toBeGreaterThan(100)
})

it('keeps nothing once it is closed', async () => {
  const { store, clock } = open()
  write(store, 'key', headOf(), 'body')
  const writer = store.put('other', headOf(), undefined)!
  await store.close()
  writer.commit()
  expect([store.get('key'), store.get('other'), store.put('key', headOf(), 1)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(store.snapshot()).toMatchObject({ kind: 'memory', up: false, entries: 0 })
  expect(clock.pending).toBe(0)
})

it.each([
  ['memoryStore', 5 as never],
  ['memoryStore.maxBytes', { maxBytes: 1_000 }],
  ['memoryStore.maxBytes', { maxBytes: '256MB' as never }],
  ['memoryStore.maxEntryBytes', { maxBytes: MIB, maxEntryBytes: MIB }],
  ['memoryStore.maxEntryBytes', { maxEntryBytes: 0.5 }],
] as const)('refuses a wrong option: %s', (path, options) => {
  expect(() => memoryStore(options)).toThrow(expect.objectContaining({ path }))
  expect(() => memoryStore(options)).toThrow(ConfigError)
})
