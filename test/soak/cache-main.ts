/**
 * `pnpm soak:cache [--bytes N] [--operations N] [--seed N] [--stores bound,memory,disk,redis]`: the cache's stores at length. So many bytes go through the store in memory, whose
 * memory has to stay what it counts; and so many operations at random go through each store, whose bodies have to be what was written,
 * while Redis is frozen, killed and flushed. Exits with 1 where something is wrong.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { type CacheStore, diskStore, memoryStore, redisStore, tieredStore } from '@sluice/cache'
import { type LocalRedis, startRedis, waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { Redis } from 'ioredis'
import { type ChecksumReport, checksums } from '../../packages/cache/test/store/checksums.ts'
import type { ChurnSample } from '../../packages/cache/test/store/memory/churn-process.ts'

const MIB = 1_048_576
const MAX_BYTES = 256 * MIB
const SAMPLES = 20
const CHURN = fileURLToPath(new URL('../../packages/cache/test/store/memory/churn-process.ts', import.meta.url))
const { values } = parseArgs({
  // pnpm hands over the `--` that separates its options from ours.
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    bytes: { type: 'string', default: '10000000000' },
    operations: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    stores: { type: 'string', default: 'bound,memory,disk,redis' },
  },
})
const services = { clock: systemClock, random: Math.random }
const common = { operations: Number(values.operations), seed: Number(values.seed), expiresAt: Date.now() + 86_400_000 }

const RUNS: Readonly<Record<string, () => Promise<void>>> = { bound, memory: inMemory, disk: onDisk, redis: inRedis }
for (const name of values.stores.split(',')) await RUNS[name]?.()

async function bound(): Promise<void> {
  const args = ['--expose-gc', '--conditions=@sluice/source', CHURN, MAX_BYTES, values.bytes, SAMPLES, 'mixed']
  const { stdout } = await promisify(execFile)(process.execPath, args.map(String))
  const samples = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ChurnSample)
  // Before that the store is not full.
  const isFull = (sample: number): boolean => ((sample + 1) / SAMPLES) * Number(values.bytes) > 2 * MAX_BYTES
  const shares = samples.filter((_sample, i) => isFull(i)).map(({ real }) => real / MAX_BYTES)
  const [low, high] = [Math.min(...shares), Math.max(...shares)].map((share) => `${(share * 100).toFixed(1)} %`)
  console.log(
    `memory: ${values.bytes} bytes through ${MAX_BYTES / MIB} MiB; heap and external ${low} to ${high} of the bound`,
  )
  if (shares.some((share) => share < 0.85 || share > 1.15)) process.exitCode = 1
}

async function inMemory(): Promise<void> {
  const store = memoryStore({ maxBytes: 64 * MIB })(services)
  tell('memory', await checksums([store], { ...common, workers: 8, maxBodyBytes: 200_000, keys: 20_000 }))
}

async function onDisk(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-soak-'))
  const store = diskStore({ directory, maxBytes: 64 * MIB })(services)
  await waitFor(() => store.snapshot().up, { what: 'the directory', timeoutMs: 10_000 })
  tell('disk', await checksums([store], { ...common, workers: 8, maxBodyBytes: 300_000, keys: 6_000 }), store)
  await store.close()
  await rm(directory, { recursive: true })
}

async function inRedis(): Promise<void> {
  const redis = await startRedis()
  const clients = Array.from({ length: 4 }, () =>
    new Redis({ host: '127.0.0.1', port: redis.port, retryStrategy: () => 50 }).on('error', () => {}),
  )
  const open = (client: Redis) => redisStore({ client, timeoutMs: 200, chunkBytes: 16_384 })
  const shared = clients.slice(0, 2).map((client) => open(client)(services))
  const tiers = clients
    .slice(2)
    .map((client) => tieredStore({ memory: memoryStore({ maxBytes: 16 * MIB }), behind: open(client) })(services))
  for (const [name, stores] of Object.entries({ Redis: shared, tiered: tiers })) {
    const run = { isOver: false }
    const trouble = makeTrouble(redis, clients[0], run)
    // A purge that can not be done says so; then nobody counts on it.
    const report = await checksums(stores.map(forgiving), { ...common, workers: 16, maxBodyBytes: 100_000, keys: 500 })
    run.isOver = true
    await trouble
    tell(name, report, stores[0])
  }
  for (const store of [...shared, ...tiers]) await store.close()
  for (const client of clients) client.disconnect()
  await redis.kill()
}

/** Frozen, flushed, killed, in turn, with pauses in which all is well. */
async function makeTrouble(redis: LocalRedis, client: Redis | undefined, run: { isOver: boolean }): Promise<void> {
  for (let turn = 0; !run.isOver; turn++) {
    await sleep(3_000)
    if (turn % 3 === 0) {
      redis.hang()
      await sleep(500)
      redis.goOn()
    } else if (turn % 3 === 1) await client?.flushall().catch(() => {})
    else {
      await redis.kill()
      await sleep(300)
      await redis.start()
    }
  }
}

function forgiving(store: CacheStore): CacheStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call = value.bind(target) as (...args: unknown[]) => unknown
      return name === 'purge'
        ? async (...args: unknown[]) => await Promise.resolve(call(...args)).catch(() => -1)
        : call
    },
  })
}

/** What was purged while a process was cut off is known to it when it listens again. */
function tell(name: string, report: ChecksumReport, store?: CacheStore): void {
  console.log(`${name}: ${values.operations} operations`, report, store?.snapshot())
  const isExact = name === 'memory' || name === 'disk'
  if (report.wrong > 0 || report.right === 0 || (isExact && report.purged > 0)) process.exitCode = 1
}
