/**
 * `node --expose-gc churn-process.ts MAX_BYTES TOTAL_BYTES SAMPLES`: writes so many bytes through a store in memory, of all kinds of
 * entries, and prints for each sample how many bytes the store counts, and how many there are on the heap and beside it, in JSON.
 */
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { seededRandom, virtualClock } from '@sluice/testing'
import { memoryStore } from '../../../src/index.ts'
import { headOf } from '../set-up.ts'

/** What the store counts, and what there is. */
export interface ChurnSample {
  readonly counted: number
  readonly real: number
  readonly entries: number
}

const [maxBytes, totalBytes, samples] = process.argv.slice(2).map(Number) as [number, number, number]
const random = seededRandom(7)
const clock = virtualClock()
const open = () => memoryStore({ maxBytes })({ clock, random })

/** Compiles everything first: code and feedback are no entries. */
const warmUp = open()
await churn(warmUp, maxBytes)
await warmUp.close()
const baseline = await bytesInUse(10)
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
    written += length
    if (store.get(key) === undefined) put(store, key, number, length)
    if (count % 5_000 === 0) store.purge({ tags: [`t${number % 1_000}`] }, { soft: count % 2 === 0 })
    if (count % 200 === 0) await eventLoopTurn()
  }
}

function put(store: ReturnType<typeof open>, key: string, number: number, length: number): void {
  // As they come from a parser: pieces of a whole head.
  const text = Buffer.from(
    `text/html; charset=utf-8|public, max-age=3600|"${number}-abcdef"|${'x'.repeat(number % 200)}`,
  ).toString('latin1')
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
    notes: { vary: [['accept', 'text/html']], windowMs: 60_000 },
  })
  const writer = store.put(key, head, number % 2 === 0 ? length : undefined)
  for (let at = 0; at < length; at += 65_536) writer?.write(Buffer.alloc(Math.min(65_536, length - at), number))
  writer?.commit()
}

/** Most are small, some large, and a few very large. */
function lengthOf(number: number): number {
  const kind = (number * 7_919) % 100
  if (kind < 60) return 200 + (number % 3_000)
  if (kind < 95) return 5_000 + ((number * 31) % 60_000)
  return 200_000 + ((number * 131) % 1_000_000)
}

async function bytesInUse(rounds = 3): Promise<number> {
  // Buffers are given back in the turn behind the collection that found them; code that has not run for some collections is, too.
  for (let round = 0; round < rounds; round++) {
    globalThis.gc!()
    await eventLoopTurn()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
