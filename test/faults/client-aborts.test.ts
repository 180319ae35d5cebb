import {
  activeResources,
  hostileUpstream,
  rawClient,
  waitFor,
  type HostileBehaviour,
  type RawClient,
} from '@sluice/testing'
/** A client that leaves takes its exchange along, whatever it was at: at once, and without a trace. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS } from './combinations.ts'
import { gateway, type Gateway } from './gateway.ts'

/** The connection that an upstream has accepted in this try. */
interface Latest {
  has(text: string): boolean
}

interface Stage {
  readonly name: string
  readonly behaviour: HostileBehaviour
  readonly request: string
  /** Resolves when the exchange has come that far. */
  readonly reached: (peer: Latest, client: RawClient, gate: Gateway) => Promise<unknown>
  /** What the gates have learned by then. */
  readonly verdicts: readonly string[]
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const TRIES = 5

const STAGES: readonly Stage[] = [
  {
    name: 'before the upstream connected',
    behaviour: { kind: 'hang-connect' },
    request: GET,
    reached: async (_peer, _client, { upstream }) => await waitFor(() => upstream.targets[0]?.active === 1),
    verdicts: [],
  },
  {
    name: 'while the request body is on its way',
    behaviour: { kind: 'accept-and-hang' },
    request: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n0123456789`,
    reached: async (peer) => await waitFor(() => peer.has('0123456789')),
    verdicts: [],
  },
  {
    name: 'while a chunked request body is on its way',
    behaviour: { kind: 'accept-and-hang' },
    request: `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n`,
    reached: async (peer) => await waitFor(() => peer.has('0123456789')),
    verdicts: [],
  },
  {
    name: 'after the request, before the head',
    behaviour: { kind: 'accept-and-hang' },
    request: GET,
    reached: async (peer) => await waitFor(() => peer.has('\r\n\r\n')),
    verdicts: [],
  },
  {
    name: 'after a request with a body, before the head',
    behaviour: { kind: 'accept-and-hang' },
    request: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789`,
    reached: async (peer) => await waitFor(() => peer.has('0123456789')),
    verdicts: [],
  },
  {
    name: 'in the middle of the reply',
    behaviour: { kind: 'stall-mid-body' },
    request: GET,
    reached: async (_peer, client) => await client.readUntil('0123456789'),
    verdicts: ['replied'],
  },
  {
    name: 'while the reply drips',
    behaviour: { kind: 'drip', part: 'body', everyMs: 100 },
    request: GET,
    reached: async (_peer, client) => await client.readUntil('\r\n\r\nh'),
    verdicts: ['replied'],
  },
]

const LEAVING: readonly (readonly [how: string, leave: (client: RawClient) => void])[] = [
  ['FIN', (client) => client.end()],
  ['RST', (client) => client.reset()],
]

const opened = closing()
const SOCKETS = ['TCPSocketWrap', 'TCPServerWrap', 'TCPConnectWrap']
let before: Record<string, number> = {}
beforeEach(() => {
  before = activeResources()
})
afterEach(async () => {
  await opened.done()
  const count = (kinds: Record<string, number>): number[] => SOCKETS.map((kind) => kinds[kind] ?? 0)
  await waitFor(() => count(activeResources()).every((now, i) => now <= (count(before)[i] ?? 0)), {
    what: `no socket to be left: ${JSON.stringify([before, activeResources()])}`,
  })
})

describe.each(COMBINATIONS)('client aborts, $name listener', (listener, transport) => {
  describe.each(STAGES)('$name', ({ behaviour, request, reached, verdicts }) => {
    it.each(LEAVING)('by %s', async (_, leave) => {
      const peer = opened(await hostileUpstream(behaviour))
      const gate = opened(gateway({ targets: [peer.url], transport }))
      const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
      const target = gate.upstream.targets[0]!
      for (let i = 0; i < TRIES; i++) {
        const client = await rawClient({ port: own.address.port })
        client.write(request)
        await reached({ has: (text) => peer.received[i]?.includes(text) === true }, client, gate)
        leave(client)
        // Long before any timeout of the gateway's.
        await waitFor(() => peer.connections === 0 && target.active === 0, { intervalMs: 0 })
        await gate.settled()
        await waitFor(() => own.connections === 0)
        client.destroy()
      }
      expect(gate.verdicts.map(({ phase }) => phase)).toEqual(Array.from({ length: TRIES }, () => verdicts).flat())
    })
  })

  it('takes every pipelined request along', async () => {
    const peer = opened(await hostileUpstream({ kind: 'accept-and-hang' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = await rawClient({ port: own.address.port })
    client.write(GET + GET + GET)
    const underWay = Math.min(3, listener.pipelined)
    await waitFor(() => peer.received.filter((bytes) => bytes.length > 0).length === underWay)
    client.reset()
    await waitFor(() => peer.connections === 0)
    await gate.settled()
    expect(gate.verdicts).toEqual([])
  })

  it('a pipelined request whose upstream breaks off has the connection broken in its turn', async () => {
    const peer = opened(await hostileUpstream({ kind: 'fin-mid-body' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
    const client = await rawClient({ port: own.address.port })
    client.write(GET + GET)
    expect(await client.closed).not.toBe('close')
    await gate.settled()
    await waitFor(() => own.connections === 0)
  })
})

describe.each(COMBINATIONS)('a reader that gives up, %o', (_, transport) => {
  it('of an injected reply: the upstream is left, and not to blame', async () => {
    const peer = opened(await hostileUpstream({ kind: 'stall-mid-body' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    for (const giveUp of ['cancel', 'destroy'] as const) {
      const reply = await gate.proxy.inject()
      if (giveUp === 'cancel') reply.body.cancel()
      else {
        const readable = reply.body.readable()
        readable.on('error', () => {})
        readable.read()
        readable.destroy()
      }
      await waitFor(() => peer.connections === 0)
      await gate.settled()
      expect(reply.exchange.attempts[0]).toMatchObject({
        phase: 'cancelled',
        error: { code: 'ERR_SLUICE_CLIENT_ABORT' },
      })
    }
    expect(gate.verdicts.map(({ phase }) => phase)).toEqual(['replied', 'replied'])
  })

  it('of a fetched reply, by cancelling its body or aborting its signal', async () => {
    const peer = opened(await hostileUpstream({ kind: 'stall-mid-body' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const first = await gate.proxy.fetch(new Request('http://a/'))
    await first.body?.cancel()
    await waitFor(() => peer.connections === 0)
    await gate.settled()
    const abort = new AbortController()
    const second = await gate.proxy.fetch(new Request('http://a/', { signal: abort.signal }))
    abort.abort()
    await expect(second.text()).rejects.toThrow('The client went away.')
    await waitFor(() => peer.connections === 0)
    await gate.settled()
    expect(gate.verdicts.map(({ phase }) => phase)).toEqual(['replied', 'replied'])
  })

  it('a request body that fails on its way says nothing against the target', async () => {
    const peer = opened(await hostileUpstream({ kind: 'accept-and-hang' }))
    const gate = opened(gateway({ targets: [peer.url], transport }))
    const failing = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from('some of it'))
      },
      async pull(controller) {
        await waitFor(() => peer.received[0]?.includes('some of it') === true)
        controller.error(new Error('the disk is gone'))
      },
    })
    const reply = await gate.proxy.fetch(new Request('http://a/', { method: 'POST', body: failing, duplex: 'half' }))
    expect([reply.status, await reply.json()]).toMatchObject([499, { code: 'ERR_SLUICE_CLIENT_ABORT' }])
    await waitFor(() => peer.connections === 0)
    await gate.settled()
    expect(gate.verdicts).toEqual([])
  })
})
