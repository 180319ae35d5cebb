/** The reply to an extended CONNECT (RFC 8441, section 5) as HTTP/1.1 has it: to all that follows a tunnel is a tunnel. */
import type { ClientHttp2Stream } from 'node:http2'
import type { HeaderList } from '@sluice/wire'
import { Reply } from '../../reply.ts'
import { Tunnel } from '../../tunnel/tunnel.ts'
import { acceptValue } from '../../tunnel/websocket-handshake.ts'
import type { TransportRequest } from '../transport.ts'
import { Http2StreamEnd } from './http2-stream-end.ts'

export function tunnelReply(request: TransportRequest, stream: ClientHttp2Stream, headers: HeaderList): Reply {
  headers.append('Connection', 'Upgrade').append('Upgrade', request.upgrade!)
  // With the proof that only this end could give.
  headers.set('Sec-WebSocket-Accept', acceptValue(request.headers.get('sec-websocket-key') ?? ''))
  const reply = new Reply(101, headers)
  reply.httpVersion = '2.0'
  reply.tunnel = new Tunnel(new Http2StreamEnd(stream))
  return reply
}
