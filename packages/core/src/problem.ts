/**
 * The reply to an error: a problem document (RFC 9457) and `Proxy-Status` (RFC 9209). It says what kind of thing went
 * wrong and never where: no host, no address, no stack.
 */
import { STATUS_CODES } from 'node:http'
import { Body, HeaderList } from '@sluice/wire'
import { ERROR_CODES } from './error-codes.ts'
import type { AnyProxyError } from './errors.ts'
import { Reply } from './reply.ts'

/** `name` is the proxy's pseudonym. The reply's `error` is the error itself, for logs and middlewares. */
export function problemReply(error: AnyProxyError, name: string): Reply {
  // An error of another copy of the package may have a code that this one does not know.
  const { title, proxyStatus } = ERROR_CODES[error.code] ?? ERROR_CODES.ERR_SLUICE_INTERNAL
  const document = {
    type: 'about:blank',
    title: STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    detail: title,
    code: error.code,
  }
  const headers = new HeaderList([
    ['Content-Type', 'application/problem+json'],
    ['Proxy-Status', `${name}; error=${proxyStatus}`],
    ['Cache-Control', 'no-store'],
  ])
  if (error.code === 'ERR_SLUICE_METHOD_REFUSED')
    headers.append('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  // RFC 6455, section 4.4; RFC 9110, section 15.5.22.
  if (error.code === 'ERR_SLUICE_WEBSOCKET_VERSION')
    headers.append('Sec-WebSocket-Version', '13').append('Upgrade', 'websocket')
  // Whole seconds (RFC 9110, section 10.2.3); never 0, which would invite everybody at once.
  if (error.retryAfterMs !== undefined)
    headers.append('Retry-After', String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000 - 1e-6))))
  const reply = new Reply(error.status, headers, Body.of(JSON.stringify(document)))
  reply.error = error
  return reply
}

/** The same as a whole HTTP/1.1 message, for what never became a request; the connection is closed behind it. */
export function problemMessage(error: AnyProxyError, name: string): string {
  const { status, headers, body } = problemReply(error, name)
  const text = Buffer.from(body.inMemory ?? '').toString('latin1')
  let message = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: ${text.length}\r\n`
  for (const [field, value] of headers) message += `${field}: ${value}\r\n`
  return `${message}\r\n${text}`
}
