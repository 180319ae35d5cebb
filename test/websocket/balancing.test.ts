/** A tunnel counts as load for as long as it lives. */
import { leastConnections } from '@sluice/balancers'
import { createProxy, createUpstream, type UpstreamOptions } from '@sluice/core'
import { seededRandom, waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { closing } from '../faults/clean-up.ts'
import { TRANSPORTS } from '../faults/combinations.ts'
import { ECHO_CLIENTS } from './echo-clients.ts'
import { echoTarget } from './echo-target.ts'
import { WAYS_IN } from './ways-in.ts'

const [ws] = ECHO_CLIENTS
const opened = closing()

describe.each(TRANSPORTS)('tunnels over the $name transport', (transport) => {
  async function between(count: number, options: Partial<UpstreamOptions>) {
    const targets = await Promise.all(Array.from({ length: count }, async () => opened(await echoTarget(1_000))))
    const upstream = createUpstream('echo', {
      targets: targets.map(({ url }) => url),
      transport: transport.create({}),
      random: seededRandom(1),
      ...options,
    })
    const proxy = createProxy().forward(upstream)
    opened({ close: async () => await proxy.close({ drainMs: 0 }) })
    const way = opened(await WAYS_IN[0]!.open(proxy))
    const open = async () => await ws!.open(way)
    return { upstream, proxy, open, loads: () => upstream.targets.map(({ active }) => active) }
  }

  it('are spread by how many there are', async () => {
    const { open, loads } = await between(2, { balancer: leastConnections() })
    const clients = [await open(), await open(), await open(), await open()]
    expect(loads()).toEqual([2, 2])
    const [first, , third] = clients
    await Promise.all([first!.close(), third!.close()])
    await waitFor(() => loads().reduce((sum, each) => sum + each) === 2)
    await Promise.all([open(), open()])
    expect(loads()).toEqual([2, 2])
  })

  it('are no more at a target than it may have; the next waits until one is closed', async () => {
    const { open, loads, upstream } = await between(1, { maxActivePerTarget: 1, maxPending: 1 })
    const first = await open()
    const second = open()
    await waitFor(() => upstream.snapshot().pending === 1)
    await expect(open()).rejects.toThrow('503')
    await first.close()
    await (await second).close()
    await waitFor(() => loads()[0] === 0)
  })

  it('keep a target that drains until they are closed', async () => {
    const { open, upstream } = await between(2, {})
    const client = await open()
    const target = upstream.targets.find(({ active }) => active === 1)!
    let isDrained = false
    const drained = upstream.drain(target.key).then(() => (isDrained = true))
    client.send('still here')
    expect(await client.next()).toBe('still here')
    expect(isDrained).toBe(false)
    await client.close()
    await drained
  })
})
