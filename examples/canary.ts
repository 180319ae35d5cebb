/**
 * A new version gets 5 % of the clients, then half of them, then none, while requests go on. Who has met one version stays with
 * it, as long as it gets any clients at all.
 *
 *     node examples/canary.ts
 *     curl http://localhost:8080/sample                        # 200
 *     curl -b '' 'http://localhost:8080/?[1-5]'                # 200 200 200 200 200
 *     curl -X PUT -d 50 http://localhost:8080/canary/share     # 200
 *     curl http://localhost:8080/sample                        # 200
 *     curl -X PUT -d 0 http://localhost:8080/canary/share      # 200
 *     curl http://localhost:8080/sample                        # 200
 *     curl -X PUT -d 101 http://localhost:8080/canary/share    # 400
 */
import { stickySessions, weightedRoundRobin } from '@sluice/balancers'
import { createProxy, createUpstream, type Proxy, Reply } from '@sluice/core'

const stable = await createProxy()
  .handle(() => Reply.text('version 1\n'))
  .listen()
const canary = await createProxy()
  .handle(() => Reply.text('version 2\n'))
  .listen()

const shop = createUpstream('shop', {
  targets: [
    { url: stable.address.url, weight: 95 },
    { url: canary.address.url, weight: 5 },
  ],
  balancer: stickySessions({
    secret: process.env.SESSION_SECRET ?? 'only for trying it out',
    // Of a hundred new clients exactly as many as the weights say, in whatever order they come.
    balancer: weightedRoundRobin(),
    // Nobody is bound for good: after an hour the dice are thrown again.
    maxAgeSeconds: 3_600,
    // This is plain HTTP. Leave it out behind TLS.
    secure: false,
  }),
})

/** At once, for all requests that come from now on. What is under way is not touched. */
function setShare(percent: number): void {
  shop.update(stable.address.url, { weight: 100 - percent })
  shop.update(canary.address.url, { weight: percent })
}

const proxy: Proxy = createProxy()
  .route({ path: '/canary/share', method: 'PUT' }, (route) =>
    route.handle(async ({ request }) => {
      const percent = Number(await request.body.text({ maxBytes: 10 }))
      if (!(percent >= 0 && percent <= 100)) return Reply.text('a number from 0 to 100, please\n', { status: 400 })
      setShare(percent)
      return Reply.text(`version 2 gets ${percent} %\n`)
    }),
  )
  // What a hundred clients get that have not been here before.
  .route({ path: '/sample' }, (route) =>
    route.handle(async () => {
      const counts: Record<string, number> = {}
      for (let i = 0; i < 100; i++) {
        const version = (await (await proxy.inject({ path: '/' })).text()).trim()
        counts[version] = (counts[version] ?? 0) + 1
      }
      return Reply.json(counts)
    }),
  )
  .route({ path: '/' }, (route) => route.forward(shop))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
