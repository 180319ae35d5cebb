import { listenUpstream, waitFor } from '@sluice/testing'
import { Agent } from 'undici'
import { describe, expect, it } from 'vitest'
import { createProxy, createUpstream, undiciTransport } from '../../src/index.ts'

describe('a target that is removed', () => {
  it('loses its idle connections', async () => {
    const [first, second] = await Promise.all([listenUpstream(), listenUpstream()])
    const transport = undiciTransport()
    const upstream = createUpstream('users', { targets: [first.url, second.url], transport })
    const proxy = createProxy().forward(upstream)
    try {
      for (let i = 0; i < 2; i++) await (await proxy.inject()).text()
      expect([first.connections, second.connections]).toEqual([1, 1])
      await upstream.remove(first.url)
      await waitFor(() => first.connections === 0)
      expect(second.connections).toBe(1)
      // One that is forgotten and asked again has new ones.
      transport.forget!(upstream.targets[0]!)
      await waitFor(() => second.connections === 0)
      expect((await proxy.inject()).status).toBe(200)
    } finally {
      await upstream.destroy()
      await Promise.all([first.close(), second.close()])
    }
  })

  it('leaves a dispatcher of the user’s open, and nothing of its own there', async () => {
    const [first, second] = await Promise.all([listenUpstream(), listenUpstream()])
    const dispatcher = new Agent()
    const before = dispatcher.listenerCount('connect')
    const upstream = createUpstream('users', {
      targets: [first.url, second.url],
      transport: undiciTransport({ dispatcher }),
    })
    const proxy = createProxy().forward(upstream)
    try {
      for (let i = 0; i < 2; i++) await (await proxy.inject()).text()
      expect(dispatcher.listenerCount('connect')).toBe(before + 2)
      await upstream.remove(first.url)
      expect(dispatcher.listenerCount('connect')).toBe(before + 1)
      expect((await proxy.inject()).status).toBe(200)
      expect(first.connections).toBe(1)
    } finally {
      await upstream.destroy()
      await dispatcher.destroy()
      await Promise.all([first.close(), second.close()])
    }
  })
})
