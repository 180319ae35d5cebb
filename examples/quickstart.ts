/**
 * The smallest gateway: two targets, one route.
 *
 *     node examples/quickstart.ts
 *     curl http://localhost:8080/users/1          # 200
 *     curl 'http://localhost:8080/users?[1-4]'    # 200 200 200 200
 *     curl -i http://localhost:8080/elsewhere     # 404
 */
import { createProxy, createUpstream, Reply } from '@sluice/core'

// Two small targets, in place of yours.
const one = await createProxy()
  .handle(() => Reply.text('one\n'))
  .listen()
const two = await createProxy()
  .handle(() => Reply.text('two\n'))
  .listen()

const users = createUpstream('users', { targets: [one.address.url, two.address.url] })
const proxy = createProxy().route({ path: '/users/*' }, (route) => route.forward(users))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`curl ${listener.address.url}/users/1`)
