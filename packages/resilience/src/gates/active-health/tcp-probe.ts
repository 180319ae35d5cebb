/** The TCP probe: a target is well when it accepts a connection. */
import { connect } from 'node:net'
import type { Target } from '@sluice/core'
import { problemOf, type ProbeOutcome, type Prober } from './probe.ts'

/** Probes with a connection that is closed at once; `port` in place of the target's own. */
export function tcpProber(port: number | undefined): Prober {
  return (target) => {
    const settled = Promise.withResolvers<ProbeOutcome>()
    const socket = connect(addressOf(target, port))
    const end = (problem: string | undefined): void => {
      socket.destroy()
      settled.resolve({ problem, status: undefined })
    }
    socket.on('connect', () => end(undefined))
    socket.on('error', (error) => end(problemOf(error)))
    return { outcome: settled.promise, cancel: end }
  }
}

function addressOf(
  { url, socketPath }: Target,
  port: number | undefined,
): { path: string } | { host: string; port: number } {
  if (socketPath !== undefined && port === undefined) return { path: socketPath }
  const ownPort = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  // An IPv6 address stands in brackets in a URL, and only there.
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: port ?? ownPort }
}
