/**
 * A target is killed and comes back, and clients see nothing of it. Watch the log meanwhile.
 *
 *     node examples/failover.ts
 *     curl 'http://localhost:8080/?[1-3]'             # 200 200 200
 *     curl -X POST http://localhost:8080/kill/one     # 200
 *     curl -i 'http://localhost:8080/?[1-9]'          # 200 200 200 200 200 200 200 200 200
 *     curl http://localhost:8080/targets              # 200
 *     curl -X POST http://localhost:8080/start/one    # 200
 *     curl http://localhost:8080/targets              # 200
 *     curl 'http://localhost:8080/?[1-3]'             # 200 200 200
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { weightedRoundRobin } from '@sluice/balancers'
import { createProxy, createUpstream, type Middleware, type Proxy, Reply } from '@sluice/core'
import {
  activeHealth,
  outlierEjection,
  retried,
  retry,
  slowStart,
  targetEjected,
  targetHealthChanged,
  targetReturned,
} from '@sluice/resilience'

/** A small server that can be killed, and started again where it was. */
class DemoTarget {
  readonly name: string
  url = 'http://127.0.0.1:0'
  #proxy: Proxy | undefined

  constructor(name: string) {
    this.name = name
  }

  async start(): Promise<void> {
    if (this.#proxy !== undefined) return
    this.#proxy = createProxy().handle(() => Reply.text(`${this.name}\n`))
    const { address } = await this.#proxy.listen({ host: '127.0.0.1', port: Number(new URL(this.url).port) })
    this.url = address.url
  }

  async kill(): Promise<void> {
    await this.#proxy?.close({ drainMs: 0 })
    this.#proxy = undefined
  }
}

const demo = ['one', 'two', 'three'].map((name) => new DemoTarget(name))
await Promise.all(demo.map((target) => target.start()))

const pool = createUpstream('pool', {
  targets: demo.map(({ url, name }) => ({ url, metadata: { name } })),
  // Knows weights, which slow start needs.
  balancer: weightedRoundRobin(),
  // With fewer than half of the targets left it is better to try them all.
  panicThreshold: 0.5,
  gates: [
    // Asks each target how it is: finds out that one is back, without a client's request being spent on that.
    activeHealth({ path: '/', intervalMs: 500, timeoutMs: 400, unhealthyAfter: 2, healthyAfter: 2 }),
    // Sees what clients see, and is quicker: three failures in a row are enough.
    outlierEjection({ consecutiveGatewayErrors: 3, ejectionMs: 1_000 }),
    // Whoever comes back begins with a tenth of its share, and has all of it after two seconds.
    slowStart({ windowMs: 2_000 }),
  ],
})

const nameOf = (key: string) => demo.find(({ url }) => url === key)?.name
targetEjected.subscribe(({ target, cause }) => console.log(`${nameOf(target)} is left out: ${cause}`))
targetReturned.subscribe(({ target }) => console.log(`${nameOf(target)} gets another chance`))
targetHealthChanged.subscribe(({ target, healthy, problem }) =>
  console.log(`${nameOf(target)} is ${healthy ? 'well' : `not well: ${problem}`}`),
)
retried.subscribe(({ tryNumber, reason }) => console.log(`try ${tryNumber}, after ${reason}`))

/** Names the targets of all attempts, in order. */
const tried: Middleware = async (exchange, next) => {
  const reply = await next(exchange)
  const names = exchange.attempts.map(({ target, error }) => `${target.metadata.name}=${error?.code ?? 'ok'}`)
  reply.headers.set('X-Tried', names.join(', '))
  return reply
}

const proxy = createProxy()
  .route({ path: '/kill/:name', method: 'POST' }, (route) =>
    route.handle(async ({ params }) => {
      await demo.find(({ name }) => name === params.name)?.kill()
      return Reply.text(`${params.name} is gone\n`)
    }),
  )
  .route({ path: '/start/:name', method: 'POST' }, (route) =>
    route.handle(async ({ params }) => {
      const target = demo.find(({ name }) => name === params.name)
      await target?.start()
      // Its probes have to go well, and its ejection has to be over.
      while (pool.snapshot().targets.some(({ key, admitted }) => key === target?.url && !admitted)) await sleep(50)
      return Reply.text(`${params.name} is used again\n`)
    }),
  )
  .route({ path: '/targets' }, (route) =>
    route.handle(() =>
      Reply.json(
        pool.snapshot().targets.map(({ key, effectiveWeight, reasons }) => ({
          name: nameOf(key),
          weight: effectiveWeight,
          reasons,
        })),
      ),
    ),
  )
  .route({ path: '/' }, (route) =>
    route
      .use(tried)
      // A request that can be repeated is, at another target, until one has answered: within a budget.
      .use(retry({ tryTimeoutMs: 2_000 }))
      .forward(pool),
  )

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
