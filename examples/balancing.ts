/**
 * Four ways to choose among the same three targets, and a look at how the choice is made.
 *
 *     node examples/balancing.ts
 *     curl 'http://localhost:8080/fair?[1-5]'              # 200 200 200 200 200
 *     curl 'http://localhost:8080/quick?[1-8]'             # 200 200 200 200 200 200 200 200
 *     curl 'http://localhost:8080/pictures/cat?[1-3]'      # 200 200 200
 *     curl 'http://localhost:8080/pictures/dog?[1-3]'      # 200 200 200
 *     curl -b '' 'http://localhost:8080/shop?[1-4]'        # 200 200 200 200
 *     curl -X POST http://localhost:8080/drain/berlin      # 200
 *     curl 'http://localhost:8080/explain?path=/fair'      # 200
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { peakEwma, powerOfTwoChoices, ringHash, stickySessions, weightedRoundRobin } from '@sluice/balancers'
import { createProxy, createUpstream, type Proxy, Reply } from '@sluice/core'

/** Each says its name; Oslo is far away. */
async function startTarget(name: string, weight: number, delayMs = 0) {
  const { address } = await createProxy()
    .handle(async () => {
      await sleep(delayMs)
      return Reply.text(`${name}\n`)
    })
    .listen()
  return { url: address.url, weight, metadata: { name } }
}

const targets = [await startTarget('berlin', 3), await startTarget('paris', 1), await startTarget('oslo', 1, 200)]

// By weight, and evenly spread: berlin, paris, berlin, oslo, berlin.
const fair = createUpstream('fair', { targets, balancer: weightedRoundRobin() })

// By how long each took lately, and how much it has under way: Oslo is asked now and then, to see if it has come nearer.
const equals = targets.map((target) => ({ ...target, weight: 1 }))
const quick = createUpstream('quick', { targets: equals, balancer: peakEwma() })

// By what is asked for, so that each target caches its own part. When one leaves, only its part moves; and nobody has much
// more to do than the others, however popular one picture is.
const pictures = createUpstream('pictures', { targets, balancer: ringHash({ key: 'path', boundedLoad: 1.25 }) })

// The first choice by any balancer, then the same again: a signed cookie says who serves this client.
const shop = createUpstream('shop', {
  targets,
  balancer: stickySessions({
    secret: process.env.SESSION_SECRET ?? 'only for trying it out',
    balancer: powerOfTwoChoices(),
    // This is plain HTTP. Leave it out behind TLS.
    secure: false,
  }),
})

const proxy: Proxy = createProxy()
  .route({ path: '/fair' }, (route) => route.forward(fair))
  .route({ path: '/quick' }, (route) => route.forward(quick))
  .route({ path: '/pictures/*' }, (route) => route.forward(pictures))
  .route({ path: '/shop' }, (route) => route.forward(shop))
  // Finishes what it has, keeps its sessions, and gets nothing new.
  .route({ path: '/drain/:name', method: 'POST' }, (route) =>
    route.handle(({ params }) => {
      const target = targets.find(({ metadata }) => metadata.name === params.name)
      if (target === undefined) return Reply.text('there is no such target\n', { status: 404 })
      for (const upstream of [fair, quick, pictures, shop]) void upstream.drain(target.url)
      return Reply.text(`${params.name} drains\n`)
    }),
  )
  // Which route, which balancer, and for each target whether it may be picked, and why not.
  .route({ path: '/explain' }, (route) =>
    route.handle(({ request }) => {
      const { upstream } = proxy.explain({ path: request.query.get('path') ?? '/' })
      if (upstream === undefined) return Reply.text('nothing is forwarded there\n', { status: 404 })
      return Reply.json({
        balancer: upstream.balancer.name,
        targets: upstream.targets.map(({ url, weight, admitted, reasons }) => ({ url, weight, admitted, reasons })),
      })
    }),
  )

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
