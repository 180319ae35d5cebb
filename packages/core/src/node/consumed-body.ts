/**
 * The body of a request that a framework's parser has read already: `express.json()` leaves the stream empty and the value
 * in `request.body`. It is written again, or refused loudly; a proxy that forwards an empty stream with the old length
 * makes the upstream wait for ever.
 */
import type { IncomingMessage } from 'node:http'
import { Body, type HeaderList } from '@sluice/wire'
import { InternalError } from '../errors.ts'

/** Fields that describe bytes which are no longer the client's (RFC 9530 for the digests). */
const DESCRIPTIONS = ['content-encoding', 'content-digest', 'repr-digest', 'digest', 'content-md5']

/** Whether something has read from the request before us. */
export function isConsumed(request: Pick<IncomingMessage, 'readableDidRead' | 'readableEnded'>): boolean {
  return request.readableDidRead || request.readableEnded
}

/**
 * The body again, made from `parsed`. Corrects `headers`.
 * @throws {InternalError} `ERR_SLUICE_BODY_CONSUMED` where it can't be made again
 */
export function consumedBody(parsed: unknown, headers: HeaderList): Body {
  const text = serialise(parsed, headers.get('content-type')?.toLowerCase() ?? '')
  for (const name of DESCRIPTIONS) headers.delete(name)
  return Body.of(text)
}

function serialise(parsed: unknown, contentType: string): string | Uint8Array {
  // A raw or text parser leaves what was on the wire.
  if (parsed instanceof Uint8Array || typeof parsed === 'string') return parsed
  if (parsed !== undefined && isJson(contentType)) return JSON.stringify(parsed)
  if (isRecord(parsed) && contentType.startsWith('application/x-www-form-urlencoded')) return urlencoded(parsed)
  throw new InternalError('ERR_SLUICE_BODY_CONSUMED', {
    message: `a body of type "${contentType}" was read before the proxy and can not be made again: mount the proxy before the parser`,
  })
}

function isJson(contentType: string): boolean {
  return /^application\/(?:json|[^;]*\+json)\b/.test(contentType)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** With brackets for what is nested, the notation that parsers of the `qs` kind read; flat lists as repeated names. */
function urlencoded(value: Readonly<Record<string, unknown>>): string {
  const form = new URLSearchParams()
  const add = (name: string, each: unknown): void => {
    if (isRecord(each)) for (const [key, inner] of Object.entries(each)) add(`${name}[${key}]`, inner)
    else if (each !== undefined) form.append(name, each === null ? '' : `${each as string | number | boolean}`)
  }
  for (const [name, each] of Object.entries(value)) {
    if (Array.isArray(each) && !each.some(isRecord)) for (const item of each) add(name, item)
    else add(name, each)
  }
  return form.toString()
}
