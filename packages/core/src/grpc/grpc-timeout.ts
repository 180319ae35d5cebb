/** `grpc-timeout`: how long a gRPC call may take, as up to eight digits and a unit (gRPC's doc/PROTOCOL-HTTP2.md). */

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}
const MAX_DIGITS = 99_999_999

/** In milliseconds; missing where the text is not in the format. */
export function parseGrpcTimeout(text: string): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(text)
  return parts === null ? undefined : Number(parts[1]) * UNITS[parts[2]!]!
}

/** Rounded down to what the format can say, but at least 1 ms: 0 would mean no limit to some. */
export function formatGrpcTimeout(timeoutMs: number): string {
  const whole = Math.max(1, Math.floor(timeoutMs))
  return whole <= MAX_DIGITS ? `${whole}m` : `${Math.min(MAX_DIGITS, Math.floor(whole / 1_000))}S`
}
