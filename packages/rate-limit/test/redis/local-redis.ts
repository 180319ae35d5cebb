/** A Redis that ends with the test, and connections to it. */
import { type LocalRedis as Redis, startRedis, waitFor } from '@sluice/testing'
import { Redis as RedisClient } from 'ioredis'
import { onTestFinished } from 'vitest'

export type LocalRedis = Redis & { readonly client: () => Promise<RedisClient> }

export async function localRedis(): Promise<LocalRedis> {
  const redis = await startRedis()
  onTestFinished(async () => await redis.kill())
  return Object.assign(redis, {
    /** A connected client, closed when the test ends. */
    client: async () => {
      const client = new RedisClient({ host: '127.0.0.1', port: redis.port, retryStrategy: () => 20 })
      // What goes wrong is told by the store's events.
      client.on('error', () => {})
      onTestFinished(() => client.disconnect())
      await waitFor(() => client.status === 'ready', { what: 'the connection', timeoutMs: 10_000 })
      return client
    },
  })
}
