/**
 * `node writing-process.ts DIRECTORY SEED MAX_BYTES`: writes, changes, purges and forgets entries in a store on disk without a pause, until it is
 * killed. Each body carries its own checksum in its head. Prints `ready` once it writes, and a line for each failure of the store.
 */
import { createHash } from 'node:crypto'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { seededRandom } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { cacheStoreFailed, diskStore } from '../../../src/index.ts'
import { headOf, write } from '../set-up.ts'

const [directory, seed, maxBytes] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const dice = (sides: number): number => Math.floor(random() * sides)
const store = diskStore({ directory: directory!, maxBytes: Number(maxBytes) })({ clock: systemClock, random })
cacheStoreFailed.subscribe(({ error }) => process.stdout.write(`${(error as NodeJS.ErrnoException).code}\n`))

while (!store.snapshot().up) await eventLoopTurn()
process.stdout.write('ready\n')
for (let version = 0; ; version++) {
  const key = `https://example.com/${dice(60)}`
  const what = dice(20)
  if (what === 0) void store.purge({ url: key }, { soft: dice(2) === 0 })
  else if (what === 1) store.delete(key)
  else if (what === 2) {
    const entry = await store.get(key)
    if (entry !== undefined) store.update(key, entry.head.id, { ...entry.head, freshMs: version })
  } else {
    const body = Buffer.alloc(dice(4) === 0 ? dice(400_000) : dice(20_000), `${key} ${version} ${dice(1e9)} `)
    const sum = createHash('sha256').update(body).digest('hex')
    write(store, key, headOf({ id: `${seed}-${version}`, url: key, notes: { sum } }), body, 1 + dice(100_000))
  }
  if (version % 4 === 0) await eventLoopTurn()
}
