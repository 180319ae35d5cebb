/** What a process learns of other processes' purges: from a channel on which anything may stand, and from answers that overtake it. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { virtualClock, waitFor } from '@sluice/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { PurgeSelector } from '../../../src/index.ts'
import { redisStore } from '../../../src/index.ts'
import { PurgeFeed, toldPurge } from '../../../src/store/redis/redis-feed.ts'
import { localRedis } from './redis-client.ts'
import { openStore } from './redis-set-up.ts'

const ALL = { all: true }
const url = (number: number): PurgeSelector => ({ url: `https://example.com/${number}` })

describe('a message that is no purge counts as one that was missed', () => {
  it.each([
    'null',
    '5',
    '"all"',
    '[]',
    '{}',
    '{"kind":"url"}',
    '{"kind":"tags","value":"t"}',
    '{"kind":"tags","value":[1]}',
  ])('%s', async (text) => {
    const redis = await localRedis()
    const { store, client } = await openStore(redis)
    const told: PurgeSelector[] = []
    store.onPurge((selector) => told.push(selector))
    await client.publish('sluice:cache:told', `${store.generation + 1} ${text}`)
    await waitFor(() => told.length > 0, { what: 'it to be told' })
    expect(told).toEqual([ALL])
  })

  it('and one without a number counts for nothing', async () => {
    const redis = await localRedis()
    const { store, client } = await openStore(redis)
    const { generation } = store
    const told: PurgeSelector[] = []
    store.onPurge((selector) => told.push(selector))
    for (const text of ['', ' ', ' {}', '-5 {}', '0 {}', '1e400 {}', 'NaN {}', '1.5 {}'])
      await client.publish('sluice:cache:told', text)
    await store.purge(url(1))
    expect([told, store.generation]).toEqual([[url(1)], generation + 1])
  })
})

describe('answers', () => {
  const feed = () => {
    const clock = virtualClock()
    const told: PurgeSelector[] = []
    const feed = new PurgeFeed(clock, () => {})
    feed.onPurge((selector) => told.push(selector))
    feed.seen(100, 0)
    const done = (number: number): void => feed.done(number, toldPurge(url(number), false, 0))
    return { feed, clock, told, done }
  }

  it('that were given before the last purge was told say nothing', () => {
    const { feed: f, told, done } = feed()
    const knownThen = f.known
    done(101)
    f.seen(100, knownThen)
    f.caughtUp(100, knownThen)
    expect([told, f.known]).toEqual([[url(101)], 101])
  })

  it('that are smaller than what was known when they were asked for are another Redis’s', () => {
    const { feed: f, told } = feed()
    f.seen(50, 100)
    expect([told, f.known]).toEqual([[ALL], 50])
  })

  it('to a purge of one’s own do not overtake those of others', () => {
    const { feed: f, told, done } = feed()
    done(103)
    expect([told, f.known]).toEqual([[url(103)], 100])
  })

  it('to a purge of one’s own that count from another time on mean that Redis was emptied', () => {
    const { feed: f, told, done } = feed()
    done(5_000_000)
    expect([told, f.known]).toEqual([[ALL], 5_000_000])
  })

  it('that know more than was told for a second mean that something was missed', () => {
    const { feed: f, clock, told } = feed()
    f.seen(101, 100)
    clock.advance(900)
    f.seen(101, 100)
    expect(told).toEqual([])
    clock.advance(200)
    f.seen(101, 100)
    expect([told, f.known]).toEqual([[ALL], 101])
  })
})

it('processes that purge at the same time do not take everything for purged', async () => {
  const redis = await localRedis()
  const [one, two] = [await openStore(redis), await openStore(redis)]
  const told: PurgeSelector[] = []
  for (const { store } of [one, two]) store.onPurge((selector) => told.push(selector))
  for (let round = 0; round < 30; round++) {
    const reads = Array.from({ length: 10 }, async () => await one.store.get('key'))
    await Promise.all([one.store.purge(url(1)), two.store.purge(url(2)), ...reads])
  }
  expect(told.length).toBeGreaterThanOrEqual(60)
  expect(told).not.toContainEqual(ALL)
})

it('a connection that listens and has died without a word is noticed, and made anew', async () => {
  const redis = await localRedis()
  const { store: other } = await openStore(redis)
  // In between, what Redis says to the one who listens gets lost.
  const sockets: Socket[] = []
  const isLost = { value: true }
  const relay = createServer((socket) => {
    const target = connect(redis.port, '127.0.0.1')
    sockets.push(socket, target)
    let isListener = false
    socket.on('error', () => {}).on('close', () => target.destroy())
    target.on('error', () => {}).on('close', () => socket.destroy())
    socket.on('data', (bytes) => {
      isListener ||= bytes.includes('subscribe')
      target.write(bytes)
    })
    target.on('data', (bytes) => {
      if (!(isListener && isLost.value && bytes.includes('message'))) socket.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    relay.close()
  })
  const { port } = relay.address() as { port: number }
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 20 }).on('error', () => {})
  onTestFinished(() => client.disconnect())
  await waitFor(() => client.status === 'ready', { what: 'the connection', timeoutMs: 5_000 })
  const clock = virtualClock()
  const store = redisStore({ client, timeoutMs: 1e6 })({ clock, random: Math.random })
  onTestFinished(async () => await store.close())
  await waitFor(() => store.generation > 0, { what: 'the store', timeoutMs: 5_000 })
  const told: PurgeSelector[] = []
  store.onPurge((selector) => told.push(selector))
  await other.purge(url(1))
  // Nobody asks for anything: it looks by itself.
  await waitFor(() => (clock.advance(500), told.length > 0), { what: 'it to notice', timeoutMs: 5_000 })
  expect(told).toEqual([ALL])
  isLost.value = false
  // It connects anew, and may have missed something until then.
  while (told.every((selector) => !('url' in selector))) await other.purge(url(2))
  expect(told).toContainEqual(url(2))
})
