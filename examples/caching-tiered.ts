/**
 * Two gateways that share what they store through Redis, each with a memory of its own in front: what one has fetched the other finds, and a purge
 * through one empties the memory of both. Without a Redis all of it works, and is fetched by each.
 *
 *     docker run --rm -p 6379:6379 redis        # or REDIS_URL
 *     node examples/caching-tiered.ts
 *     curl -i http://localhost:8080/pears                                    # 200
 *     curl -i http://localhost:8080/pears                                    # 200
 *     curl -i -H 'X-Gateway: two' 'http://localhost:8080/pears?[1-2]'        # 200 200
 *     curl -i -H 'X-Gateway: two' http://localhost:8080/pears                # 200
 *     curl -i -H 'X-Gateway: two' http://localhost:8080/pears                # 200
 *     curl -i -X PURGE http://localhost:8080/pears                           # 200
 *     curl -i -H 'X-Gateway: two' http://localhost:8080/pears                # 200
 *     curl http://localhost:8080/stores                                      # 200
 */
import { httpCache, memoryStore, purgeMethod, redisStore, tieredStore } from '@sluice/cache'
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { Redis } from 'ioredis'

/** Stands for a shop that is slow. */
let made = 0
const shop = createProxy().handle(({ request }) =>
  Reply.text(`${request.path.slice(1)}, made ${++made}\n`, { headers: { 'Cache-Control': 'max-age=600' } }),
)
const { address } = await shop.listen({ host: '127.0.0.1' })
const pages = createUpstream('pages', { targets: [address.url] })

/** What each process of yours would have. */
async function gateway() {
  // It reconnects by itself; what goes wrong is told by the event `store-failed`.
  const client = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379').on('error', () => {})
  // Nobody waits for a Redis that is not connected: what comes before is fetched, and not shared. There may be none, too.
  await new Promise((resolve) => void client.once('ready', resolve).once('close', resolve))
  const store = tieredStore({
    memory: memoryStore({ maxBytes: 64 * 1024 * 1024 }),
    behind: redisStore({ client, timeoutMs: 1_000 }),
  })
  return httpCache({ store, staleIfErrorMs: 3_600_000 })
}

const [one, two] = [await gateway(), await gateway()]
const proxy = createProxy()
  .use(purgeMethod({ cache: one, allow: ['127.0.0.1', '::1'] }))
  .route({ path: '/stores' }, (route) => route.handle(() => Reply.json([one, two].map((cache) => cache.snapshot()))))
  // In one process here, so that one file shows it.
  .route({ headers: { 'X-Gateway': 'two' } }, (route) => route.use(two).forward(pages))
  .route({ path: '/*' }, (route) => route.use(one).forward(pages))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
