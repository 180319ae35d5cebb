/** Whether an upstream's 101 switches to what was asked for. */
import { hasConnectionOption } from '../entrance/hop-by-hop.ts'
import type { Exchange } from '../exchange.ts'
import type { Reply } from '../reply.ts'
import { acceptsKey } from './websocket-handshake.ts'

/** What is wrong with it, with its fields as received; `undefined` where nothing is. */
export function switchFault({ request, received }: Exchange, { status, headers }: Reply): string | undefined {
  const { upgrade } = request
  if (status !== 101 || upgrade === undefined) return 'a switch of protocols that nobody asked for'
  if (headers.get('upgrade')?.toLowerCase() !== upgrade || !hasConnectionOption(headers, 'upgrade'))
    return `it did not switch to ${upgrade}`
  if (upgrade !== 'websocket') return undefined
  // The client's key, not what an edit may have made of it: it is the client who would find it wrong. One of HTTP/2 has none.
  const asked = received.method === 'CONNECT' ? request.headers : received.headers
  const key = asked.get('sec-websocket-key')
  return key !== undefined && acceptsKey(headers, key) ? undefined : 'Sec-WebSocket-Accept does not fit the key'
}
