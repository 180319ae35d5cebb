/**
 * Purging by tag: every page says which products it shows, and when one changes, just the pages that show it are asked about again. Softly,
 * so that they are still there should the service be away.
 *
 *     node examples/caching-tags.ts
 *     curl -i http://localhost:8080/pears                                     # 200
 *     curl -i http://localhost:8080/apples                                    # 200
 *     curl -i http://localhost:8080/all                                       # 200
 *     curl -i -X PUT -d 3 http://localhost:8080/prices/apples                 # 204
 *     curl -i http://localhost:8080/pears                                     # 200
 *     curl -i http://localhost:8080/all                                       # 200
 *     curl -i -X PURGE -H 'Surrogate-Key: pears' http://localhost:8080/       # 200
 *     curl -i -X PURGE http://localhost:8080/apples                           # 200
 */
import { cachePurged, httpCache, memoryStore, purgeMethod } from '@sluice/cache'
import { createProxy, createUpstream, Reply } from '@sluice/core'

const prices: Record<string, number> = { pears: 1, apples: 2 }

/** Stands for a shop. Its pages are good for a day, unless somebody says otherwise. */
const shop = createProxy().handle(({ request }) => {
  const page = request.path.slice(1)
  const shown = page === 'all' ? Object.keys(prices) : [page]
  const text = shown.map((name) => `${name}: ${prices[name]}`).join(', ')
  return Reply.text(`${text}\n`, {
    headers: { 'CDN-Cache-Control': 'max-age=86400', 'Cache-Control': 'no-cache', 'Surrogate-Key': shown.join(' ') },
  })
})
const { address } = await shop.listen({ host: '127.0.0.1' })
const pages = createUpstream('pages', { targets: [address.url] })

const cache = httpCache({ store: memoryStore(), staleIfErrorMs: 3_600_000 })

cachePurged.subscribe(({ selector, soft, entries }) => {
  console.log(`purged ${soft ? 'softly ' : ''}${JSON.stringify(selector)}: ${entries}`)
})

const proxy = createProxy()
  // For tools that can do no more than send HTTP, and only from this machine.
  .use(purgeMethod({ cache, allow: ['127.0.0.1', '::1'] }))
  .route({ path: '/prices/:name', method: 'PUT' }, (route) =>
    route.handle(async (exchange) => {
      const { name } = exchange.params
      prices[name!] = Number(await exchange.body.text({ maxBytes: 100 }))
      await cache.purge({ tags: [name!] }, { soft: true })
      return Reply.empty(204)
    }),
  )
  .route({ path: '/*' }, (route) => route.use(cache).forward(pages))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
