/**
 * gRPC (its doc/PROTOCOL-HTTP2.md) needs three things of a proxy beside HTTP/2. Its deadline is the exchange's. What the proxy answers
 * by itself has to be a status of gRPC: a reply of 200 without a body, which a client takes for its trailers ("Trailers-Only"). And a
 * reply that breaks off has to end with a status as well, which tells a part from the whole as a reset would.
 */
import { STATUS_CODES } from 'node:http'
import { Body, HeaderList, maskOf } from '@sluice/wire'
import { ERROR_CODES } from '../error-codes.ts'
import { type AnyProxyError, InternalError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import { statusOnBreak } from './broken-reply.ts'
import { grpcMessage, grpcStatusOf } from './grpc-status.ts'
import { parseGrpcTimeout } from './grpc-timeout.ts'

const CONTENT_TYPE = maskOf('content-type')
const PREFIX = 'application/grpc'
const MAX_MESSAGE_BYTES = 1_024
/** What concerns a body that is not sent. */
const OF_BODY = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-disposition',
  'transfer-encoding',
  'trailer',
  'etag',
  'last-modified',
  'accept-ranges',
])

/** Whether the message is one of gRPC's: `application/grpc`, `application/grpc+proto`, ... gRPC-Web is something else. */
export function isGrpc(headers: HeaderList): boolean {
  if (!headers.hasAny(CONTENT_TYPE)) return false
  const type = headers.get('content-type')!
  if (!type.startsWith(PREFIX)) return false
  const next = type[PREFIX.length]
  return next === undefined || next === '+' || next === ';'
}

/** The exchange ends with the client's deadline; of several the earliest counts. A timeout that is none is removed. */
export function adoptGrpcTimeout(exchange: Exchange): void {
  const { headers } = exchange.request
  const text = headers.get('grpc-timeout')
  if (text === undefined) return
  const timeoutMs = parseGrpcTimeout(text)
  if (timeoutMs === undefined) return void headers.delete('grpc-timeout')
  const at = exchange.startedAt + timeoutMs
  if (at > exchange.clock.now()) exchange.expireAt(at)
  else exchange.abort(new InternalError('ERR_SLUICE_DEADLINE_EXCEEDED'))
}

/** Makes a reply one that a client of gRPC understands. What a target has answered in gRPC stays as it is. */
export function finishGrpcReply(reply: Reply, exchange: Exchange): void {
  if (reply.status === 101) return
  if (isGrpc(reply.headers)) {
    if (reply.body.length === undefined) reply.body = statusOnBreak(reply.body, trailersFor)
    return
  }
  if (reply.status < 300) return
  const text = messageOf(reply, exchange)
  const { headers } = reply
  headers.deleteWhere((key) => OF_BODY.has(key))
  headers.set('Content-Type', PREFIX)
  headers.set('grpc-status', String(grpcStatusOf(reply)))
  headers.set('grpc-message', grpcMessage(text))
  reply.body.cancel()
  reply.body = Body.empty
  reply.status = 200
}

function trailersFor(error: AnyProxyError): HeaderList {
  const status = grpcStatusOf({ status: error.status, error })
  return new HeaderList([
    ['grpc-status', String(status)],
    ['grpc-message', grpcMessage(textOf(error))],
  ])
}

/** What happened, in words that name no place. */
function messageOf({ error, status, headers, body }: Reply, exchange: Exchange): string {
  if (error !== undefined) return textOf(error)
  const reason = STATUS_CODES[status] ?? 'Error'
  // What somebody upstream has written is not ours to tell.
  if (exchange.attempts.length > 0) return reason
  const bytes = body.inMemory
  if (bytes === undefined || bytes.byteLength === 0 || bytes.byteLength > MAX_MESSAGE_BYTES) return reason
  const text = Buffer.from(bytes).toString('utf8')
  const type = headers.get('content-type') ?? ''
  if (type.startsWith('text/plain')) return text.trim()
  return type.startsWith('application/problem+json') ? (detailOf(text) ?? reason) : reason
}

function textOf({ code }: AnyProxyError): string {
  const { title } = ERROR_CODES[code] ?? ERROR_CODES.ERR_SLUICE_INTERNAL
  return `${title} (${code})`
}

/** Of a problem document (RFC 9457, section 3.1). */
function detailOf(text: string): string | undefined {
  try {
    const { detail, title } = JSON.parse(text) as { detail?: unknown; title?: unknown }
    return [detail, title].find((each) => typeof each === 'string')
  } catch {
    return undefined
  }
}
