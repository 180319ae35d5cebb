/**
 * A small gateway in a process of its own, for tests that ask whether it survives. Its arguments are the origins of its
 * upstreams: `/0/...` goes to the first. It tells its parent the port, and answers `/state` by itself.
 */
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { Body } from '@sluice/wire'
import { COMBINATIONS } from './combinations.ts'

const [, , combination, ...origins] = process.argv
const [listener, transport] = COMBINATIONS[Number(combination)]!

const bounds = { connectTimeoutMs: 200, idleTimeoutMs: 500 }
const upstreams = origins.map((origin, index) =>
  createUpstream(`u${index}`, { targets: [origin], transport: transport.create(bounds) }),
)
const proxy = createProxy()
for (const [index, upstream] of upstreams.entries()) {
  const limits = { headTimeoutMs: 300, bodyIdleTimeoutMs: 300, totalTimeoutMs: 1_000 }
  proxy.route({ path: `/${index}/*` }, (route) => route.forward(upstream, limits))
}
proxy.route({ path: '/early/*' }, (route) => route.handle(() => new Reply(401, undefined, Body.of('no'))))
proxy.route({ path: '/state' }, (route) =>
  route.handle(() => {
    const active = upstreams.flatMap(({ targets }) => targets).reduce((sum, target) => sum + target.active, 0)
    // The request that asks is one of those under way.
    const state = { inFlight: proxy.inFlight - 1, active, connections: own.connections - 1 }
    return new Reply(200, undefined, Body.of(JSON.stringify(state)))
  }),
)

const own = await proxy.listen({
  host: '127.0.0.1',
  headTimeoutMs: 1_000,
  requestTimeoutMs: 2_000,
  idleTimeoutMs: 500,
  listener: listener.create(),
  // Half of them: the others take their connections without a look at how they begin.
  http2: { cleartext: Number(combination) % 3 !== 0 },
})
process.once('disconnect', () => process.exit())
process.send!(own.address.port)
