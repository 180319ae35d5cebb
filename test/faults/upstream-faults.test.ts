import { hostileUpstream, waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
/** The fault table, through every way in and every transport. */
import { describe, expect, it } from 'vitest'
import { TRANSPORTS, type TransportKind } from './combinations.ts'
import { cutOffFor, faultsFor, type FaultCase } from './fault-table.ts'
import { gateway } from './gateway.ts'
import { SOCKET_WAYS, WAYS_IN, type WayIn } from './ways-in.ts'

describe.each(TRANSPORTS)('upstream faults, $name transport', (transport) => {
  describe.each(WAYS_IN)('through $name', (way) => {
    it.concurrent.each(faultsFor(transport))('$name', async (fault) => await run(way, transport, fault))
  })
  describe.each(SOCKET_WAYS)('to an HTTP/1.0 client through $name', (way) => {
    it.concurrent.each(cutOffFor(transport))('$name', async (fault) => {
      await run(way, transport, { ...fault, request: { ...fault.request, httpVersion: '1.0' } })
    })
  })
})

async function run(way: WayIn, transport: TransportKind, fault: FaultCase): Promise<void> {
  const { behaviour, forward = {}, bounds = {}, request = {}, expected, withinMs = 4_000 } = fault
  const peer = await hostileUpstream(behaviour)
  const gate = gateway({ targets: [peer.url], transport, bounds, forward })
  const open = await way.open(gate.proxy)
  try {
    const startedAt = systemClock.now()
    const seen = await open.send(request)
    expect(systemClock.now() - startedAt).toBeLessThan(withinMs)
    if ('codes' in expected) {
      expect({ ...seen, body: '' }).toEqual({ status: expected.status, body: '', isComplete: true, code: seen.code })
      expect(expected.codes).toContain(seen.code)
      expect(seen.body).not.toContain('127.0.0.1')
      expect(gate.verdicts).toEqual([{ target: peer.url, phase: 'failed', code: seen.code }])
    } else if ('broken' in expected) {
      expect(seen.isComplete, JSON.stringify(seen)).toBe(false)
      await waitFor(() => gate.verdicts.length === 2)
      expect(gate.verdicts.map(({ phase }) => phase)).toEqual(['replied', 'failed'])
    } else {
      expect(seen).toMatchObject({ status: expected.status ?? 200, body: expected.body, isComplete: true })
    }
    await gate.settled()
  } finally {
    await open.close()
    await gate.close()
    await waitFor(() => peer.connections === 0, { what: 'the upstream to be left' }).finally(
      async () => await peer.close(),
    )
  }
}
