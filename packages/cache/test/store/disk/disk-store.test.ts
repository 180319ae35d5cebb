/** The store on disk, seen from outside, and over restarts. */
import { globSync } from 'node:fs'
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '@sluice/core'
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { cacheStoreFailed, type DiskStore, diskStore, type EntryHead } from '../../../src/index.ts'
import { checksums } from '../checksums.ts'
import { bodyOf, headOf, textAt, write } from '../set-up.ts'
import { newDirectory, openDisk, settled } from './disk-set-up.ts'

const KIB = 1024
const MIB = 1024 * KIB

function bytesOf(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255))
}

async function writeAndWait(store: DiskStore, key: string, head: EntryHead, body: Uint8Array | string): Promise<void> {
  write(store, key, head, body)
  await settled(store)
}

const files = (directory: string, where: string): string[] =>
  globSync(`${directory}/${where}/**/*`, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

describe('an entry', () => {
  it('comes back as it was, also after a restart', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    const head = headOf({
      headers: ['Content-Type', 'text/plain', 'X-Odd', 'ü ÿ'],
      tags: ['a', 'ärger'],
      notes: { vary: [['accept', null]], trailers: { 'X-End': 'Ω' } },
    })
    await writeAndWait(store, 'key', head, 'hello')
    expect(await store.get('key')).toMatchObject({ head, bodyBytes: 5, staleSince: undefined })
    expect(await textAt(store, 'other')).toBeUndefined()
    await store.close()
    const { store: next } = await openDisk(directory)
    expect(await next.get('key')).toMatchObject({ head, bodyBytes: 5, staleSince: undefined })
    await settled(next)
    expect(await textAt(next, 'key')).toBe('hello')
    expect(next.snapshot()).toMatchObject({ kind: 'disk', entries: 1, corrupt: 0, failures: 0 })
    // In memory as on disk: a purge finds what was there before.
    expect(await next.purge({ tags: ['ärger'] })).toBe(1)
    expect(files(directory, '*')).toEqual([])
  })

  it.each([0, 1, 64 * KIB, 64 * KIB + 1, 300_000, MIB])('of %i bytes is whole, and in ranges', async (length) => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    const body = bytesOf(length)
    await writeAndWait(store, 'declared', headOf(), body)
    const writer = store.put('open', headOf(), undefined)!
    for (let at = 0; at < length; at += 10_000) writer.write(body.subarray(at, at + 10_000))
    writer.commit()
    await settled(store)
    for (const key of ['declared', 'open']) {
      const entry = (await store.get(key))!
      expect(entry.bodyBytes).toBe(length)
      expect(body.equals(await bodyOf(entry))).toBe(true)
      const [start, end] = [Math.floor(length / 3), Math.ceil(length * 0.7)]
      expect(body.subarray(start, end).equals(await bodyOf(entry, start, end))).toBe(true)
    }
    expect(files(directory, 'bodies')).toHaveLength(length > 64 * KIB ? 2 : 0)
    expect(files(directory, 'new')).toEqual([])
  })

  it('is not kept when it broke off, is too large, or is not as long as declared', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory, { maxEntryBytes: 200_000 })
    const broken = store.put('key', headOf(), undefined)!
    broken.write(bytesOf(150_000))
    broken.abort()
    const short = store.put('key', headOf(), 100_000)!
    short.write(bytesOf(99_999))
    short.commit()
    expect(store.put('key', headOf(), 200_001)).toBeUndefined()
    const long = store.put('key', headOf(), undefined)!
    expect([long.write(bytesOf(150_000)), long.write(bytesOf(60_000))]).toEqual([true, false])
    await settled(store)
    expect(await store.get('key')).toBeUndefined()
    await waitFor(() => files(directory, '*').length === 0, { what: 'what was left to be removed' })
    expect(store.snapshot()).toMatchObject({ bytes: 0, entries: 0 })
  })

  it('that is replaced or purged while it is read is read to its end', async () => {
    const { store, clock } = await openDisk(await newDirectory())
    const body = bytesOf(400_000)
    await writeAndWait(store, 'key', headOf(), body)
    const [one, two] = [(await store.get('key'))!, (await store.get('key'))!]
    await writeAndWait(store, 'key', headOf(), 'new')
    expect(body.equals(await bodyOf(one))).toBe(true)
    expect(await textAt(store, 'key')).toBe('new')
    await store.purge({ all: true })
    expect(body.equals(await bodyOf(two))).toBe(true)
    clock.advance(20_000)
    await waitFor(() => store.snapshot().bytes === 0)
  })

  it('ends at its horizon, and its files are reclaimed', async () => {
    const directory = await newDirectory()
    const { store, clock } = await openDisk(directory)
    await writeAndWait(store, 'one', headOf({ expiresAt: clock.wallTime() + 1_000 }), bytesOf(100_000))
    await writeAndWait(store, 'two', headOf({ expiresAt: clock.wallTime() + 1_000 }), bytesOf(100_000))
    clock.advance(2_000)
    expect(await store.get('one')).toBeUndefined()
    clock.advance(60_000)
    await settled(store)
    await waitFor(() => files(directory, '*').length === 0, { what: 'the files to be removed' })
  })

  it('has no path that a client could choose', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await writeAndWait(store, '../../../etc/passwd\0', headOf({ id: '../id', tags: ['../tag'] }), bytesOf(70_000))
    for (const path of files(directory, '*')) expect(path).toMatch(/\/(heads|bodies)\/[0-9a-f]\/[0-9a-f]{32,64}$/)
    expect(await store.get('../../../etc/passwd\0')).toBeDefined()
  })
})

