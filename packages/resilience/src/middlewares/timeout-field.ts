/** How long a request may take, as a header field: a whole number of milliseconds, or gRPC's `grpc-timeout`. */
import { formatGrpcTimeout, parseGrpcTimeout } from '@sluice/core'

/** `ms`: `250`. `grpc`: `250m`. */
export type TimeoutFormat = 'ms' | 'grpc'

/** In milliseconds; missing where the text is not in the format. */
export function parseTimeout(text: string, format: TimeoutFormat): number | undefined {
  if (format === 'ms') return /^\d{1,10}$/.test(text) ? Number(text) : undefined
  return parseGrpcTimeout(text)
}

/** Rounded down to what the format can say, but at least 1: 0 would mean no limit to some. */
export function formatTimeout(timeoutMs: number, format: TimeoutFormat): string {
  return format === 'ms' ? String(Math.max(1, Math.floor(timeoutMs))) : formatGrpcTimeout(timeoutMs)
}
