/**
 * Three limits on one route: so many a second for each API key, so many units a minute for all together, where what a reply
 * has cost is charged afterwards, and one that is only tried out.
 *
 *     node examples/rate-limiting.ts
 *     curl -i -H 'X-API-Key: ada' 'http://localhost:8080/words?[1-5]'               # 200 200 200 429 429
 *     curl -i -H 'X-API-Key: bob' 'http://localhost:8080/words?[1-2]'               # 200 200
 *     curl -i -H 'X-API-Key: eve' -d 'an essay of very many words' 'http://localhost:8080/words?[1-2]'  # 200 429
 *     curl -H 'X-API-Key: bob' -H 'X-Internal: a secret of our own' 'http://localhost:8080/words?[1-9]' # 200 200 200 200 200 200 200 200 200
 *     curl http://localhost:8080/limits                                             # 200
 */
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { limitRefused, rateLimit } from '@sluice/rate-limit'

/** Stands for a service whose work differs from request to request: it says itself what a reply has cost. */
const service = createProxy().handle(async ({ body }) => {
  const words = (await body.text({ maxBytes: 10_000 })).split(/\s+/).filter(Boolean).length
  return Reply.text(`${words} words\n`, { headers: { 'X-Cost': String(words) } })
})
const { address } = await service.listen({ host: '127.0.0.1' })
const words = createUpstream('words', { targets: [address.url] })

const limit = rateLimit({
  policies: [
    // Three at once for each key, and then one every twenty seconds. Without a key it is the client's address that counts.
    { name: 'per-key', limit: 3, windowMs: 60_000, key: { apiKey: 'X-API-Key' } },
    // For everybody: a request is one unit, and each word of it another. What is owed has to be paid off first.
    { name: 'units', limit: 12, windowMs: 3_600_000, key: 'global', replyCost: { header: 'X-Cost' } },
    // Counts and tells, and refuses nobody: is it the right number?
    {
      name: 'maybe',
      limit: 2,
      windowMs: 60_000,
      key: { apiKey: 'X-API-Key' },
      algorithm: 'sliding-window',
      shadow: true,
    },
  ],
  bypass: { header: { name: 'X-Internal', secrets: [process.env.INTERNAL_SECRET ?? 'a secret of our own'] } },
})

limitRefused.subscribe(({ policies, shadow, retryAfterMs }) => {
  const seconds = Math.ceil(retryAfterMs / 1_000)
  console.log(`${shadow ? 'would be refused' : 'refused'} by ${policies.join(', ')}: again in ${seconds} s`)
})

const proxy = createProxy()
  .route({ path: '/words' }, (route) => route.use(limit).forward(words))
  .route({ path: '/limits' }, (route) => route.handle(() => Reply.json(limit.snapshot())))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
