/**
 * However a tunnel ends, both its ends come down: 1,000 endings, at every stage, by either side, in order or not, none of
 * which may leave a socket. By HTTP/1.1 and by HTTP/2.
 */
import type { ListenOptions } from '@sluice/core'
import { activeResources, seededRandom, waitFor } from '@sluice/testing'
import { expect, it } from 'vitest'
import { closing } from './clean-up.ts'
import { COMBINATIONS, TRANSPORTS, type TransportKind } from './combinations.ts'
import { gateway } from './gateway.ts'
import { http1Clients, http2Clients } from './tunnel-clients.ts'
import { type Ending, endingsOf, play, Targets } from './tunnel-endings.ts'

const opened = closing()
const PLAYED = 1_000
/** Of each combination. */
const AT_ONCE = 30
const SEED = 6_455
const LIMITS = { handshakeTimeoutMs: 2_000, tunnelIdleTimeoutMs: 500, tunnelMaxAgeMs: 800 }
/** How often each is played; those that are stuck take the longest. */
const TIMES = 4
const TIMES_STUCK = 1

interface Combination {
  readonly options: ListenOptions
  readonly transport: TransportKind
  readonly isHttp2: boolean
}

async function playAll({ options, transport, isHttp2 }: Combination): Promise<number> {
  const targets = opened(new Targets())
  const gate = opened(gateway({ targets: [await targets.listen()], transport, forward: LIMITS }))
  const own = await gate.proxy.listen({ host: '127.0.0.1', ...options })
  const { port } = own.address
  const clients = isHttp2 ? await http2Clients(port) : http1Clients(port)
  const random = seededRandom(SEED)
  const cases = endingsOf(isHttp2).flatMap((ending) =>
    Array.from({ length: ending.stage === 'stuck' ? TIMES_STUCK : TIMES }, () => ending),
  )
  // In any order, but for those that take the longest: they begin first.
  const isLong = ({ stage, leaver }: Ending): number => Number(stage === 'stuck' || leaver === 'nobody')
  cases.sort(() => random() - 0.5).sort((a, b) => isLong(b) - isLong(a))
  const entries = cases.entries()
  const hasTunnel = (id: string): boolean =>
    gate.proxy.tunnels.some(({ exchange }) => exchange!.received.headers.get('x-case') === id)
  const playNext = async (): Promise<void> => {
    for (const [index, ending] of entries) await play(ending, String(index), { clients, targets, hasTunnel })
  }
  await Promise.all(Array.from({ length: AT_ONCE }, playNext))
  await gate.settled()
  await clients.close()
  await waitFor(() => own.connections === 0)
  expect(gate.proxy.tunnels).toEqual([])
  // What a pool has kept, or undici has connected anew for a request that was given up, goes with it; a tunnel's would not.
  await gate.proxy.close()
  await waitFor(() => targets.open === 0)
  return cases.length
}

it(`${PLAYED} tunnels that end in every way leave no socket`, { timeout: 60_000 }, async () => {
  const before = activeResources().TCPSocketWrap ?? 0
  const http1 = COMBINATIONS.map(([listener, transport]) => ({
    options: { listener: listener.create() },
    transport,
    isHttp2: false,
  }))
  const http2 = TRANSPORTS.map((transport) => ({
    options: { http2: { cleartext: true } },
    transport,
    isHttp2: true,
  }))
  const played = await Promise.all([...http1, ...http2].map(playAll))
  expect(played.reduce((sum, each) => sum + each)).toBeGreaterThanOrEqual(PLAYED)
  await waitFor(() => (activeResources().TCPSocketWrap ?? 0) <= before, {
    what: `sockets to be as many as before: ${before}`,
  })
})
