/**
 * The answer to an exchange. Never called Response: that is the Fetch class, which can't hold trailers, a 101, or two
 * fields in their order.
 */
import { Body, HeaderList, type HeaderListInit } from '@sluice/wire'
import type { AnyProxyError } from './errors.ts'
import type { Tunnel } from './tunnel/tunnel.ts'

/** The head of a reply that is made here. */
export interface ReplyInit {
  /** @default 200 */
  readonly status?: number
  readonly headers?: HeaderListInit
}

/**
 * Status, header fields and body. The framing fields (`Content-Length`, `Transfer-Encoding`) are the listener's: it sets
 * them from the body, so that a middleware can put another body in place and need not think of them. Trailer fields
 * arrive at the end of the body.
 */
export class Reply {
  /** 200 to 599; or 101, with {@link tunnel}. */
  status: number
  readonly headers: HeaderList
  body: Body
  /** Whether the client's connection is closed behind it, as after a head that could be a trick. */
  closesConnection = false
  /** With status 101: what the listener opens towards the client. */
  tunnel: Tunnel | undefined = undefined
  /** The version of HTTP that a target has sent it in: `1.1` or `2.0`. Stands in `Via`. */
  httpVersion: '1.1' | '2.0' = '1.1'
  /** What this reply reports, where it was made from an error. */
  error: AnyProxyError | undefined = undefined

  constructor(status: number, headers: HeaderList = new HeaderList(), body: Body = Body.empty) {
    if (!(Number.isInteger(status) && ((status >= 200 && status <= 599) || status === 101))) {
      throw new RangeError(`not a status for a reply: ${status}`)
    }
    this.status = status
    this.headers = headers
    this.body = body
  }

  /** A reply without a body. */
  static empty(status: number, headers?: HeaderListInit): Reply {
    return new Reply(status, new HeaderList(headers))
  }

  /** Plain text, unless `Content-Type` says otherwise. */
  static text(text: string, init: ReplyInit = {}): Reply {
    return withContent(text, 'text/plain; charset=utf-8', init)
  }

  /** JSON. */
  static json(value: unknown, init: ReplyInit = {}): Reply {
    return withContent(JSON.stringify(value), 'application/json', init)
  }
}

function withContent(text: string, contentType: string, init: ReplyInit): Reply {
  const headers = new HeaderList(init.headers)
  if (!headers.has('content-type')) headers.append('Content-Type', contentType)
  return new Reply(init.status ?? 200, headers, Body.of(text))
}
