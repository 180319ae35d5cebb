/** Options of a listener that are wrong are refused, before anything listens. */
import { expect, it } from 'vitest'
import { createProxy, type ListenOptions, nodeListener, Reply, wireListener } from '../src/index.ts'

const WRONG: readonly [keyof ListenOptions, unknown][] = [
  ['port', 65_536],
  ['port', 80.5],
  ['port', '8080'],
  ['headTimeoutMs', -1],
  ['requestTimeoutMs', Number.NaN],
  ['idleTimeoutMs', '5s'],
  ['bodyIdleTimeoutMs', -1],
  ['sendTimeoutMs', Number.POSITIVE_INFINITY],
  ['maxHeaderBytes', 0],
  ['maxHeaderCount', 0],
  ['maxRequestsPerConnection', -1],
  ['maxConnectionAgeMs', -1],
  ['maxConnections', '10'],
  ['maxHeaderBytes', 100.5],
  ['host', 1],
  ['path', ''],
  ['http2', 'yes'],
  ['allowHalfOpen', 'no'],
  ['tls', null],
  ['listener', {}],
]

it.each(
  [wireListener, nodeListener].flatMap((listener) =>
    WRONG.map((wrong) => [listener.name, ...wrong, listener] as const),
  ),
)('%s: %s %s', async (_listener, name, value, listener) => {
  const proxy = createProxy().handle(() => Reply.empty(204))
  const refused = proxy.listen({
    host: '127.0.0.1',
    ...(name !== 'listener' && { listener: listener() }),
    [name]: value,
  })
  await expect(refused).rejects.toMatchObject({ code: 'ERR_SLUICE_CONFIG', path: `listen.${name}` })
})

it.each([wireListener, nodeListener])('%o listens with the least of each', async (listener) => {
  const proxy = createProxy().handle(() => Reply.empty(204))
  const none = { headTimeoutMs: 0, requestTimeoutMs: 0, idleTimeoutMs: 0, bodyIdleTimeoutMs: 0, sendTimeoutMs: 0 }
  const bounds = { maxRequestsPerConnection: 0, maxConnectionAgeMs: 0, maxConnections: 0 }
  const { address } = await proxy.listen({ host: '127.0.0.1', port: 0, listener: listener(), ...none, ...bounds })
  expect((await fetch(address.url)).status).toBe(204)
  await proxy.close({ drainMs: 0 })
})

it('a node listener takes a time for requests that is shorter than that for heads', async () => {
  const proxy = createProxy().handle(() => Reply.empty(204))
  const options: ListenOptions = { host: '127.0.0.1', listener: nodeListener(), requestTimeoutMs: 30_000 }
  const { address } = await proxy.listen(options)
  expect((await fetch(address.url)).status).toBe(204)
  await proxy.close({ drainMs: 0 })
})