describe('what is damaged', () => {
  it.each([
    ['a head that was cut off', 'heads', async (path: string) => await truncate(path, 100)],
    ['an empty head', 'heads', async (path: string) => await truncate(path, 0)],
    ['a head with other bytes', 'heads', async (path: string) => await flip(path, 60)],
    ['a body that is gone', 'bodies', async (path: string) => await rm(path)],
    ['a body that was cut off', 'bodies', async (path: string) => await truncate(path, 70_000)],
  ])('is a miss, counted and removed, when the directory is looked through: %s', async (_what, where, damage) => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await writeAndWait(store, 'key', headOf(), bytesOf(100_000))
    await store.close()
    await damage(files(directory, where)[0]!)
    const { store: next } = await openDisk(directory)
    await settled(next)
    expect(await next.get('key')).toBeUndefined()
    expect(next.snapshot()).toMatchObject({ corrupt: 1, entries: 0, bytes: 0 })
    await waitFor(() => files(directory, '*').length === 0, { what: 'the files to be removed' })
  })

  it.each([
    ['a head that was cut off', 'small', 'heads', async (path: string) => await truncate(path, 100)],
    ['a small body with other bytes', 'small', 'heads', async (path: string) => await flip(path, -2)],
    [
      'a head that belongs to another key',
      'small',
      'heads',
      async (path: string) => {
        const other = await readFile(path)
        await writeFile(path, Buffer.from(other.toString('latin1').replace('"key"', '"kez"'), 'latin1'))
      },
    ],
  ])('is a miss, counted and removed, when it is looked up: %s', async (_what, key, where, damage) => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await writeAndWait(store, key, headOf(), 'body')
    await damage(files(directory, where)[0]!)
    if (_what.includes('another')) await writeFile(files(directory, where)[0]!, await anotherKey(directory))
    expect(await store.get(key)).toBeUndefined()
    await settled(store)
    expect(store.snapshot()).toMatchObject({ corrupt: 1, entries: 0 })
    expect(files(directory, 'heads')).toEqual([])
  })

  it.each([
    ['other bytes', async (path: string) => await flip(path, 150_000)],
    ['cut off', async (path: string) => await truncate(path, 150_000)],
    ['gone', async (path: string) => await rm(path)],
  ])('breaks a body off where it is: %s', async (_what, damage) => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await writeAndWait(store, 'key', headOf(), bytesOf(300_000))
    const entry = (await store.get('key'))!
    await damage(files(directory, 'bodies')[0]!)
    await expect(bodyOf(entry)).rejects.toMatchObject({ code: 'ERR_SLUICE_BODY_ABORTED' })
    await settled(store)
    expect(await store.get('key')).toBeUndefined()
    expect(store.snapshot().corrupt).toBe(1)
  })
})

/** One byte becomes another. */
async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  const index = at < 0 ? bytes.length + at : at
  bytes[index] = bytes[index]! ^ 1
  await writeFile(path, bytes)
}

