/** What goes wrong around a store on disk: files that can't be changed, a directory that is still looked through, bounds in memory, a late end. */
import { globSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import type { DiskStore } from '../../../src/index.ts'
import { sealed } from '../../../src/store/chunk-check.ts'
import { DirectoryLock } from '../../../src/store/disk/directory-lock.ts'
import { nameOfKey } from '../../../src/store/disk/disk-layout.ts'
import { resolveDiskOptions } from '../../../src/store/disk/disk-options.ts'
import { DiskShelf } from '../../../src/store/disk/disk-shelf.ts'
import type { HeadRecord } from '../../../src/store/disk/head-file.ts'
import { bodyOf, headOf, textAt, write } from '../set-up.ts'
import { newDirectory, openDisk, settled } from './disk-set-up.ts'

const MIB = 1024 * 1024

const heads = (directory: string): string[] =>
  globSync(`${directory}/heads/*/*`, { withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name))

/** As many entries as that, each of one block. */
async function fill(store: DiskStore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    write(store, `key-${i}`, headOf({ url: `https://example.com/${i}`, tags: ['t'] }), `body ${i}`)
    if (i % 400 === 399) await settled(store)
  }
  await settled(store)
}

/** A directory in the place of a file: it can be neither unlinked nor replaced, by nobody. */
function block(path: string): void {
  rmSync(path)
  mkdirSync(path)
}

describe('a purge', () => {
  it('says that a file could not be removed', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await fill(store, 3)
    block(heads(directory)[1]!)
    await expect(store.purge({ all: true })).rejects.toThrow('could not be removed')
    expect([await store.get('key-0'), await store.get('key-1'), await store.get('key-2')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(store.snapshot()).toMatchObject({ entries: 0, failures: 1 })
    expect(heads(directory)).toHaveLength(1)
  })

  it('that is soft lets those go that it can not be noted for', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await fill(store, 3)
    // No head can be written any more.
    rmSync(join(directory, 'new'), { recursive: true })
    await writeFile(join(directory, 'new'), 'in the way')
    expect(await store.purge({ all: true }, { soft: true })).toBe(3)
    expect(store.snapshot()).toMatchObject({ entries: 0, failures: 3 })
    await waitFor(() => heads(directory).length === 0, { what: 'the heads to be removed' })
  })

  it('of very many is done some at a time, and holds for all of them at once', async () => {
    const { store } = await openDisk(await newDirectory())
    await fill(store, 2_500)
    const purging = store.purge({ tags: ['t'] })
    const before = store.snapshot().entries
    expect(before).toBeGreaterThan(1_000)
    expect(await store.get('key-2400')).toBeUndefined()
    // What comes now is not meant.
    write(store, 'key-2401', headOf({ tags: ['t'] }), 'new')
    expect(await purging).toBe(2_500)
    expect(await textAt(store, 'key-2401')).toBe('new')
    expect(store.snapshot().entries).toBe(1)
  })

  it.runIf(process.platform === 'linux')('that is soft opens a few files at a time', async () => {
    const { store } = await openDisk(await newDirectory())
    await fill(store, 600)
    const count = (): number => readdirSync('/proc/self/fd').length
    const before = count()
    const state = { most: 0, isOver: false }
    const purging = store.purge({ all: true }, { soft: true }).finally(() => (state.isOver = true))
    while (!state.isOver) {
      state.most = Math.max(state.most, count())
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await purging).toBe(600)
    expect(state.most - before).toBeLessThan(100)
    expect(await store.get('key-599')).toMatchObject({ staleSince: expect.any(Number) })
  })
})

