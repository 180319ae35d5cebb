/**
 * A target goes away, and requests go on: an attempt that reached nobody is made again at another target. The reply says
 * which targets were tried.
 *
 *     node examples/failover.ts
 *     curl -i 'http://localhost:8080/?[1-2]'      # 200 200
 *     curl -X POST http://localhost:8080/stop     # 200
 *     curl -i 'http://localhost:8080/?[1-4]'      # 200 200 200 200
 */
import { createProxy, createUpstream, type Middleware, Reply } from '@sluice/core'

const one = createProxy().handle(() => Reply.text('one\n'))
const two = createProxy().handle(() => Reply.text('two\n'))
const pool = createUpstream('pool', {
  targets: [
    { url: (await one.listen()).address.url, metadata: { name: 'one' } },
    { url: (await two.listen()).address.url, metadata: { name: 'two' } },
  ],
})

/** Names the targets of all attempts, in order. */
const tried: Middleware = async (exchange, next) => {
  const reply = await next(exchange)
  const names = exchange.attempts.map(({ target, error }) => `${target.metadata.name}=${error?.code ?? 'ok'}`)
  reply.headers.set('X-Tried', names.join(', '))
  return reply
}

const proxy = createProxy()
  .route({ path: '/stop', method: 'POST' }, (route) =>
    route.handle(async () => {
      await one.close({ drainMs: 0 })
      return Reply.text('one is stopped\n')
    }),
  )
  .route({ path: '/*' }, (route) => route.use(tried).forward(pool, { maxConnectAttempts: 2 }))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
