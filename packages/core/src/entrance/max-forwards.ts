/** OPTIONS and TRACE that are meant for the proxy itself (RFC 9110, sections 7.6.2, 9.3.7 and 9.3.8). */
import { maskOf } from '@sluice/wire'
import { DownstreamError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { problemReply } from '../problem.ts'
import { Reply } from '../reply.ts'

const MAX_FORWARDS = maskOf('max-forwards')
const CONFIDENTIAL = /^(?:authorization|cookie|proxy-authorization|x-api-key)$/i

/** The reply, where the request ends here; otherwise its `Max-Forwards` is one less from now on. */
export function answerHere(exchange: Exchange): Reply | undefined {
  const { request, settings } = exchange
  if (request.target === '*') return Reply.empty(204)
  if (!request.headers.hasAny(MAX_FORWARDS) || (request.method !== 'OPTIONS' && request.method !== 'TRACE'))
    return undefined
  const value = request.headers.get('max-forwards')!
  if (!/^[0-9]{1,9}$/.test(value)) {
    return problemReply(
      new DownstreamError('ERR_SLUICE_BAD_REQUEST', { message: 'Max-Forwards is not a number' }),
      settings.name,
    )
  }
  const left = Number(value)
  if (left > 0) {
    request.headers.set('Max-Forwards', String(left - 1))
    return undefined
  }
  return request.method === 'OPTIONS' ? Reply.empty(204) : echo(exchange)
}

/** TRACE: the head as received, without what could be a secret. */
function echo({ received }: Exchange): Reply {
  let head = `${received.method} ${received.target} HTTP/${received.httpVersion}\r\n`
  for (const [name, value] of received.headers) if (!CONFIDENTIAL.test(name)) head += `${name}: ${value}\r\n`
  return Reply.text(`${head}\r\n`, { headers: { 'Content-Type': 'message/http' } })
}
