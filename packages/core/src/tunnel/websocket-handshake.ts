/**
 * The opening handshake of WebSocket (RFC 6455, section 4), as far as a proxy has to know it, and that of HTTP/2 (RFC 8441,
 * section 5), which has neither a key nor a proof that it was understood.
 */
import { hash } from 'node:crypto'
import type { HeaderList } from '@sluice/wire'
import { DownstreamError } from '../errors.ts'
import type { ReceivedRequest } from '../exchange-request.ts'
import type { Random } from '../proxy-settings.ts'

/** RFC 6455, section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** 16 bytes in base64: the last of 22 digits has two bits. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/

/** What is wrong with a request to switch to WebSocket (section 4.2.1); `undefined` where nothing is. */
export function handshakeFault({ method, headers }: ReceivedRequest): DownstreamError | undefined {
  const versions = headers.getAll('sec-websocket-version')
  const keys = headers.getAll('sec-websocket-key')
  const isHttp2 = method === 'CONNECT'
  if (method !== 'GET' && !isHttp2) return badHandshake('the method is not GET')
  if (versions.length !== 1) return badHandshake('there is not one Sec-WebSocket-Version')
  if (versions[0] !== '13') return new DownstreamError('ERR_SLUICE_WEBSOCKET_VERSION')
  if (!isHttp2 && (keys.length !== 1 || !KEY.test(keys[0]!)))
    return badHandshake('Sec-WebSocket-Key is not 16 bytes in base64')
  if (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0')
    return badHandshake('a handshake has no content')
  return undefined
}

/** A key for a client that has sent none: 16 bytes in base64 (section 4.1). It is no secret, but must not be foreseen. */
export function newKey(random: Random): string {
  return Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString('base64')
}

/** What `Sec-WebSocket-Accept` must be for a key (section 4.2.2). */
export function acceptValue(key: string): string {
  return hash('sha1', key + ACCEPT_SUFFIX, 'base64')
}

/** Whether a 101 proves that the request for it was understood. */
export function acceptsKey(headers: HeaderList, key: string): boolean {
  const accepts = headers.getAll('sec-websocket-accept')
  return accepts.length === 1 && accepts[0] === acceptValue(key)
}

function badHandshake(message: string): DownstreamError {
  return new DownstreamError('ERR_SLUICE_WEBSOCKET_HANDSHAKE', { message })
}
