/** Connections to a target that are kept: those that have gone stale, those that must never be used again, and failover. */
import { setImmediate as turn } from 'node:timers/promises'
import { hostileUpstream, listenUpstream, waitFor } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { TRANSPORTS } from './combinations.ts'
import { gateway } from './gateway.ts'
import { WAYS_IN } from './ways-in.ts'

const opened = closing()

describe.each(TRANSPORTS)('kept connections, $name transport', (transport) => {
  describe.each(WAYS_IN)('through $name', (way) => {
    it.each(['fin', 'reset'] as const)('a GET that a stale connection lost by %s is sent again', async (leave) => {
      const peer = opened(await hostileUpstream({ kind: 'close-idle-after-reply', when: 'second-request', leave }))
      const gate = opened(gateway({ targets: [peer.url], transport }))
      const open = opened(await way.open(gate.proxy))
      expect(await open.send({})).toMatchObject({ status: 200, body: 'hello' })
      await putBack()
      expect(await open.send({ path: '/again' })).toMatchObject({ status: 200, body: 'hello' })
      await waitFor(() => peer.totalConnections === 2)
      expect(peer.received.map((bytes) => bytes.toString().includes('GET /again '))).toEqual([true, true])
    })

    it.each(['fin', 'reset'] as const)('a POST that a stale connection lost by %s is not', async (leave) => {
      const peer = opened(await hostileUpstream({ kind: 'close-idle-after-reply', when: 'second-request', leave }))
      const gate = opened(gateway({ targets: [peer.url], transport }))
      const open = opened(await way.open(gate.proxy))
      await open.send({})
      await putBack()
      const lost = await open.send({ method: 'POST', path: '/pay', body: 'money' })
      expect(lost).toMatchObject({ status: 502, code: 'ERR_SLUICE_CONNECTION_RESET' })
      await gate.settled()
      const sent = Buffer.concat([...peer.received]).toString()
      expect([sent.split('POST /pay ').length - 1, peer.totalConnections]).toEqual([1, 1])
    })

    it.each(['fin', 'reset'] as const)('a connection that was closed while idle by %s costs nothing', async (leave) => {
      const peer = opened(await hostileUpstream({ kind: 'close-idle-after-reply', when: 'idle', leave }))
      const gate = opened(gateway({ targets: [peer.url], transport }))
      const open = opened(await way.open(gate.proxy))
      for (let i = 0; i < 3; i++) {
        expect(await open.send({})).toMatchObject({ status: 200, body: 'hello' })
        await waitFor(() => peer.connections === 0)
        await waitFor(() => gate.upstream.snapshot().targets[0]?.connections.connected === 0)
      }
      expect(await open.send({ method: 'POST', body: 'x' })).toMatchObject({ status: 200, body: 'hello' })
      expect(peer.totalConnections).toBe(4)
    })

    it.each([
      { kind: 'long-content-length', surplus: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison' },
      { kind: 'second-head' },
      { kind: 'long-content-length' },
    ] as const)('what follows a reply ($kind) is nobody’s reply', async (behaviour) => {
      const peer = opened(await hostileUpstream(behaviour))
      const gate = opened(gateway({ targets: [peer.url], transport }))
      const open = opened(await way.open(gate.proxy))
      for (let i = 1; i <= 4; i++) {
        expect(await open.send({ path: `/${i}` })).toMatchObject({ status: 200, body: 'hello' })
      }
      await waitFor(() => peer.totalConnections === 4)
      expect(peer.received.every((bytes) => bytes.toString().split('GET ').length === 2)).toBe(true)
    })
  })
})

describe.each(TRANSPORTS)('failover, $name transport', (transport) => {
  it.each(['GET', 'POST'])('a %s that one target refuses goes to the next, whole and once', async (method) => {
    const refusing = opened(await hostileUpstream({ kind: 'refuse' }))
    const good = opened(await listenUpstream())
    const gate = opened(gateway({ targets: [refusing.url, good.url], transport }))
    const body = 'a body that flows'.repeat(10_000)
    for (let i = 0; i < 4; i++) {
      const chunks = method === 'POST' ? Body.fromStream(streamOf(body)) : Body.empty
      const reply = await gate.proxy.inject({ method, body: chunks })
      expect([reply.status, await reply.json()]).toMatchObject([200, { method, body: method === 'POST' ? body : '' }])
    }
    expect(good.requests).toHaveLength(4)
    const failures = gate.verdicts.filter(({ phase }) => phase === 'failed')
    expect(failures).not.toHaveLength(0)
    for (const { target, code } of failures)
      expect([target, code]).toEqual([refusing.url, 'ERR_SLUICE_CONNECT_REFUSED'])
  })

  it('a POST that times out while connecting goes to the next', async () => {
    const hanging = opened(await hostileUpstream({ kind: 'hang-connect' }))
    const good = opened(await listenUpstream())
    const bounds = { connectTimeoutMs: 100 }
    const gate = opened(gateway({ targets: [hanging.url, good.url], transport, bounds }))
    for (let i = 0; i < 2; i++) {
      const reply = await gate.proxy.inject({ method: 'POST', body: Body.fromStream(streamOf('whole')) })
      expect([reply.status, await reply.json()]).toMatchObject([200, { body: 'whole' }])
    }
    expect(good.requests).toHaveLength(2)
  })

  it('all refusing: the client gets the last failure', async () => {
    const first = opened(await hostileUpstream({ kind: 'refuse' }))
    const second = opened(await hostileUpstream({ kind: 'refuse' }))
    const gate = opened(gateway({ targets: [first.url, second.url], transport }))
    const reply = await gate.proxy.inject({ method: 'POST', body: 'x' })
    expect([reply.status, await reply.json()]).toMatchObject([502, { code: 'ERR_SLUICE_CONNECT_REFUSED' }])
    const tried = new Set(reply.exchange.attempts.map(({ target }) => target.url.origin))
    expect(tried).toEqual(new Set([first.url, second.url]))
  })
})

/** A transport may take a turn of the event loop before it uses a connection again. */
async function putBack(): Promise<void> {
  await turn()
  await turn()
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(text)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += 1_000)))
      else controller.close()
    },
  })
}
