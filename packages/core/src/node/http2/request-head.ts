/**
 * The head of an HTTP/2 request, turned into what every exchange begins with (RFC 9113, section 8.3). Node's engine has refused
 * what is malformed already: upper-case names, pseudo-header fields that are missing, repeated or out of place, fields of a
 * connection. What is left is to be read in one way only.
 */
import { HeaderList, maskOf } from '@sluice/wire'
import { DownstreamError } from '../../errors.ts'

/** A head that was read. */
export interface Http2Head {
  readonly method: string
  readonly target: string
  /** With `Host` from `:authority`, and one `cookie` field. */
  readonly headers: HeaderList
  /** Of an extended CONNECT (RFC 8441). */
  readonly protocol: string | undefined
  /** What is wrong with it. */
  readonly fault: DownstreamError | undefined
}

const COLON = 0x3a

const CONNECTION_SPECIFIC = maskOf('connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade')
const TE = maskOf('te')

/** Reads `[name, value, name, value, ...]` as Node gives it, names in lower case. */
export function readHead(raw: readonly string[]): Http2Head {
  let method = ''
  let path: string | undefined
  let authority: string | undefined
  let protocol: string | undefined
  let i = 0
  for (; i < raw.length && raw[i]!.charCodeAt(0) === COLON; i += 2) {
    const value = raw[i + 1]!
    switch (raw[i]) {
      case ':method':
        method = value
        break
      case ':path':
        path = value
        break
      case ':authority':
        authority = value
        break
      case ':protocol':
        protocol = value
        break
      default:
      // `:scheme` is what a client believes; the connection says what is true.
    }
  }
  const fields = readFields(raw, i, authority)
  const { headers } = fields
  const target = path ?? authority ?? ''
  return { method, target, headers, protocol, fault: fields.fault ?? faultOf(method, target, headers) }
}

interface Fields {
  readonly headers: HeaderList
  readonly fault: DownstreamError | undefined
}

function readFields(raw: readonly string[], from: number, authority: string | undefined): Fields {
  const flat: string[] = []
  let cookieAt = -1
  let fault: DownstreamError | undefined
  if (authority !== undefined) flat.push('Host', authority)
  for (let i = from; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    if (name === 'cookie' && cookieAt > 0) flat[cookieAt] += `; ${value}`
    else if (name === 'host' && authority !== undefined) {
      if (value.toLowerCase() !== authority.toLowerCase())
        fault = new DownstreamError('ERR_SLUICE_BAD_HOST', { message: 'the Host field is not the :authority' })
    } else {
      flat.push(name, value)
      if (name === 'cookie') cookieAt = flat.length - 1
    }
  }
  return { headers: HeaderList.received(flat), fault }
}

function faultOf(method: string, target: string, headers: HeaderList): DownstreamError | undefined {
  if (headers.hasAny(CONNECTION_SPECIFIC) || (headers.hasAny(TE) && headers.get('te')!.toLowerCase() !== 'trailers')) {
    return new DownstreamError('ERR_SLUICE_BAD_REQUEST', { message: 'HTTP/2 has no fields of a connection' })
  }
  // No absolute form: there are `:scheme` and `:authority` for that.
  if (!target.startsWith('/') && target !== '*' && method !== 'CONNECT')
    return new DownstreamError('ERR_SLUICE_BAD_TARGET')
  return undefined
}
