/**
 * However a tunnel ends, both its ends come down: 1,000 endings, at every stage, by either side, in order or not, none of
 * which may leave a socket.
 */
import { activeResources, seededRandom, waitFor } from '@sluice/testing'
import { expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS, type ListenerKind, type TransportKind } from './combinations.ts'
import { gateway } from './gateway.ts'
import { ENDINGS, play, Targets } from './tunnel-endings.ts'

const opened = closing()
const PLAYED = 1_000
/** Of each combination. */
const AT_ONCE = 30
const SEED = 6_455
const LIMITS = { handshakeTimeoutMs: 1_000, tunnelIdleTimeoutMs: 1_000, tunnelMaxAgeMs: 1_500 }

async function playAll(listener: ListenerKind, transport: TransportKind): Promise<number> {
  const targets = opened(new Targets())
  const gate = opened(gateway({ targets: [await targets.listen()], transport, forward: LIMITS }))
  const own = await gate.proxy.listen({ host: '127.0.0.1', listener: listener.create() })
  const random = seededRandom(SEED)
  const cases = Array.from({ length: PLAYED / COMBINATIONS.length }, (_, i) => ENDINGS[i % ENDINGS.length]!)
  cases.sort(() => random() - 0.5)
  const entries = cases.entries()
  const hasTunnel = (id: string): boolean =>
    gate.proxy.tunnels.some(({ exchange }) => exchange!.received.headers.get('x-case') === id)
  const playNext = async (): Promise<void> => {
    for (const [index, ending] of entries)
      await play(ending, String(index), { port: own.address.port, targets, hasTunnel })
  }
  await Promise.all(Array.from({ length: AT_ONCE }, playNext))
  await gate.settled()
  await waitFor(() => own.connections === 0)
  expect(gate.proxy.tunnels).toEqual([])
  // What a pool has kept, or undici has connected anew for a request that was given up, goes with it; a tunnel's would not.
  await gate.proxy.close()
  await waitFor(() => targets.open === 0)
  return cases.length
}

it(`${PLAYED} tunnels that end in every way leave no socket`, { timeout: 60_000 }, async () => {
  const before = activeResources().TCPSocketWrap ?? 0
  const played = await Promise.all(
    COMBINATIONS.map(async ([listener, transport]) => await playAll(listener, transport)),
  )
  expect(played.reduce((sum, each) => sum + each)).toBe(PLAYED)
  await waitFor(() => (activeResources().TCPSocketWrap ?? 0) <= before, {
    what: `sockets to be as many as before: ${before}`,
  })
})
