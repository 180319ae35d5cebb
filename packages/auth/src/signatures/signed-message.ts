/** A request as far as signatures look at it (RFC 9421, section 2), on either side of the gateway. */
import type { AttemptHead, Exchange, Target } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import { requestAuthority, requestTarget } from '../request-uri.ts'

export interface SignedMessage {
  readonly method: string
  /** Lower case. */
  readonly scheme: string
  /** Host, and port where it is not the scheme's own; lower case. */
  readonly authority: string
  /** As it stands in the request line. */
  readonly requestTarget: string
  /** Path and query. */
  readonly target: string
  readonly headers: HeaderList
}

/** As the client has sent it. `origin` is what clients call this gateway, where that is known. */
export function receivedMessage(exchange: Exchange, origin: URL | undefined): SignedMessage {
  const { received, client } = exchange
  const scheme = origin === undefined ? client.scheme : origin.protocol.slice(0, -1)
  return {
    method: received.method,
    scheme,
    authority: origin?.host ?? withoutDefaultPort(requestAuthority(exchange), scheme),
    requestTarget: received.target,
    target: requestTarget(exchange),
    headers: received.headers,
  }
}

/** As it is about to be sent to a target. */
export function attemptMessage({ method, path, headers }: AttemptHead, { url }: Target): SignedMessage {
  const scheme = url.protocol.slice(0, -1)
  return {
    method,
    scheme,
    authority: withoutDefaultPort(headers.get('host') ?? url.host, scheme),
    requestTarget: path,
    target: path,
    headers,
  }
}

/** RFC 9421, section 2.2.3. */
function withoutDefaultPort(authority: string, scheme: string): string {
  return authority.toLowerCase().replace(scheme === 'https' ? /:443$/ : /:80$/, '')
}
