/** Two gateways, each with memory in front of one Redis, as two processes would be: they fetch once, and forget together. */
import { createProxy, Reply } from '@sluice/core'
import { type LocalRedis, waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import { httpCache, memoryStore, redisStore, tieredStore } from '../../../src/index.ts'
import { clientOf, localRedis } from './redis-client.ts'

/** What they share upstream: it counts, and answers when it is told to. */
function slowService() {
  let answer: () => void = () => {}
  const gate = new Promise<void>((resolve) => (answer = resolve))
  const service = { count: 0, answer }
  const handle = async (): Promise<Reply> => {
    const number = ++service.count
    await gate
    return Reply.text(`version ${number}`, { headers: { 'Cache-Control': 'max-age=600', 'Surrogate-Key': 'all' } })
  }
  return { service, handle }
}

async function gateway(redis: LocalRedis, handle: () => Promise<Reply>) {
  const behind = redisStore({ client: await clientOf(redis), timeoutMs: 10_000 })
  let generation = (): number => 0
  const cache = httpCache({
    store: tieredStore({
      memory: (services) => {
        const memory = memoryStore()(services)
        generation = () => memory.generation
        return memory
      },
      behind,
    }),
    collapseWaitMs: 20_000,
  })
  onTestFinished(async () => await cache.close())
  const proxy = createProxy().use(cache).handle(handle)
  const ask = async (): Promise<string> => await (await proxy.inject({ path: '/' })).text()
  return { cache, ask, generation: () => generation() }
}

it('a hundred requests of both for one cold key make one request upstream', async () => {
  const redis = await localRedis()
  const { service, handle } = slowService()
  const [one, two] = [await gateway(redis, handle), await gateway(redis, handle)]
  const asking = Array.from({ length: 100 }, async (_, i) => await (i % 2 === 0 ? one : two).ask())
  await waitFor(() => service.count > 0, { what: 'the first to ask', timeoutMs: 5_000 })
  service.answer()
  expect(new Set(await Promise.all(asking))).toEqual(new Set(['version 1']))
  expect(service.count).toBe(1)
})

it('a purge through one empties the memory of both', async () => {
  const redis = await localRedis()
  const { service, handle } = slowService()
  service.answer()
  const [one, two] = [await gateway(redis, handle), await gateway(redis, handle)]
  expect(await one.ask()).toBe('version 1')
  expect([await two.ask(), await two.ask()]).toEqual(['version 1', 'version 1'])
  expect(two.cache.snapshot().store.tiers![0]!.entries).toBe(1)
  await one.cache.purge({ tags: ['all'] })
  await waitFor(() => two.cache.snapshot().store.tiers![0]!.entries === 0, { what: 'the purge to be told' })
  expect(await two.ask()).toBe('version 2')
  expect(await one.ask()).toBe('version 2')
})

it('who comes after a purge through another does not follow a fetch from before it', async () => {
  const redis = await localRedis()
  const { service, handle } = slowService()
  const [one, two] = [await gateway(redis, handle), await gateway(redis, handle)]
  const before = one.ask()
  await waitFor(() => service.count > 0, { what: 'the first to ask', timeoutMs: 5_000 })
  await two.cache.purge({ prefix: 'http://localhost/' })
  await waitFor(() => one.generation() > 0, { what: 'the purge to be told', timeoutMs: 5_000 })
  const after = one.ask()
  // It waits: for that fetch, or for its lease.
  await waitFor(() => one.cache.snapshot().misses === 2, { what: 'the second to ask' })
  service.answer()
  expect(await before).toBe('version 1')
  expect(await after).toBe('version 2')
})

it('one that is away from Redis goes on by itself', async () => {
  const redis = await localRedis()
  const { service, handle } = slowService()
  service.answer()
  const [one, two] = [await gateway(redis, handle), await gateway(redis, handle)]
  await redis.kill()
  expect([await one.ask(), await one.ask(), await two.ask()]).toEqual(['version 1', 'version 1', 'version 2'])
  expect(service.count).toBe(2)
})
