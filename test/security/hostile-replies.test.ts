/** Hostile replies: the client gets 502, a visibly broken reply or its own, and nobody ever gets what came behind it. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import {
  createProxy,
  createUpstream,
  nodeListener,
  type Proxy,
  undiciTransport,
  wireListener,
  wireTransport,
} from '@sluice/core'
import { rawClient, waitFor } from '@sluice/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ReplyOutcome, type ReplyPayload, REPLIES } from './corpus/replies.ts'

const WAYS = [
  { name: 'the own engine', isOwn: true, listener: wireListener, transport: wireTransport },
  { name: 'http.Server and undici', isOwn: false, listener: nodeListener, transport: undiciTransport },
]

describe.each(WAYS)('over $name', ({ isOwn, listener, transport }) => {
  let server: Server
  let proxy: Proxy
  let port = 0
  let payload: ReplyPayload
  const sockets = new Set<Socket>()
  /** Targets that came over each connection. */
  const connections: string[][] = []

  beforeAll(async () => {
    server = createServer({ noDelay: true }, (socket) => {
      const targets: string[] = []
      connections.push(targets)
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
      socket.on('data', (bytes) => {
        const target = bytes.toString('latin1').split(' ')[1]!
        targets.push(target)
        if (target.startsWith('/hostile')) {
          socket.write(payload.bytes, 'latin1')
          if (payload.ends === true) socket.end()
        } else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    proxy = createProxy().forward(createUpstream('hostile', { targets: [url], transport: transport() }))
    const { address } = await proxy.listen({ listener: listener(), host: '127.0.0.1' })
    port = address.port
  })
  afterAll(async () => {
    await proxy.close({ drainMs: 0 })
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  for (const [number, each] of REPLIES.entries()) {
    it(each.name, async () => {
      payload = each
      connections.length = 0
      for (const socket of sockets) socket.destroy()
      await waitFor(() => sockets.size === 0, { what: 'the last connections to be gone' })
      const outcome = await outcomeOf(port, `/hostile-${number}`)
      expect([each.outcome, ...(isOwn ? [] : (each.elsewhere ?? []))], 'outcome').toContain(outcome)
      await waitFor(() => proxy.inFlight === 0, { what: 'the exchange to end' })

      const client = await rawClient({ port })
      client.write(`GET /own-${number} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
      const own = await client.readResponse()
      client.destroy()
      expect(own.body.toString('latin1'), 'the reply to the next client').toBe(`/own-${number}`)
      const both = connections.filter((targets) => targets.includes(`/hostile-${number}`) && targets.length > 1)
      if (isOwn || each.isReusedElsewhere !== true) expect(both, 'connections that served on').toEqual([])
    })
  }
})

async function outcomeOf(port: number, target: string): Promise<ReplyOutcome> {
  const client = await rawClient({ port })
  try {
    client.write(`GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
    await client.closed
    const said = client.received.toString('latin1')
    if (said.startsWith('HTTP/1.1 502 ')) return 'refused'
    const response = await client.readResponse()
    expect(response.leftover.toString('latin1'), 'what is behind the reply').toBe('')
    return response.complete ? 'served' : 'cut'
  } catch (error) {
    // A reset may take even the head with it.
    if (/ended before/.test(String(error))) return 'cut'
    throw error
  } finally {
    client.destroy()
  }
}
