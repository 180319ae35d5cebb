/**
 * Three middlewares of one's own: one that sets a slot, one that needs it, and one that looks at the reply. A chain in
 * which the need comes before its provider does not compile.
 *
 *     node examples/custom-middleware.ts
 *     curl -i http://localhost:8080/report                          # 400
 *     curl -i -H 'X-Tenant: acme' http://localhost:8080/report      # 200
 *     curl -i -H 'X-Tenant: umbrella' http://localhost:8080/report  # 403
 */
import {
  createProxy,
  createUpstream,
  defineMiddleware,
  defineSlot,
  type Has,
  type Middleware,
  Reply,
} from '@sluice/core'

/** For which customer a request is. */
const tenant = defineSlot<string>()('example.tenant')

/** Sets the slot, or refuses: an expected refusal is a reply, not an error. */
const readTenant: Middleware<unknown, Has<typeof tenant>> = (exchange, next) => {
  const name = exchange.request.headers.get('x-tenant')
  if (name === undefined) return Reply.text('which tenant?\n', { status: 400 })
  return next(exchange.set(tenant, name))
}

/** Needs the slot. An arrow function that a call returns has no name; `defineMiddleware` gives it one for `explain()`. */
function onlyFor(allowed: readonly string[]): Middleware<Has<typeof tenant>> {
  return defineMiddleware('onlyFor', (exchange, next) => {
    if (!allowed.includes(exchange.get(tenant))) return Reply.text('not for you\n', { status: 403 })
    return next(exchange)
  })
}

/** Looks at the reply on its way back. It waits, so it says `await`. */
const timing: Middleware = async (exchange, next) => {
  const reply = await next(exchange)
  const duration = exchange.clock.now() - exchange.startedAt
  reply.headers.append('Server-Timing', `gateway;dur=${duration.toFixed(1)}`)
  return reply
}

const target = await createProxy()
  .handle(({ request }) => Reply.text(`a report for ${request.headers.get('x-tenant')}\n`))
  .listen()
const reports = createUpstream('reports', { targets: [target.address.url] })

const proxy = createProxy()
  .use(timing)
  .route({ path: '/report' }, (route) =>
    route
      .use(readTenant)
      .use(onlyFor(['acme']))
      .forward(reports),
  )

// @ts-expect-error -- nothing before it sets the slot "example.tenant"
createProxy().use(onlyFor(['acme']))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
