/**
 * Stale is better than nothing: while the service is away, what was stored stands in for it (RFC 5861). A breaker keeps requests from it
 * meanwhile; the cache stands above it, and so answers without a try.
 *
 *     node examples/caching-stale.ts
 *     curl -i http://localhost:8080/news                      # 200
 *     curl -i -X POST -d down http://localhost:8080/switch    # 204
 *     curl -i 'http://localhost:8080/news?[1-3]'              # 503 503 503
 *     curl -i http://localhost:8080/news                      # 200
 *     curl -i http://localhost:8080/news                      # 200
 *     curl -i http://localhost:8080/weather                   # 503
 *     curl http://localhost:8080/cache                        # 200
 */
import { httpCache, memoryStore } from '@sluice/cache'
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { circuitBreaker } from '@sluice/resilience'

let isUp = true
let version = 0

/** Stands for a service whose replies are stale as soon as they are there, and which is sometimes away. */
const service = createProxy().handle(({ request }) =>
  isUp
    ? Reply.text(`${request.path.slice(1)}, version ${++version}\n`, {
        headers: { 'Cache-Control': 'max-age=0, stale-if-error=3600' },
      })
    : Reply.text('away\n', { status: 503 }),
)
const { address } = await service.listen({ host: '127.0.0.1' })
const news = createUpstream('news', {
  targets: [address.url],
  gates: [circuitBreaker({ consecutiveFailures: 3, openMs: 10_000 })],
})

const cache = httpCache({ store: memoryStore() })

const proxy = createProxy()
  .route({ path: '/switch', method: 'POST' }, (route) =>
    route.handle(async ({ body }) => {
      isUp = (await body.text({ maxBytes: 10 })) === 'up'
      return Reply.empty(204)
    }),
  )
  .route({ path: '/cache' }, (route) => route.handle(() => Reply.json(cache.snapshot())))
  .route({ path: '/*' }, (route) => route.use(cache).forward(news))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
