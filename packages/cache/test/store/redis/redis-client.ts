/** A Redis that ends with the test, and connections to it. */
import { type LocalRedis, startRedis, waitFor } from '@sluice/testing'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

export async function localRedis(): Promise<LocalRedis> {
  const redis = await startRedis()
  onTestFinished(async () => await redis.kill())
  return redis
}

/** A connected client. What goes wrong with it is told by the store. */
export async function clientOf(redis: LocalRedis): Promise<Redis> {
  const client = new Redis({ host: '127.0.0.1', port: redis.port, retryStrategy: () => 20 }).on('error', () => {})
  onTestFinished(() => client.disconnect())
  await waitFor(() => client.status === 'ready', { what: 'the connection', timeoutMs: 10_000 })
  return client
}
