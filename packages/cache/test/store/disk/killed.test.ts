/** The process is killed at moments of chance, over and over; the disk is full. What is found then is what was written, or nothing. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seededRandom, waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { expect, it, onTestFinished } from 'vitest'
import { diskStore } from '../../../src/index.ts'
import { bodyOf } from '../set-up.ts'
import { newDirectory, settled } from './disk-set-up.ts'

const PROGRAM = fileURLToPath(new URL('writing-process.ts', import.meta.url))
const MAX_BYTES = 4 * 1024 * 1024
const ROUNDS = 4

function start(directory: string, seed: number, shell?: string) {
  const args = ['--conditions=@sluice/source', PROGRAM, directory, String(seed), String(MAX_BYTES)]
  const child =
    shell === undefined
      ? spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      : spawn('sh', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')))
  return { child, lines }
}

/** Opens what is left, and looks at all of it. */
async function verify(directory: string) {
  const store = diskStore({ directory, maxBytes: MAX_BYTES })({ clock: systemClock, random: Math.random })
  await waitFor(() => store.snapshot().up, { what: 'the directory', timeoutMs: 10_000 })
  await settled(store)
  let found = 0
  for (let i = 0; i < 60; i++) {
    const key = `https://example.com/${i}`
    const entry = await store.get(key)
    if (entry === undefined) continue
    found++
    expect(
      createHash('sha256')
        .update(await bodyOf(entry))
        .digest('hex'),
    ).toBe(entry.head.notes.sum)
    expect(entry.head.url).toBe(key)
  }
  const snapshot = store.snapshot()
  await store.close()
  return { ...snapshot, found }
}

const files = (directory: string, where: string): string[] =>
  globSync(`${directory}/${where}/**/*`, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

it('a process that is killed at any moment leaves nothing torn, and nothing behind', async () => {
  const directory = await newDirectory()
  const random = seededRandom(11)
  for (let round = 0; round < ROUNDS; round++) {
    const { child, lines } = start(directory, round)
    await waitFor(() => lines.length > 0, { what: 'the process', timeoutMs: 15_000 })
    await sleep(random() * 150)
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    const { found, entries, corrupt, failures, bytes } = await verify(directory)
    expect({ corrupt, failures, found }).toEqual({ corrupt: 0, failures: 0, found: entries })
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES)
    // Every file is an entry's.
    const left = files(directory, '*').reduce((sum, path) => sum + Math.ceil(statSync(path).size / 4_096) * 4_096, 0)
    expect(left).toBe(bytes)
  }
  expect(files(directory, 'heads').length).toBeGreaterThan(5)
})

it('where no file can grow any more, responses are not kept, and what stands there stays as it was', async () => {
  const directory = await newDirectory()
  // In blocks of 512 bytes, and with the signal ignored: writes fail, as they do on a full disk.
  const { lines } = start(directory, 1, "trap '' XFSZ; ulimit -f 40")
  await waitFor(() => lines.filter((line) => line === 'EFBIG').length > 0, {
    what: 'writes to fail',
    timeoutMs: 15_000,
  })
  // After a pause it tries again.
  await waitFor(() => lines.filter((line) => line === 'EFBIG').length > 1, { what: 'it to go on', timeoutMs: 15_000 })
  process.kill(process.pid, 0)
  expect(new Set(lines)).toEqual(new Set(['ready', 'EFBIG']))
})