/** A whole file of an entry, under another key. */
async function anotherKey(directory: string): Promise<Buffer> {
  const elsewhere = await newDirectory()
  const { store } = await openDisk(elsewhere)
  await writeAndWait(store, 'another', headOf(), 'of another')
  expect(directory).not.toBe(elsewhere)
  return await readFile(files(elsewhere, 'heads')[0]!)
}

describe('another head', () => {
  it('takes the place of that of the entry with this id, and its body stays', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    const head = headOf({ tags: ['old'] })
    await writeAndWait(store, 'key', head, bytesOf(100_000))
    await store.purge({ all: true }, { soft: true })
    const next = headOf({ id: head.id, tags: ['new'], freshMs: 1 })
    store.update('key', 'another', next)
    await settled(store)
    expect(await store.get('key')).toMatchObject({ head, staleSince: expect.any(Number) })
    store.update('key', head.id, next)
    await settled(store)
    await store.close()
    const { store: again } = await openDisk(directory)
    await settled(again)
    const entry = (await again.get('key'))!
    expect(entry).toMatchObject({ head: next, staleSince: undefined })
    expect(bytesOf(100_000).equals(await bodyOf(entry))).toBe(true)
    expect([await again.purge({ tags: ['old'] }), await again.purge({ tags: ['new'] })]).toEqual([0, 1])
  })

  it('of an entry that is forgotten meanwhile does not bring it back', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    const head = headOf()
    await writeAndWait(store, 'key', head, 'body')
    store.update('key', head.id, headOf({ id: head.id }))
    store.delete('key')
    write(store, 'other', headOf(), 'body')
    store.delete('other')
    await settled(store)
    expect([await store.get('key'), await store.get('other')]).toEqual([undefined, undefined])
    await waitFor(() => files(directory, '*').length === 0, { what: 'the files to be removed' })
  })
})

describe('a purge', () => {
  const url = (i: number) => `https://example.com/${i % 4}/${i}`

  it.each([
    [{ url: url(13) }, 1],
    [{ prefix: 'https://example.com/2/' }, 10],
    [{ tags: ['t1', 't2', 'none'] }, 16],
    [{ all: true }, 40],
  ] as const)('of %o hits %i entries, softly or for good, and outlives a restart', async (selector, hits) => {
    const directory = await newDirectory()
    const { store, clock } = await openDisk(directory)
    for (let i = 0; i < 40; i++) write(store, `key-${i}`, headOf({ url: url(i), tags: [`t${i % 5}`] }), `body ${i}`)
    await settled(store)
    expect(await store.purge(selector, { soft: true })).toBe(hits)
    await store.close()
    const { store: second } = await openDisk(directory)
    const stale = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => (await second.get(`key-${i}`))!.staleSince),
    )
    expect(stale.filter((since) => since === clock.wallTime())).toHaveLength(hits)
    // Before it knows what is there, too.
    expect(await second.purge(selector)).toBeLessThanOrEqual(hits)
    await second.close()
    const { store: third } = await openDisk(directory)
    await settled(third)
    expect(third.snapshot().entries).toBe(40 - hits)
  })

  it('takes effect on what is on its way', async () => {
    const { store } = await openDisk(await newDirectory())
    const writer = store.put('gone', headOf({ tags: ['t'] }), undefined)!
    const { generation } = store
    writer.write(bytesOf(100_000))
    await store.purge({ tags: ['t'] })
    writer.commit()
    store.put('asked', headOf({ tags: ['t'] }), 0, generation)!.commit()
    const soft = store.put('soft', headOf({ tags: ['s'] }), 0)!
    await store.purge({ tags: ['s'] }, { soft: true })
    soft.commit()
    // Committed before it, and not yet there.
    write(store, 'late', headOf({ tags: ['u'] }), 'body')
    const purged = store.purge({ tags: ['u'] })
    await purged
    await settled(store)
    expect([await store.get('gone'), await store.get('asked'), await store.get('late')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(await store.get('soft')).toMatchObject({ staleSince: expect.any(Number) })
  })
})

