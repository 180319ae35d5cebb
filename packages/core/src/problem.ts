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
  const { title, proxyStatus } = ERROR_CODES[error.code]
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
  const reply = new Reply(error.status, headers, Body.of(JSON.stringify(document)))
  reply.error = error
  return reply
}
