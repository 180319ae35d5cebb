import { createProxy, createUpstream } from '@sluice/core'
/** Processes that share a store: one of them fetches, the others find what it has stored. */
import { fakeUpstream, virtualClock } from '@sluice/testing'
import { expect, it } from 'vitest'
import { httpCache, memoryStore, type CacheLease, type CacheStore, type CacheStoreFactory } from '../src/index.ts'

/** One store for several caches, with leases as one outside the process has. */
function sharedStore(): { readonly store: CacheStoreFactory; readonly leases: { granted: number; held: number } } {
  let shared: CacheStore | undefined
  const waiting = new Map<string, (() => void)[]>()
  const leases = { granted: 0, held: 0 }
  const lease = async (key: string): Promise<CacheLease | undefined> => {
    const queue = waiting.get(key)
    if (queue !== undefined) {
      await new Promise<void>((resolve) => queue.push(resolve))
      return undefined
    }
    waiting.set(key, [])
    leases.granted++
    leases.held++
    return {
      release() {
        leases.held--
        for (const wake of waiting.get(key) ?? []) wake()
        waiting.delete(key)
      },
    }
  }
  return {
    leases,
    store: (services) => Object.assign((shared ??= memoryStore()(services)), { lease }),
  }
}

function setUp(count: number, body: () => string, headers: Record<string, string>) {
  const clock = virtualClock()
  const fake = fakeUpstream(() => ({ headers, body: body(), delayMs: 50 }), { clock })
  const { store, leases } = sharedStore()
  const upstream = createUpstream('origin', { targets: ['http://a.test'], transport: fake.transport, clock })
  const proxies = Array.from({ length: count }, () =>
    createProxy({ clock }).use(httpCache({ store, clock })).forward(upstream),
  )
  const ask = async (): Promise<string[]> => {
    const replies = Promise.all(
      proxies.flatMap((proxy) => [1, 2, 3].map(async () => await (await proxy.inject()).text())),
    )
    for (let i = 0; i < 10; i++) await clock.advanceAsync(50)
    return await replies
  }
  return { ask, fake, leases, clock }
}

it('a cold key is fetched once for all of them', async () => {
  const { ask, fake, leases } = setUp(3, () => 'one', { 'Cache-Control': 'max-age=10' })
  expect(new Set(await ask())).toEqual(new Set(['one']))
  expect(fake.requests).toHaveLength(1)
  expect(leases).toEqual({ granted: 1, held: 0 })
})

it('what can not be stored is fetched by each, and no lease is kept', async () => {
  let count = 0
  const { ask, fake, leases } = setUp(2, () => `reply ${++count}`, { 'Cache-Control': 'private' })
  expect(new Set(await ask()).size).toBe(6)
  expect(fake.requests).toHaveLength(6)
  expect(leases.held).toBe(0)
})