describe('the bound', () => {
  it('holds for the files that are there', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory, { maxBytes: 2 * MIB })
    for (let i = 0; i < 120; i++) {
      write(store, `key-${i}`, headOf(), bytesOf((i * 7_919) % 120_000))
      if (i % 10 === 9) await settled(store)
      expect(store.snapshot().bytes).toBeLessThanOrEqual(2 * MIB)
    }
    await settled(store)
    const sizes = await Promise.all(files(directory, '*').map(async (path) => (await stat(path)).blocks * 512))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(total).toBeLessThanOrEqual(2 * MIB)
    expect(total).toBeGreaterThan(MIB)
    expect(store.snapshot().evictions).toBeGreaterThan(20)
    // The next process has less.
    await store.close()
    const { store: next } = await openDisk(directory, { maxBytes: MIB })
    await settled(next)
    expect(next.snapshot().bytes).toBeLessThanOrEqual(MIB)
    expect(next.snapshot().entries).toBeGreaterThan(5)
  })

  it('holds for what waits to be written', async () => {
    const { store } = await openDisk(await newDirectory(), { maxPendingBytes: 200_000 })
    const writer = store.put('key', headOf(), undefined)!
    let written = 0
    while (writer.write(bytesOf(50_000)) && written < 50) written++
    expect(written).toBe(4)
    writer.commit()
    await settled(store)
    expect(await store.get('key')).toBeUndefined()
    await writeAndWait(store, 'next', headOf(), bytesOf(100_000))
    expect(await store.get('next')).toBeDefined()
  })
})

describe('a directory', () => {
  it('that can not be used makes everything a miss, is told of, and tried again', async () => {
    const directory = await newDirectory()
    const path = join(directory, 'cache')
    await writeFile(path, 'in the way')
    const errors: string[] = []
    const listener = ({ error }: { error: Error }): void => void errors.push((error as NodeJS.ErrnoException).code!)
    cacheStoreFailed.subscribe(listener)
    const { clock, random } = { clock: (await openDisk(await newDirectory())).clock, random: () => 0.5 }
    const store = diskStore({ directory: path })({ clock, random })
    await waitFor(() => errors.length > 0, { what: 'the failure' })
    expect(errors[0]).toMatch(/ENOTDIR|EEXIST/)
    expect([store.get('key'), store.put('key', headOf(), 1)]).toEqual([undefined, undefined])
    expect(store.snapshot()).toMatchObject({ up: false, failures: 1 })
    await rm(path)
    await waitFor(() => (clock.advance(10_000), store.snapshot().up), { what: 'the directory', timeoutMs: 5_000 })
    await writeAndWait(store, 'key', headOf(), 'body')
    expect(await textAt(store, 'key')).toBe('body')
    cacheStoreFailed.unsubscribe(listener)
    await store.close()
  })

  it.runIf(process.platform === 'linux')('is one store’s at a time', async () => {
    const directory = await newDirectory()
    const { store, clock } = await openDisk(directory)
    const second = diskStore({ directory })({ clock, random: () => 0.5 })
    await waitFor(() => second.snapshot().failures === 1, { what: 'it to be refused' })
    await store.close()
    await waitFor(() => (clock.advance(10_000), second.snapshot().up), { what: 'the directory', timeoutMs: 5_000 })
    await second.close()
  })
})

it('serves what it was given, over many operations at random: a checksum for each URL and version', async () => {
  const { store } = await openDisk(await newDirectory(), { maxBytes: 4 * MIB })
  const options = { operations: 1_500, workers: 6, maxBodyBytes: 200_000, keys: 25, seed: 2 }
  const report = await checksums([store], { ...options, expiresAt: Number.MAX_SAFE_INTEGER })
  // What has to go at once may break off under its readers.
  expect(report).toMatchObject({ wrong: 0, purged: 0 })
  expect(report.right).toBeGreaterThan(200)
  expect(store.snapshot()).toMatchObject({ corrupt: 0, failures: 0 })
})

it.each([
  ['diskStore', undefined as never],
  ['diskStore.directory', {} as never],
  ['diskStore.directory', { directory: '' }],
  ['diskStore.maxBytes', { directory: '/tmp/x', maxBytes: 1_000 }],
  ['diskStore.maxEntryBytes', { directory: '/tmp/x', maxBytes: MIB, maxEntryBytes: MIB }],
  ['diskStore.maxPendingBytes', { directory: '/tmp/x', maxPendingBytes: 0 }],
  ['diskStore.maxIndexBytes', { directory: '/tmp/x', maxIndexBytes: 1_000 }],
  ['diskStore.sync', { directory: '/tmp/x', sync: 'yes' as never }],
])('refuses a wrong option: %s', (path, options) => {
  expect(() => diskStore(options)).toThrow(expect.objectContaining({ path }))
  expect(() => diskStore(options)).toThrow(ConfigError)
})
