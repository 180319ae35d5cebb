/** A proxy as a Fetch handler: `(request: Request) => Promise<Response>`, which Hono and many others can mount. */
import type { ReadableStream } from 'node:stream/web'
import { Body, HeaderList } from '@sluice/wire'
import type { Peer } from './client.ts'
import type { Admission, Entrance } from './entrance/entrance.ts'
import { InternalError } from './errors.ts'
import { ReceivedRequest } from './exchange-request.ts'
import { limitBody } from './limited-body.ts'
import { observeBody } from './observed-body.ts'
import { problemReply } from './problem.ts'
import { frameReply } from './reply-framing.ts'
import type { Reply } from './reply.ts'

/** What a `Request` does not say. */
export interface FetchInit {
  /** The client's connection. @default { address: '', port: 0, secure: by the URL's scheme } */
  readonly peer?: Partial<Peer>
  /** The body, where it was read from the request before. */
  readonly body?: string | Uint8Array
}

/** `undefined` where no route matches and `leaveUnmatched` is set. */
export async function fetchThrough(
  entrance: Entrance,
  request: Request,
  init: FetchInit,
  leaveUnmatched: boolean,
): Promise<Response | undefined> {
  const url = new URL(request.url)
  const headers = HeaderList.received([...request.headers].flat())
  if (!headers.has('host')) headers.append('Host', url.host)
  const body = bodyOf(request, init, headers)
  if (body === undefined)
    return toResponse(problemReply(new InternalError('ERR_SLUICE_BODY_CONSUMED'), entrance.settings.name))
  // Fetch has taken the message's framing apart: what is left of it says nothing about the body that is here.
  if (headers.has('transfer-encoding')) headers.delete('transfer-encoding')
  const admission = entrance.admit({
    received: new ReceivedRequest(request.method, targetOf(request.url, url), headers, '1.1'),
    body: limitBody(body, entrance.settings.maxBodyBytes),
    peer: { address: '', port: 0, secure: url.protocol === 'https:', ...init.peer },
    downstream: { informational() {} },
    upgrade: undefined,
  })
  if (admission.isUnmatched && leaveUnmatched) return undefined
  return await respond(entrance, admission, request)
}

function respond(entrance: Entrance, admission: Admission, request: Request): Promise<Response> {
  const { exchange } = admission
  const leave = () => exchange.abort()
  if (request.signal.aborted) leave()
  request.signal.addEventListener('abort', leave, { once: true })
  return new Promise((resolve) => {
    entrance.answer(admission, (reply) => {
      frameReply(reply, request.method)
      const isEmpty = reply.body.isEmpty
      reply.body = observeBody(reply.body, (bytes, error) => {
        request.signal.removeEventListener('abort', leave)
        if (error !== undefined) exchange.abort()
        exchange.end(reply, bytes, error)
      })
      if (isEmpty) {
        request.signal.removeEventListener('abort', leave)
        exchange.end(reply, 0)
      }
      resolve(toResponse(reply, isEmpty))
    })
  })
}

function toResponse(reply: Reply, isEmpty = reply.body.isEmpty): Response {
  const headers = new Headers()
  for (const [name, value] of reply.headers) headers.append(name, value)
  // A Response can't be a 101; a listener's upgrade handler is the way for these.
  const status = reply.status === 101 ? 501 : reply.status
  return new Response(isEmpty ? null : reply.body.stream(), {
    status,
    headers,
  })
}

/** The target as the client wrote it: `URL` would resolve dots and drop an empty query. */
function targetOf(text: string, url: URL): string {
  const start = text.indexOf('/', text.indexOf('//') + 2)
  const raw = start < 0 ? '/' : text.slice(start)
  const fragment = raw.indexOf('#')
  return (fragment < 0 ? raw : raw.slice(0, fragment)) || url.pathname
}

/** `undefined` where the body was read before and not given. */
function bodyOf(request: Request, init: FetchInit, headers: HeaderList): Body | undefined {
  if (init.body !== undefined) return Body.of(init.body)
  if (request.bodyUsed) return undefined
  if (request.body === null) return Body.empty
  const length = headers.get('content-length')
  const known = length !== undefined && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined
  return known === 0 ? Body.empty : Body.fromStream(request.body as ReadableStream<Uint8Array>, known)
}
