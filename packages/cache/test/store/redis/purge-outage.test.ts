/** Purges while Redis is away, as those who purge see them: they are told, and what is in memory goes all the same. */
import { createProxy, Reply } from '@sluice/core'
import { waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpCache, memoryStore, purgeMethod, redisStore, tieredStore } from '../../../src/index.ts'
import { clientOf, localRedis } from './redis-client.ts'
import { openStore } from './redis-set-up.ts'

async function gateway() {
  const redis = await localRedis()
  const client = await clientOf(redis)
  const cache = httpCache({
    store: tieredStore({
      memory: memoryStore({ maxBytes: 1_000_000 }),
      behind: redisStore({ client, timeoutMs: 30, probeIntervalMs: 20 }),
    }),
  })
  onTestFinished(async () => await cache.close())
  const errors: unknown[] = []
  const proxy = createProxy({ onError: (error) => errors.push(error) })
    .use(purgeMethod({ cache, allow: () => true }))
    .use(cache)
    .handle(({ request }) =>
      Reply.text('hello\n', request.method === 'GET' ? { headers: { 'Cache-Control': 'max-age=600' } } : {}),
    )
  const get = async (): Promise<string> => {
    const reply = await proxy.inject({ path: '/' })
    await reply.text()
    return reply.headers.get('cache-status')!
  }
  const isUp = (): boolean => cache.snapshot().store.up
  await waitFor(() => isUp(), { what: 'Redis', timeoutMs: 5_000 })
  return { redis, client, cache, proxy, get, isUp, errors }
}

describe.each(['hangs', 'is gone'])('while Redis %s', (how) => {
  const away = async () => {
    const set = await gateway()
    await set.get()
    expect(await set.get()).toMatch(/hit/)
    // Behind, too.
    while ((await set.client.keys('*entry:*')).length === 0);
    if (how === 'hangs') set.redis.hang()
    else await set.redis.kill()
    return set
  }
  const back = async ({ redis, isUp }: Awaited<ReturnType<typeof gateway>>) => {
    if (how === 'hangs') redis.goOn()
    else await redis.start()
    await waitFor(isUp, { what: 'Redis to be back', timeoutMs: 5_000 })
  }

  it('a purge rejects, and memory is purged', async () => {
    const { cache, get } = await away()
    await expect(cache.purge({ all: true })).rejects.toMatchObject({
      code: 'ERR_SLUICE_PURGE_FAILED',
      cause: expect.any(Error),
    })
    expect(cache.snapshot()).toMatchObject({ storeFailures: 1, store: { tiers: [{ entries: 0 }, { up: false }] } })
    expect(await get()).toMatch(/miss/)
  })

  it('a PURGE request is answered with 503, and with 200 once Redis is back', async () => {
    const set = await away()
    const { proxy, get } = set
    const refused = await proxy.inject({ method: 'PURGE', path: '/' })
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'ERR_SLUICE_PURGE_FAILED' }])
    expect(await get()).toMatch(/miss/)
    await back(set)
    const purged = await proxy.inject({ method: 'PURGE', path: '/' })
    expect([purged.status, await purged.json()]).toMatchObject([200, { purged: expect.any(Number) }])
    expect(await get()).toMatch(/miss/)
  })

  it('what could not be purged is not served when Redis is back', async () => {
    const set = await away()
    expect((await set.proxy.inject({ method: 'POST', path: '/', body: 'x' })).status).toBe(200)
    await back(set)
    expect(await set.get()).toMatch(/miss/)
  })

  it('what could not be purged is purged when Redis is back, for all processes', async () => {
    const set = await away()
    await expect(set.cache.purge({ url: 'http://localhost/' })).rejects.toThrow()
    await back(set)
    const { store } = await openStore(set.redis)
    while ((await store.get('http://localhost/')) !== undefined) await new Promise((resolve) => setImmediate(resolve))
    expect(set.isUp()).toBe(true)
  })

  it('an unsafe request is answered as ever, and what it makes invalid is not served from memory', async () => {
    const { proxy, get, errors } = await away()
    expect((await proxy.inject({ method: 'POST', path: '/', body: 'x' })).status).toBe(200)
    expect(await get()).toMatch(/miss/)
    expect(errors).toEqual([])
  })
})
