/**
 * `node limiting-process.ts PORT`: a gateway whose limits are shared through Redis. It prints `ready`; then each line that it reads
 * is a limit in JSON, with how many requests come at once, and it prints how many of them have passed.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createProxy, Reply } from '@sluice/core'
import { Redis } from 'ioredis'
import { type Algorithm, rateLimit, redisStore } from '../../src/index.ts'

export interface Task {
  readonly name: string
  readonly algorithm: Algorithm
  readonly limit: number
  readonly leaseUnits: number
  readonly requests: number
}

const client = new Redis({ host: '127.0.0.1', port: Number(process.argv[2]) })
await once(client, 'ready')
process.stdout.write('ready\n')

for await (const line of createInterface(process.stdin)) {
  const { name, algorithm, limit, leaseUnits, requests } = JSON.parse(line) as Task
  // A day, so that nothing comes back meanwhile.
  const store = redisStore({ client, storeTimeoutMs: 5_000, leaseUnits })
  const proxy = createProxy()
    .use(rateLimit({ name, algorithm, limit, windowMs: 86_400_000, key: 'global', store }))
    .handle(() => Reply.text('fine'))
  const replies = await Promise.all(Array.from({ length: requests }, async () => await proxy.inject()))
  process.stdout.write(`${replies.filter(({ status }) => status === 200).length}\n`)
}
client.disconnect()
