import { type Answer, fakeUpstream, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { createProxy, createUpstream, type ForwardOptions, type UpstreamOptions } from '../../src/index.ts'

const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

function setUp(answer: Answer, options: ForwardOptions, more: Partial<UpstreamOptions> = {}) {
  const clock = virtualClock()
  const { transport, requests } = fakeUpstream(() => answer, { clock })
  const upstream = createUpstream('chat', { targets: ['http://chat.test'], transport, clock, ...more })
  const proxy = createProxy({ clock }).forward(upstream, options)
  const codeOf = async (headers: Record<string, string>) => {
    const reply = await proxy.inject({ headers })
    return [reply.status, ((await reply.json()) as { code: string }).code]
  }
  return { clock, proxy, upstream, requests, codeOf }
}

const endless = async function* () {
  yield 'some'
  await new Promise(() => {})
}

describe('the way to a tunnel', () => {
  it('takes no longer than the handshake may', async () => {
    const { clock, codeOf, upstream } = setUp({ hang: true }, { handshakeTimeoutMs: 1_000 })
    const code = codeOf(HANDSHAKE)
    await clock.advanceAsync(999)
    expect(upstream.active).toBe(1)
    await clock.advanceAsync(1)
    expect(await code).toEqual([504, 'ERR_SLUICE_HEAD_TIMEOUT'])
    expect([upstream.active, clock.pending]).toEqual([0, 0])
  })

  it('includes the wait for a place', async () => {
    const { clock, codeOf, requests } = setUp(
      { hang: true },
      { handshakeTimeoutMs: 1_000, headTimeoutMs: 5_000 },
      { maxActive: 1, maxPending: 1 },
    )
    const first = codeOf({})
    const second = codeOf(HANDSHAKE)
    await clock.advanceAsync(1_000)
    expect(await second).toEqual([504, 'ERR_SLUICE_HEAD_TIMEOUT'])
    expect(requests).toHaveLength(1)
    await clock.advanceAsync(4_000)
    await first
  })

  it('is within the total time as well, where that is shorter', async () => {
    const { clock, codeOf } = setUp({ hang: true }, { handshakeTimeoutMs: 1_000, totalTimeoutMs: 500 })
    const code = codeOf(HANDSHAKE)
    await clock.advanceAsync(500)
    expect(await code).toEqual([504, 'ERR_SLUICE_TOTAL_TIMEOUT'])
  })

  it('does not bound the body of another reply', async () => {
    const { clock, proxy } = setUp(
      { body: endless() },
      { handshakeTimeoutMs: 1_000, totalTimeoutMs: 5_000, bodyIdleTimeoutMs: 0 },
    )
    const reply = await proxy.inject({ headers: HANDSHAKE })
    const failed = expect(reply.text()).rejects.toMatchObject({ code: 'ERR_SLUICE_TOTAL_TIMEOUT' })
    await clock.advanceAsync(4_999)
    expect(proxy.inFlight).toBe(1)
    await clock.advanceAsync(1)
    await failed
  })

  it('does not bound a request that asks for no tunnel', async () => {
    const { clock, codeOf, upstream } = setUp({ hang: true }, { handshakeTimeoutMs: 1_000, headTimeoutMs: 5_000 })
    const code = codeOf({})
    await clock.advanceAsync(4_999)
    expect(upstream.active).toBe(1)
    await clock.advanceAsync(1)
    expect(await code).toEqual([504, 'ERR_SLUICE_HEAD_TIMEOUT'])
  })
})
