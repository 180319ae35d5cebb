/** Options of the HTTP/2 transport that concern its connections, resolved. */
import type { Clock } from '@sluice/wire'
import { atLeast } from '../../at-least.ts'
import { ConfigError } from '../../errors.ts'
import type { Random } from '../../proxy-settings.ts'
import type { Http2TransportOptions } from './http2-transport.ts'

/** Durations in milliseconds, 0 for none. */
export interface Http2Settings {
  readonly clock: Clock
  readonly random: Random
  readonly maxConnections: number
  readonly maxConcurrentStreams: number
  readonly maxPending: number
  readonly pendingTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxLifetimeMs: number
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
  readonly maxResponseHeaderBytes: number
  readonly initialWindowBytes: number
  readonly connectionWindowBytes: number
}

const MAX_WINDOW_BYTES = 2 ** 31 - 1

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` for a number out of range */
export function http2Settings(options: Http2TransportOptions, clock: Clock, random: Random): Http2Settings {
  const number = (name: keyof Http2Settings & keyof Http2TransportOptions, minimum: number, fallback: number): number =>
    atLeast(minimum, (options[name] as number | undefined) ?? fallback, `http2Transport.${name}`)
  const window = (name: 'initialWindowBytes' | 'connectionWindowBytes', fallback: number): number => {
    // What RFC 9113 begins with (section 6.9.2), and ends at (section 6.9.1).
    const bytes = number(name, 65_535, fallback)
    if (bytes <= MAX_WINDOW_BYTES && Number.isInteger(bytes)) return bytes
    throw new ConfigError(`http2Transport.${name}`, 'must be a whole number of at most 2,147,483,647')
  }
  return {
    clock,
    random,
    maxConnections: number('maxConnections', 1, 16),
    maxConcurrentStreams: number('maxConcurrentStreams', 1, 100),
    maxPending: number('maxPending', 0, 1_024),
    pendingTimeoutMs: number('pendingTimeoutMs', 0, 10_000),
    connectTimeoutMs: number('connectTimeoutMs', 0, 5_000),
    idleTimeoutMs: number('idleTimeoutMs', 1, 60_000),
    maxLifetimeMs: number('maxLifetimeMs', 0, 0),
    pingIntervalMs: number('pingIntervalMs', 0, 0),
    pingTimeoutMs: number('pingTimeoutMs', 1, 5_000),
    maxResponseHeaderBytes: number('maxResponseHeaderBytes', 1, 65_536),
    initialWindowBytes: window('initialWindowBytes', 262_144),
    connectionWindowBytes: window('connectionWindowBytes', 4_194_304),
  }
}
