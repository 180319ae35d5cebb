/** Whole bodies that come as latin1 text: kept as if they had come as bytes. */
import { Body } from '@sluice/wire'
import { expect, it } from 'vitest'
import { memoryStore } from '../../../src/index.ts'
import { headOf, services } from '../set-up.ts'

const KEY = 'https://example.com/'
const TEXT = Array.from({ length: 300 }, (_, i) => String.fromCharCode(i & 255)).join('')

function written(text: string, declared: number | undefined, before = '') {
  const store = memoryStore({ maxBytes: 1024 * 1024, maxEntryBytes: 65_536 })(services())
  const writer = store.put(KEY, headOf(), declared)!
  if (before !== '') writer.write(Buffer.from(before, 'latin1'))
  const isTaken = writer.writeText!(text)
  writer.commit()
  return { store, isTaken, entry: store.get(KEY) }
}

async function bytesOf(entry: NonNullable<ReturnType<typeof written>['entry']>): Promise<string> {
  const bytes = await Body.from(entry.open(0, entry.bodyBytes), entry.bodyBytes).bytes()
  return bytes.toString('latin1')
}

it.each([
  ['of the length that was said', TEXT, 300, ''],
  ['of a length that nobody said', TEXT, undefined, ''],
  ['behind bytes', TEXT, 303, 'abc'],
  ['too long to stay text', TEXT.repeat(100), 30_000, ''],
] as const)('text %s is the body', async (_, text, declared, before) => {
  const { entry, isTaken } = written(text, declared, before)
  expect(isTaken).toBe(true)
  expect(await bytesOf(entry!)).toBe(before + text)
})

it.each([299, 301])('text of another length than %i, which was said, is not kept', (declared) => {
  expect(written(TEXT, declared).entry).toBeUndefined()
})

it('takes as much room as the same bytes would', () => {
  const { store } = written(TEXT, 300)
  const other = memoryStore({ maxBytes: 1024 * 1024, maxEntryBytes: 65_536 })(services())
  const writer = other.put(KEY, headOf(), 300)!
  writer.write(Buffer.from(TEXT, 'latin1'))
  writer.commit()
  other.get(KEY)
  expect(store.snapshot().bytes).toBe(other.snapshot().bytes)
})

it.each([30_000, undefined])('stays text only while it is short (said to be %o)', (declared) => {
  expect(written(TEXT, undefined).entry!.text).toBe(TEXT)
  expect(written(TEXT.repeat(100), declared).entry!.text).toBeUndefined()
})

it('is counted while it waits for its commit', () => {
  const store = memoryStore({ maxBytes: 1024 * 1024 })(services())
  const writer = store.put(KEY, headOf(), 300)!
  const before = store.snapshot().bytes
  writer.writeText!(TEXT)
  expect(store.snapshot().bytes - before).toBeGreaterThanOrEqual(300)
})

it('gives back what it had reserved where it is aborted', () => {
  const store = memoryStore({ maxBytes: 1024 * 1024 })(services())
  const before = store.snapshot().bytes
  const writer = store.put(KEY, headOf(), 300)!
  writer.writeText!(TEXT)
  writer.abort()
  expect(store.snapshot().bytes).toBe(before)
})
