/**
 * `node --expose-gc churn-process.ts MAX_BYTES TOTAL_BYTES SAMPLES KIND`: writes so many bytes through a store in memory, in `mixed` entries
 * or `small` ones, whose heads are most of what they take, and prints for each sample how many bytes the store counts, and how many there are on the heap and beside it, in JSON.
 */
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { seededRandom, virtualClock } from '@sluice/testing'
import { memoryStore } from '../../../src/index.ts'
import { readingOf } from '../../../src/policy/reading.ts'
import { headOf } from '../set-up.ts'

/** What the store counts, and what there is. */
export interface ChurnSample {
  readonly counted: number
  readonly real: number
  readonly entries: number
}

const [maxBytes, totalBytes, samples] = process.argv.slice(2).map(Number) as [number, number, number]
const isSmall = process.argv[5] === 'small'
const random = seededRandom(7)
const clock = virtualClock()
const open = () => memoryStore({ maxBytes })({ clock, random })

/** Compiles everything first: code and feedback are no entries. */
const warmUp = open()
await churn(warmUp, maxBytes / 8)
await warmUp.close()
const baseline = await bytesInUse(5)
const store = open()
for (let sample = 0; sample < samples; sample++) {
  await churn(store, totalBytes / samples)
  const { bytes: counted, entries } = store.snapshot()
  const line: ChurnSample = { counted, real: (await bytesInUse()) - baseline, entries }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function churn(store: ReturnType<typeof open>, bytes: number): Promise<void> {
  for (let written = 0, count = 0; written < bytes; count++) {
    const number = Math.floor(random() ** 3 * 1e6)
    const key = `GET https://example.com/things/${number % 100}/${number}?page=${number % 7}`
    const length = lengthOf(number)
    // About as much as it takes beside its body.
    written += length + 1_200
    const entry = store.get(key)
    if (entry === undefined) put(store, key, number, length)
    // What the cache makes of an entry at its first hit stays with it.
    else readingOf(entry)
    if (count % 5_000 === 0) store.purge({ tags: [`t${number % 1_000}`] }, { soft: count % 2 === 0 })
    if (count % 200 === 0) await eventLoopTurn()
  }
}

function put(store: ReturnType<typeof open>, key: string, number: number, length: number): void {
  // As they come from a parser: pieces of a whole read.
  const fields = `text/html; charset=utf-8|public, max-age=3600|"${number}-abcdef"|${'x'.repeat(number % 200)}|`
  const text = Buffer.from(fields + 'another response '.repeat(30)).toString('latin1')
  const values = text.split('|')
  const headers = ['Content-Type', 'Cache-Control', 'ETag', `X-Field-${number % 50}`].flatMap((name, i) => [
    name,
    values[i]!,
  ])
  const tags = number % 3 === 0 ? [`t${number % 1_000}`, `of-${number}`] : []
  const head = headOf({
    id: `id-${number}`,
    headers,
    tags,
    url: key.slice(4),
    notes: { v: 1, swr: 60_000, sie: 0, flags: 0 },
  })
  const writer = store.put(key, head, number % 2 === 0 ? length : undefined)
  for (let at = 0; at < length; at += 65_536) writer?.write(Buffer.alloc(Math.min(65_536, length - at), number))
  writer?.commit()
}

/** Most are small, some large, and a few very large. */
function lengthOf(number: number): number {
  if (isSmall) return number % 200
  const kind = (number * 7_919) % 100
  if (kind < 60) return 200 + (number % 3_000)
  if (kind < 95) return 5_000 + ((number * 31) % 60_000)
  return 200_000 + ((number * 131) % 1_000_000)
}

async function bytesInUse(rounds = 2): Promise<number> {
  // Buffers are given back in the turn behind the collection that found them; code that has not run for some collections is, too.
  for (let round = 0; round < rounds; round++) {
    globalThis.gc!()
    await eventLoopTurn()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
