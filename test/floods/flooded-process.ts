/**
 * A proxy in a process of its own, so that what a flood costs it can be told from what it costs the flood. Its arguments are the
 * URLs of two targets: the one of `/ok`, and that of attackers. It tells its parent the ports, and its state whenever it is asked.
 */
import { createProxy, createUpstream, type Upstream, wireListener, wireTransport } from '@sluice/core'
import { certificateAuthority } from '@sluice/testing'

const [, , ordinary, attacked] = process.argv as [string, string, string, string]
const TIMEOUT_MS = 1_500
const LIMITS = { headTimeoutMs: TIMEOUT_MS, bodyIdleTimeoutMs: TIMEOUT_MS, sendTimeoutMs: TIMEOUT_MS }

const upstream = (name: string, target: string): Upstream =>
  createUpstream(name, { targets: [target], transport: wireTransport() })
const proxy = createProxy()
  .route({ path: '/ok' }, (route) => route.forward(upstream('ordinary', ordinary)))
  .forward(upstream('attacked', attacked))
const { cert, key } = certificateAuthority().issue({ names: ['localhost'] })
const open = async (options: object) =>
  await proxy.listen({ host: '127.0.0.1', ...LIMITS, listener: wireListener(), ...options })
// Attackers alone come here: nobody else's connection is closed because it has nothing to do.
const plain = await open({ http2: { cleartext: true }, idleTimeoutMs: TIMEOUT_MS })
const secure = await open({ tls: { cert, key } })

let peakBytes = 0
setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())), 20)

/** What the process says of itself. */
export interface FloodedState {
  readonly inFlight: number
  readonly connections: number
  /** Of resident memory: now, and the most since it was last asked. */
  readonly bytes: number
  readonly peakBytes: number
  /** Spent so far. */
  readonly cpuMs: number
}

process.on('message', () => {
  const { user, system } = process.cpuUsage()
  const bytes = process.memoryUsage.rss()
  const state: FloodedState = {
    inFlight: proxy.inFlight,
    connections: plain.connections + secure.connections,
    bytes,
    peakBytes: Math.max(peakBytes, bytes),
    cpuMs: (user + system) / 1_000,
  }
  peakBytes = 0
  process.send!(state)
})
process.once('disconnect', () => process.exit())
process.send!({ plain: plain.address.port, secure: secure.address.port })
