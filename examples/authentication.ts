/**
 * People with passwords, machines with keys, and what each may do; the upstream is told who it is.
 *
 *     node examples/authentication.ts
 *     curl -i http://localhost:8080/orders                                          # 401
 *     curl -u 'ada:correct horse' http://localhost:8080/orders                      # 200
 *     curl -u 'ada:wrong' http://localhost:8080/orders                              # 401
 *     curl -u 'ada:correct horse' -H 'X-User: eve' http://localhost:8080/orders     # 200
 *     curl -H 'X-API-Key: 7b0c2a5de1f3498690aa' http://localhost:8080/orders        # 200
 *     curl -X DELETE -H 'X-API-Key: 7b0c2a5de1f3498690aa' http://localhost:8080/orders  # 403
 *     curl -X DELETE -u 'ada:correct horse' http://localhost:8080/orders            # 200
 *     curl http://localhost:8080/hello                                              # 200
 *     curl -u 'bob:tr0ub4dor' http://localhost:8080/hello                           # 200
 *     curl http://localhost:8080/counts                                             # 200
 */
import { anyOf, apiKey, basic, identity, optional, passIdentity, refused, requireIdentity } from '@sluice/auth'
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { rateLimit } from '@sluice/rate-limit'

/** Stands for a service that trusts the gateway, and only it. */
const service = createProxy().handle(({ request }) =>
  Reply.text(`${request.method} by ${request.headers.get('x-user')} (${request.headers.get('x-scopes')})\n`),
)
const { address } = await service.listen({ host: '127.0.0.1' })
const orders = createUpstream('orders', { targets: [address.url] })

const people = basic({
  realm: 'orders',
  users: {
    // As `htpasswd -nB` writes it. In a file of its own: { htpasswdFile: '/etc/gateway/users' }
    ada: {
      passwordHash: '$2y$10$gWAdRXrA6jTT4SgBqplCJentgFPWTloBgZdX38FYTCZVNO9nW/beq',
      scopes: ['orders:read', 'orders:write'],
    },
    bob: { password: process.env.BOB_PASSWORD ?? 'tr0ub4dor' },
  },
  cache: { ttlMs: 300_000 },
})
const machines = apiKey({
  keys: [
    {
      // printf %s "$KEY" | sha256sum
      sha256: '70708b3e5101929d6adf45bdf7b2ebe0e516c0a6f26427de9a63222942272ae1',
      subject: 'shop',
      scopes: ['orders:read'],
    },
  ],
})
const either = anyOf(people, machines)

refused.subscribe(({ strategy, status, reason }) => console.log(`${status} by ${strategy}: ${reason}`))

const proxy = createProxy()
  .route({ path: '/hello' }, (route) =>
    route.use(optional(people)).handle((x) => Reply.text(`hello, ${x.peek(identity)?.subject ?? 'stranger'}\n`)),
  )
  .route({ path: '/counts' }, (route) => route.handle(() => Reply.json(either.snapshot())))
  .route({ path: '/orders' }, (route) =>
    route
      // Before anybody is known: whoever guesses passwords does not guess many.
      .use(rateLimit({ name: 'guesses', limit: 300, windowMs: 60_000 }))
      .use(either)
      .use(rateLimit({ name: 'per-client', limit: 100, windowMs: 60_000, key: (x) => x.get(identity).subject }))
      .use(passIdentity({ headers: { 'X-User': 'subject', 'X-Scopes': 'scopes' } }))
      .route({ method: ['GET', 'HEAD'] }, (reading) =>
        reading.use(requireIdentity({ scopes: ['orders:read'] })).forward(orders),
      )
      .route({}, (writing) => writing.use(requireIdentity({ scopes: ['orders:write'] })).forward(orders)),
  )

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
