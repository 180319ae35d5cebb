/** Numbers of a listener that are out of their range are refused, before anything listens. */
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
]

it.each(
  [wireListener, nodeListener].flatMap((listener) =>
    WRONG.map((wrong) => [listener.name, ...wrong, listener] as const),
  ),
)('%s: %s %s', async (_listener, name, value, listener) => {
  const proxy = createProxy().handle(() => Reply.empty(204))
  const refused = proxy.listen({ host: '127.0.0.1', listener: listener(), [name]: value })
  await expect(refused).rejects.toMatchObject({ code: 'ERR_SLUICE_CONFIG', path: `listen.${name}` })
})
