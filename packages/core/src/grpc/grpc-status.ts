/**
 * What a reply that is none of gRPC's means to a client of gRPC. The codes are those of gRPC's doc/statuscodes.md. For a status that a
 * target, or something in front of it, has given, gRPC's doc/http-grpc-status-mapping.md is followed where it is specific; what the proxy itself
 * knows better is said better: a limit is RESOURCE_EXHAUSTED, and a time that is over DEADLINE_EXCEEDED.
 */
import type { ProxyErrorCode } from '../error-codes.ts'
import type { Reply } from '../reply.ts'

/** The codes that a proxy gives, by their names. */
export const GRPC_STATUS = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: GRPC_STATUS.INTERNAL,
  401: GRPC_STATUS.UNAUTHENTICATED,
  403: GRPC_STATUS.PERMISSION_DENIED,
  404: GRPC_STATUS.UNIMPLEMENTED,
  405: GRPC_STATUS.UNIMPLEMENTED,
  407: GRPC_STATUS.UNAUTHENTICATED,
  408: GRPC_STATUS.DEADLINE_EXCEEDED,
  409: GRPC_STATUS.ABORTED,
  412: GRPC_STATUS.FAILED_PRECONDITION,
  413: GRPC_STATUS.RESOURCE_EXHAUSTED,
  414: GRPC_STATUS.RESOURCE_EXHAUSTED,
  416: GRPC_STATUS.OUT_OF_RANGE,
  422: GRPC_STATUS.INVALID_ARGUMENT,
  429: GRPC_STATUS.RESOURCE_EXHAUSTED,
  431: GRPC_STATUS.RESOURCE_EXHAUSTED,
  499: GRPC_STATUS.CANCELLED,
  500: GRPC_STATUS.INTERNAL,
  501: GRPC_STATUS.UNIMPLEMENTED,
  502: GRPC_STATUS.UNAVAILABLE,
  503: GRPC_STATUS.UNAVAILABLE,
  504: GRPC_STATUS.DEADLINE_EXCEEDED,
}

/** Where the status says less than the code. */
const BY_CODE: Partial<Record<ProxyErrorCode, number>> = {
  // Nothing has taken the client's time: it may try again.
  ERR_SLUICE_CONNECT_TIMEOUT: GRPC_STATUS.UNAVAILABLE,
  // Trying again would bring the same.
  ERR_SLUICE_RESPONSE_INVALID: GRPC_STATUS.INTERNAL,
  ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE: GRPC_STATUS.RESOURCE_EXHAUSTED,
}

/** The code for a reply that is none of gRPC's. */
export function grpcStatusOf({ status, error }: Pick<Reply, 'status' | 'error'>): number {
  return (error === undefined ? undefined : BY_CODE[error.code]) ?? BY_HTTP_STATUS[status] ?? GRPC_STATUS.UNKNOWN
}

/** `grpc-message`: UTF-8, with all but visible ASCII and spaces as `%XX` (PROTOCOL-HTTP2.md, Status-Message). */
export function grpcMessage(text: string): string {
  let message = ''
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    message += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return message
}
