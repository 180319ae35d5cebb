/** Stores on disk for tests, in a directory that goes with the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { virtualClock, waitFor } from '@sluice/testing'
import { onTestFinished } from 'vitest'
import { type CacheStore, type DiskStore, diskStore, type DiskStoreOptions } from '../../../src/index.ts'

export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-cache-'))
  onTestFinished(async () => await rm(directory, { recursive: true, force: true }))
  return directory
}

export async function openDisk(
  directory: string,
  options: Partial<DiskStoreOptions> = {},
): Promise<{ store: DiskStore; clock: ReturnType<typeof virtualClock> }> {
  const clock = virtualClock()
  const store = diskStore({ directory, ...options })({ clock, random: () => 0.5 })
  onTestFinished(async () => await store.close())
  await waitFor(() => store.snapshot().up, { what: 'the directory', timeoutMs: 10_000 })
  return { store, clock }
}

/** Whatever was committed is on disk. */
export async function settled(store: CacheStore): Promise<void> {
  await store.purge({ url: 'https://nobody.test/' })
}
