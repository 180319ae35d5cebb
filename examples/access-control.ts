/**
 * Who may ask for what: addresses that are kept out, an admin area for the office and for a time of the day, pages of other
 * origins that may read replies, and pages of other sites that may not ask at all. Loopback stands for a load balancer that says who the
 * client is.
 *
 *     node examples/access-control.ts
 *     curl -i -H 'X-Forwarded-For: 198.51.100.7' http://localhost:8080/                        # 200
 *     curl -i -H 'X-Forwarded-For: 203.0.113.7' http://localhost:8080/                         # 403
 *     curl -i -H 'X-Forwarded-For: 198.51.100.7, 203.0.113.7' http://localhost:8080/           # 403
 *     curl -i -H 'X-Forwarded-For: 192.0.2.9' http://localhost:8080/admin/users                # 200
 *     curl -i -H 'X-Forwarded-For: 198.51.100.7' http://localhost:8080/admin/users             # 403
 *     curl -i -H 'X-Forwarded-For: 198.51.100.7' 'http://localhost:8080/Admin;v=1/users'       # 403
 *     curl -i http://localhost:8080/public/..%2fadmin                                          # 400
 *     curl -i -X OPTIONS -H 'Origin: https://app.example.com' -H 'Access-Control-Request-Method: PUT' http://localhost:8080/  # 204
 *     curl -i -H 'Sec-Fetch-Site: cross-site' -H 'Sec-Fetch-Mode: no-cors' -d 'pay=1' http://localhost:8080/                 # 403
 *     curl -X POST -d '198.51.100.7' http://localhost:8080/blocked                             # 200
 *     curl -i -H 'X-Forwarded-For: 198.51.100.7' http://localhost:8080/                        # 403
 *     curl http://localhost:8080/access                                                        # 200
 */
import { accessRefused, accessRules, cidrList, cors, denyAddresses, fetchMetadata } from '@sluice/auth/access'
import { createProxy, createUpstream, Reply } from '@sluice/core'

const target = await createProxy()
  .route({ path: '/*' }, (route) => route.handle(({ request }) => Reply.text(`this is ${request.path}\n`)))
  .listen({ host: '127.0.0.1' })

const users = createUpstream('users', { targets: [target.address.url] })

// From a file it would be `{ file: '/etc/sluice/blocked.txt' }`: looked at every few seconds.
const blocked = cidrList({ name: 'blocked', ranges: ['203.0.113.0/24', '2001:db8:bad::/48'] })

const access = accessRules({
  rules: [
    { name: 'office', action: 'allow', path: '/admin/*', addresses: ['192.0.2.0/24', '::1'] },
    {
      name: 'night shift',
      action: 'allow',
      path: '/admin/status',
      times: { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' },
    },
    { name: 'admin', action: 'deny', path: '/admin/*' },
    // Counts and tells, and refuses nobody: would anybody miss it?
    { name: 'old agents', action: 'deny', headers: { 'User-Agent': /^curl\/7\./ }, shadow: true },
  ],
  default: 'allow',
})

accessRefused.subscribe(({ exchange, guard, rule, shadow }) => {
  console.log(`${shadow ? 'would refuse' : 'refused'} ${exchange.client.address}: ${guard}, ${rule}`)
})

const proxy = createProxy({ forwarded: { trust: ['127.0.0.1', '::1'] } })
  .use(denyAddresses(blocked))
  // Above what refuses pages of other sites: preflights are sent by those.
  .use(cors({ origins: ['https://app.example.com'], methods: ['GET', 'PUT'], maxAgeMs: 600_000 }))
  .use(fetchMetadata({ origins: ['https://app.example.com'] }))
  .use(access)
  .route({ path: '/access' }, (route) => route.handle(() => Reply.json(access.snapshot())))
  .route({ path: '/blocked', method: 'POST' }, (route) =>
    route.handle(async ({ body }) => {
      // What is no address throws, and the list stays as it is.
      blocked.replace((await body.text({ maxBytes: 10_000 })).split('\n'))
      return Reply.text(`${blocked.snapshot().entries} blocked\n`)
    }),
  )
  .route({ path: '/*' }, (route) => route.forward(users))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
