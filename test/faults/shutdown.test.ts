/** Closing a proxy: what is under way may end, nothing new begins, and what takes too long is aborted. */
import { hostileUpstream, listenUpstream, rawClient, waitFor, type RawClient } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS } from './combinations.ts'
import { gateway } from './gateway.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const opened = closing()

function closable(client: RawClient): RawClient & { close(): void } {
  return Object.assign(client, { close: () => client.destroy() })
}

describe.each(COMBINATIONS)('shutdown, $name listener', (listener, transport) => {
  it('an exchange under way ends as it should; new connections are refused meanwhile', async () => {
    let answer!: () => void
    const hold = new Promise<void>((resolve) => (answer = resolve))
    const peer = opened(await listenUpstream(() => ({ hold, body: 'done' })))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const { port } = own.address
    const client = opened(closable(await rawClient({ port })))
    client.write(GET)
    await waitFor(() => peer.requests.length === 1)
    let isClosed = false
    const closed = gate.proxy.close({ drainMs: 5_000 }).then(() => (isClosed = true))
    await expect(rawClient({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect([isClosed, gate.proxy.inFlight]).toEqual([false, 1])
    answer()
    const response = await client.readResponse()
    expect(response).toMatchObject({ status: 200, complete: true, body: Buffer.from('done') })
    expect(response.header('connection')).toBe('close')
    expect(await client.closed).toBe('end')
    await closed
    await waitFor(() => peer.connections === 0 && own.connections === 0)
  })

  it('a kept connection without a request is closed at once', async () => {
    const peer = opened(await listenUpstream(() => ({ body: 'ok' })))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const { port } = own.address
    const used = opened(closable(await rawClient({ port })))
    used.write(GET)
    await used.readResponse()
    const fresh = opened(closable(await rawClient({ port })))
    const half = opened(closable(await rawClient({ port })))
    half.write('GET / HT')
    await waitFor(() => own.connections === 3)
    await gate.proxy.close({ drainMs: 5_000 })
    await Promise.all([used.closed, fresh.closed, half.closed])
    expect(own.connections).toBe(0)
    await waitFor(() => peer.connections === 0)
  })

  it('what is not done after the time to drain is aborted, and not held against the target', async () => {
    const peer = opened(await hostileUpstream({ kind: 'accept-and-hang' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    client.write(GET)
    await waitFor(() => peer.received[0]?.includes('\r\n\r\n') === true)
    await gate.proxy.close({ drainMs: 60 })
    await client.closed
    await waitFor(() => peer.connections === 0 && own.connections === 0)
    await gate.settled()
    expect(gate.verdicts).toEqual([])
  })

  it('a reply that is cut off by it is visibly cut off', async () => {
    const peer = opened(await hostileUpstream({ kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\n\r\nendless' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    client.write(GET)
    await client.readUntil('endless')
    await gate.proxy.close({ drainMs: 60 })
    await client.closed
    expect(client.received.toString()).not.toContain('\r\n0\r\n\r\n')
    expect(gate.verdicts.map(({ phase }) => phase)).toEqual(['replied'])
    await waitFor(() => peer.connections === 0)
  })

  it('a middleware that never answers does not hold it up', async () => {
    const gate = opened(
      gateway({ targets: ['http://127.0.0.1:9'], transport, use: async () => await new Promise(() => {}) }),
    )
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    client.write(GET)
    await waitFor(() => gate.proxy.inFlight === 1)
    await gate.proxy.close({ drainMs: 60 })
    await client.closed
    await gate.settled()
  })

  it('connections that are being made are given up', async () => {
    const peer = opened(await hostileUpstream({ kind: 'hang-connect' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = opened(closable(await rawClient({ port: own.address.port })))
    client.write(GET)
    await waitFor(() => gate.upstream.targets[0]?.active === 1)
    const connecting = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'ConnectWrap').length
    const before = connecting()
    await gate.proxy.close({ drainMs: 0 })
    await waitFor(() => connecting() === before - 1)
  })
})
