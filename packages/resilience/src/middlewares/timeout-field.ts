/**
 * How long a request may take, as a header field: a whole number of milliseconds, or gRPC's `grpc-timeout`
 * (doc/PROTOCOL-HTTP2.md of gRPC: up to eight digits and a unit).
 */

/** `ms`: `250`. `grpc`: `250m`. */
export type TimeoutFormat = 'ms' | 'grpc'

const GRPC_UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}
const MAX_GRPC_DIGITS = 99_999_999

/** In milliseconds; missing where the text is not in the format. */
export function parseTimeout(text: string, format: TimeoutFormat): number | undefined {
  if (format === 'ms') return /^\d{1,10}$/.test(text) ? Number(text) : undefined
  const parts = /^(\d{1,8})([HMSmun])$/.exec(text)
  return parts === null ? undefined : Number(parts[1]) * GRPC_UNITS[parts[2]!]!
}

/** Rounded down to what the format can say, but at least 1: 0 would mean no limit to some. */
export function formatTimeout(timeoutMs: number, format: TimeoutFormat): string {
  const whole = Math.max(1, Math.floor(timeoutMs))
  if (format === 'ms') return String(whole)
  return whole <= MAX_GRPC_DIGITS ? `${whole}m` : `${Math.min(MAX_GRPC_DIGITS, Math.floor(whole / 1_000))}S`
}