describe('while a directory is looked through', () => {
  it('what is forgotten does not come back by a look-up that was under way', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    await fill(store, 800)
    await store.close()
    const { store: next } = await openDisk(directory)
    expect(await textAt(next, 'key-7')).toBe('body 7')
    const reading = next.get('key-7')
    next.delete('key-7')
    expect(await reading).toBeUndefined()
    await settled(next)
    expect(next.snapshot().entries).toBe(799)
    expect(heads(directory)).toHaveLength(799)
  })

  it('what has taken the place of something damaged is not taken for that', async () => {
    const { clock } = await openDisk(await newDirectory())
    const plan = resolveDiskOptions({ directory: await newDirectory() })
    const shelf = new DiskShelf(plan, { clock, random: () => 0.5 })
    await shelf.files.layout.make()
    const head = headOf()
    const written = {
      bodyBytes: 4,
      sealedBody: sealed(Buffer.from('body')),
      body: undefined,
      checks: undefined,
      release() {},
    }
    await shelf.publish('key', head, 0, async () => await Promise.resolve(written))
    const name = nameOfKey('key')
    const old: HeadRecord = { version: 1, key: 'key', head, bodyBytes: 70_000, body: 'old', checks: [] }
    shelf.damaged(name, old)
    expect([shelf.corrupt, shelf.index.size]).toEqual([0, 1])
    // Forgotten by now.
    shelf.index.drop(shelf.index.at(name)!)
    await Promise.all(shelf.busy)
    shelf.damaged(name, old)
    expect(shelf.corrupt).toBe(0)
    shelf.damaged(nameOfKey('another'), undefined)
    expect(shelf.corrupt).toBe(1)
  })

  it('one that is too large and over by now does not end it', async () => {
    const directory = await newDirectory()
    const { store, clock } = await openDisk(directory, { maxBytes: 8 * MIB })
    write(store, 'large', headOf({ expiresAt: clock.wallTime() + 1_000 }), Buffer.alloc(MIB))
    await settled(store)
    await store.close()
    await new Promise((resolve) => setImmediate(resolve))
    const { store: next, clock: later } = await openDisk(directory, { maxBytes: MIB })
    later.advance(2_000)
    await settled(next)
    expect(next.snapshot()).toMatchObject({ entries: 0, failures: 0 })
    await waitFor(() => heads(directory).length === 0, { what: 'the head to be removed' })
    // It knows all that is there: what is not needs no look at the disk.
    expect(next.get('other')).toBeUndefined()
  })

  it('a head that can not be read leaves the others, and their bodies', async () => {
    const directory = await newDirectory()
    const { store } = await openDisk(directory)
    write(store, 'key', headOf(), Buffer.alloc(100_000, 'body'))
    write(store, 'other', headOf(), Buffer.alloc(100_000, 'other'))
    await settled(store)
    await store.close()
    block(heads(directory)[0]!)
    const { store: next } = await openDisk(directory)
    await settled(next)
    const found = [await next.get('key'), await next.get('other')].filter((entry) => entry !== undefined)
    expect(found).toHaveLength(1)
    expect(await bodyOf(found[0]!)).toHaveLength(100_000)
    expect(globSync(`${directory}/bodies/*/*`)).toHaveLength(2)
  })
})

it('the index is bounded in memory: long URLs let entries go', async () => {
  const { store } = await openDisk(await newDirectory(), { maxIndexBytes: 256 * 1024 })
  for (let i = 0; i < 100; i++)
    write(store, `key-${i}`, headOf({ url: `https://example.com/${i}?${'x'.repeat(8_000)}` }), 'body')
  await settled(store)
  const { entries, evictions } = store.snapshot()
  expect(entries).toBeGreaterThan(15)
  expect(entries).toBeLessThan(32)
  expect(entries + evictions).toBe(100)
})

it('what is committed after the end is not written: the directory may be another’s', async () => {
  const directory = await newDirectory()
  const { store } = await openDisk(directory)
  const [small, large] = [store.put('small', headOf(), 4)!, store.put('large', headOf(), undefined)!]
  small.write(Buffer.from('body'))
  large.write(Buffer.alloc(200_000))
  await store.close()
  small.commit()
  expect(large.write(Buffer.alloc(10))).toBe(false)
  large.commit()
  const { store: next } = await openDisk(directory)
  await settled(next)
  expect([await next.get('small'), await next.get('large')]).toEqual([undefined, undefined])
  await waitFor(() => globSync(`${directory}/bodies/*/*`).length === 0, { what: 'the body to be removed' })
})

it('a lock that is taken can be taken once more, when what came after it has failed', async () => {
  const directory = await newDirectory()
  const lock = new DirectoryLock()
  await lock.take(directory)
  await lock.take(directory)
  lock.release()
})
