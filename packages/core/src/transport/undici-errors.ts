/** What undici's and Node's errors mean in ours. */
import type { UpstreamErrorCode } from '../error-codes.ts'
import { type AnyProxyError, ProxyError, UpstreamError } from '../errors.ts'

const BY_CODE: Readonly<Record<string, UpstreamErrorCode>> = {
  ECONNREFUSED: 'ERR_SLUICE_CONNECT_REFUSED',
  ENOENT: 'ERR_SLUICE_CONNECT_REFUSED',
  UND_ERR_CONNECT_TIMEOUT: 'ERR_SLUICE_CONNECT_TIMEOUT',
  ENOTFOUND: 'ERR_SLUICE_DNS_FAILED',
  EAI_AGAIN: 'ERR_SLUICE_DNS_FAILED',
  EHOSTUNREACH: 'ERR_SLUICE_CONNECT_FAILED',
  ENETUNREACH: 'ERR_SLUICE_CONNECT_FAILED',
  EADDRNOTAVAIL: 'ERR_SLUICE_CONNECT_FAILED',
  EMFILE: 'ERR_SLUICE_CONNECT_FAILED',
  UND_ERR_HEADERS_TIMEOUT: 'ERR_SLUICE_HEAD_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'ERR_SLUICE_BODY_IDLE',
  UND_ERR_HEADERS_OVERFLOW: 'ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ERR_SLUICE_RESPONSE_TRUNCATED',
  ECONNRESET: 'ERR_SLUICE_CONNECTION_RESET',
  EPIPE: 'ERR_SLUICE_CONNECTION_RESET',
  UND_ERR_SOCKET: 'ERR_SLUICE_CONNECTION_RESET',
  ERR_TLS_PIN_MISMATCH: 'ERR_SLUICE_TLS_CERTIFICATE',
  ERR_TLS_CERT_ALTNAME_INVALID: 'ERR_SLUICE_TLS_CERTIFICATE',
  EPROTO: 'ERR_SLUICE_TLS_FAILED',
}

/** OpenSSL's words for a certificate that does not verify (X509_V_ERR_*). */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)_|CRL_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED/

/** `hasHead`: whether the reply's head had come. */
export function fromUndici(cause: Error, hasHead: boolean, target: string): AnyProxyError {
  if (ProxyError.is(cause)) return cause
  const code = errorCode(cause)
  const mapped = BY_CODE[code] ?? fromPattern(code)
  // Before the head nothing can be cut short: undici says so of lengths that contradict each other.
  if (!hasHead)
    return new UpstreamError(mapped === 'ERR_SLUICE_RESPONSE_TRUNCATED' ? 'ERR_SLUICE_RESPONSE_INVALID' : mapped, {
      cause,
      target,
    })
  // After the head, whatever ended the connection left the reply incomplete; silence keeps its own name.
  return new UpstreamError(mapped === 'ERR_SLUICE_BODY_IDLE' ? mapped : 'ERR_SLUICE_RESPONSE_TRUNCATED', {
    cause,
    target,
  })
}

function fromPattern(code: string): UpstreamErrorCode {
  if (code.startsWith('HPE_')) return 'ERR_SLUICE_RESPONSE_INVALID'
  if (CERTIFICATE.test(code)) return 'ERR_SLUICE_TLS_CERTIFICATE'
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'ERR_SLUICE_TLS_FAILED'
  return 'ERR_SLUICE_CONNECTION_RESET'
}

/** An AggregateError (several addresses tried) carries the code of its first error on itself, or only in `errors`. */
function errorCode(error: Error & { code?: string }): string {
  if (error.code !== undefined) return error.code
  // undici 8 forgets the parser's code, though not the name.
  if (error.name === 'HTTPParserError') return 'HPE_'
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0] as Error)
  return error.cause instanceof Error ? errorCode(error.cause) : ''
}

/** The code for a connection that could not be made. */
export function connectErrorCode(cause: Error | undefined): UpstreamErrorCode {
  const mapped = cause === undefined ? undefined : (BY_CODE[errorCode(cause)] ?? fromPattern(errorCode(cause)))
  return mapped === undefined || mapped === 'ERR_SLUICE_CONNECTION_RESET' ? 'ERR_SLUICE_CONNECT_FAILED' : mapped
}
