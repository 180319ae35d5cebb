/** From a stream to an exchange: the same way in as every other request's. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Body, maskOf } from '@sluice/wire'
import type { Peer } from '../../client.ts'
import type { Admission } from '../../entrance/entrance.ts'
import { ReceivedRequest } from '../../exchange-request.ts'
import { limitBody } from '../../limited-body.ts'
import type { ListenerServices } from '../../listener.ts'
import { ForeignExchange, type ForeignHost } from './foreign-exchange.ts'
import { type Http2Head, readHead } from './request-head.ts'

const CONTENT_LENGTH = maskOf('content-length')
const EXPECT = maskOf('expect')

/** The same for all streams of a connection. */
export interface StreamWays {
  readonly peer: Peer
  readonly services: ListenerServices
  /** Whether `100-continue` is left to us. */
  readonly answersExpect: boolean
}

/** A stream that was let in. */
export interface AdmittedStream {
  readonly exchange: ForeignExchange
  readonly admission: Admission
}

/** Reads its head and lets it in. `raw` is the head as the engine gives it. */
export function admitStream(
  stream: ServerHttp2Stream,
  flags: number,
  raw: readonly string[],
  host: ForeignHost,
  ways: StreamWays,
): AdmittedStream {
  const { entrance } = ways.services
  const head = readHead(raw)
  const exchange = new ForeignExchange(stream, host)
  const admission = entrance.admit({
    received: new ReceivedRequest(head.method, head.target, head.headers, '2.0'),
    body: limitBody(bodyOf(exchange, head, flags, ways.answersExpect), entrance.settings.maxBodyBytes),
    peer: ways.peer,
    downstream: exchange,
    upgrade: head.protocol,
    fault: head.fault,
  })
  return { exchange, admission }
}

/** What follows a CONNECT is no body. */
function bodyOf(
  exchange: ForeignExchange,
  { method, headers }: Http2Head,
  flags: number,
  answersExpect: boolean,
): Body {
  if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 || method === 'CONNECT') return Body.empty
  const length = headers.hasAny(CONTENT_LENGTH) ? Number(headers.get('content-length')) : undefined
  if (length === 0) return Body.empty
  // With a length that is none the head is refused.
  const known = Number.isSafeInteger(length) ? length : undefined
  return exchange.receive(known, answersExpect && headers.hasAny(EXPECT)).body
}
