/**
 * A cache in memory: what is fresh is answered from it, what is stale is asked about, and a hundred who ask at once make one request.
 *
 *     node examples/caching.ts
 *     curl -i 'http://localhost:8080/articles/[1-2]'                                   # 200 200
 *     curl -i http://localhost:8080/articles/1                                         # 200
 *     curl -i -H 'If-None-Match: "1"' http://localhost:8080/articles/1                 # 304
 *     curl -i -H 'Range: bytes=0-6' http://localhost:8080/articles/1                   # 206
 *     curl -i -H 'Cache-Control: no-cache' http://localhost:8080/articles/1            # 200
 *     curl -i -H 'Cache-Control: only-if-cached' http://localhost:8080/articles/3      # 504
 *     curl -i -X DELETE http://localhost:8080/articles/1                               # 204
 *     curl -i 'http://localhost:8080/articles/1?utm_source=mail'                       # 200
 *     curl -i http://localhost:8080/missing                                            # 404
 *     curl -i http://localhost:8080/missing                                            # 404
 *     curl http://localhost:8080/cache                                                 # 200
 */
import { httpCache, memoryStore } from '@sluice/cache'
import { createProxy, createUpstream, Reply } from '@sluice/core'

/** Stands for a service that says itself how long its replies are good for. */
const service = createProxy()
  .route({ path: '/articles/*' }, (route) =>
    route.handle(({ request }) => {
      const name = request.path.slice('/articles/'.length)
      if (request.method === 'DELETE') return Reply.empty(204)
      const etag = `"${name}"`
      const headers = { ETag: etag, 'Cache-Control': 'max-age=60' }
      return request.headers.get('if-none-match') === etag
        ? Reply.empty(304, headers)
        : Reply.text(`article ${name}\n`, { headers })
    }),
  )
  .handle(() => Reply.text('there is no such thing\n', { status: 404 }))
const { address } = await service.listen({ host: '127.0.0.1' })
const articles = createUpstream('articles', { targets: [address.url] })

const cache = httpCache({
  store: memoryStore({ maxBytes: 64 * 1024 * 1024 }),
  // Where a campaign came from makes no other page.
  key: { query: { ignore: ['utm_source', 'utm_medium', 'utm_campaign'] } },
  // What is missing will still be missing in a second.
  defaultTtlMs: { 404: 1_000 },
})

const proxy = createProxy()
  .route({ path: '/cache' }, (route) => route.handle(() => Reply.json(cache.snapshot())))
  .route({ path: '/*' }, (route) => route.use(cache).forward(articles))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
