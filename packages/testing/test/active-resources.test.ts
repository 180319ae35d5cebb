import { describe, expect, it } from 'vitest'
import { activeResources, hostileUpstream, rawClient, waitFor } from '../src/index.ts'

const sockets = (): number => activeResources()['TCPSocketWrap'] ?? 0
const timers = (): number => activeResources()['Timeout'] ?? 0

describe('activeResources', () => {
  it('counts what is open, and sees it go', async () => {
    const before = { sockets: sockets(), timers: timers() }
    const timer = setTimeout(() => {}, 10_000)
    const peer = await hostileUpstream({ kind: 'accept-and-hang' })
    const client = await rawClient({ port: peer.port })
    await waitFor(() => peer.connections === 1)
    expect(sockets()).toBe(before.sockets + 2)
    expect(timers()).toBeGreaterThan(before.timers)
    clearTimeout(timer)
    client.destroy()
    await peer.close()
    await waitFor(() => sockets() === before.sockets)
  })
})

describe('waitFor', () => {
  it('resolves at once, or when the time has come', async () => {
    await waitFor(() => true, { timeoutMs: 0 })
    let ready = false
    setTimeout(() => (ready = true), 10)
    await waitFor(() => ready)
  })

  it('gives up, and says on what', async () => {
    await expect(waitFor(() => false, { timeoutMs: 20 })).rejects.toThrow('20 ms in vain for () => false')
    await expect(waitFor(() => false, { timeoutMs: 5, what: 'Godot' })).rejects.toThrow('for Godot')
  })

  it('throws on what the predicate throws', async () => {
    await expect(
      waitFor(() => {
        throw new Error('broken')
      }),
    ).rejects.toThrow('broken')
  })
})
