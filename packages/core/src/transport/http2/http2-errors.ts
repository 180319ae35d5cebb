/** What a stream that was reset, or could not be had, means in our words. */
import { constants } from 'node:http2'
import { type AnyProxyError, InternalError, UpstreamError } from '../../errors.ts'
import { connectErrorCode } from '../undici-errors.ts'
import type { AcquireFailure } from './http2-pool.ts'

export function acquireError(failure: AcquireFailure, target: string): AnyProxyError {
  switch (failure.kind) {
    case 'timeout':
      return new UpstreamError('ERR_SLUICE_CONNECT_TIMEOUT', { target })
    case 'closed':
      return new InternalError('ERR_SLUICE_CLOSING', { target })
    case 'queue-full':
    case 'queue-timeout':
      return new UpstreamError('ERR_SLUICE_QUEUE_FULL', { target })
    default: {
      const { error: cause } = failure as { error?: Error }
      return new UpstreamError(connectErrorCode(cause), { cause, target })
    }
  }
}

/** The session takes no more streams: closed, going away, or out of numbers. */
export function isOfSession(cause: unknown): boolean {
  const code = (cause as { code?: string } | undefined)?.code
  return (
    code === 'ERR_HTTP2_INVALID_SESSION' || code === 'ERR_HTTP2_GOAWAY_SESSION' || code === 'ERR_HTTP2_OUT_OF_STREAMS'
  )
}

/** A stream that ended before its reply did. */
export interface StreamReset {
  readonly code: number | undefined
  readonly cause: Error | undefined
  /** The target has said that it did not look at the request. */
  readonly isRefused: boolean
  /** With the stream its connection is gone. */
  readonly isConnectionLost: boolean
  readonly hasHead: boolean
  readonly target: string
}

export function resetError({ code, cause, isRefused, isConnectionLost, hasHead, target }: StreamReset): AnyProxyError {
  if (isConnectionLost && !isRefused)
    return new UpstreamError(hasHead ? 'ERR_SLUICE_RESPONSE_TRUNCATED' : 'ERR_SLUICE_CONNECTION_RESET', {
      cause,
      target,
    })
  const message = `the stream was reset: ${nameOf(code)}`
  if (hasHead) return new UpstreamError('ERR_SLUICE_RESPONSE_TRUNCATED', { message, cause, target })
  if (isRefused) return new UpstreamError('ERR_SLUICE_STREAM_REFUSED', { message, cause, target })
  if (code === constants.NGHTTP2_PROTOCOL_ERROR)
    return new UpstreamError('ERR_SLUICE_RESPONSE_INVALID', { message, cause, target })
  // Its connection lives: that it was used before has nothing to do with it.
  return new UpstreamError('ERR_SLUICE_CONNECTION_RESET', { message, cause, target, retry: 'never' })
}

/** As RFC 9113, section 7, calls it. */
function nameOf(code: number | undefined): string {
  return ERROR_NAMES[code ?? -1] ?? `error ${code}`
}

const ERROR_NAMES: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]
