/** What a classic plugin gets: the head as far as it was granted, and the body where it was. */
import { isUtf8 } from 'node:buffer'
import { REPLY, REQUEST } from '../abi/sluice-v1.ts'
import type { Guest } from '../host-functions/guest.ts'
import type { Kind } from '../host-functions/message-edits.ts'

type Fields = Record<string, string[]>

/** For `on_request`. */
export function requestJson(guest: Guest): string {
  const { client, received, request } = guest.call.exchange!
  const mayReadAddress = guest.services.manifest.capabilities.mayReadProperty('client.address')
  return JSON.stringify({
    method: request.method,
    uri: request.target,
    version: `HTTP/${received.httpVersion}`,
    headers: fieldsOf(guest, REQUEST),
    ...bodyOf(guest),
    ...(mayReadAddress ? { client_address: client.address } : {}),
  })
}

/** For `on_response`. */
export function replyJson(guest: Guest): string {
  const { exchange, reply } = guest.call
  return JSON.stringify({
    status: reply!.status,
    version: `HTTP/${exchange!.received.httpVersion}`,
    headers: fieldsOf(guest, REPLY),
    ...bodyOf(guest),
  })
}

function fieldsOf({ call, names, services }: Guest, kind: Kind): Fields | { readonly headers: Fields } {
  // Without a prototype: a field may have any name.
  const fields = Object.create(null) as Fields
  const flat = call.headers(kind)!.raw()
  for (let i = 0; i < flat.length; i += 2) {
    const { key, read } = names.make(flat[i]!)
    if (read[kind]) (fields[key] ??= []).push(flat[i + 1]!)
  }
  return services.manifest.jsonHeaders === 'nested' ? { headers: fields } : fields
}

/** `body` is there in any case: types of Rust miss it otherwise. */
function bodyOf({ call }: Guest): { readonly body: string | null; readonly body_base64?: string } {
  const { body } = call
  if (body === undefined) return { body: null }
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  return isUtf8(bytes) ? { body: bytes.toString() } : { body: null, body_base64: bytes.toString('base64') }
}
