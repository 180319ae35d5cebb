/** What a refused client gets: 403 with a problem document (RFC 9457) that says which kind of guard it was and not which rule. */
import { Reply } from '@sluice/core'
import { Body, fieldName, HeaderList } from '@sluice/wire'

const CONTENT_TYPE = fieldName('Content-Type')
const PROXY_STATUS = fieldName('Proxy-Status')
const CACHE_CONTROL = fieldName('Cache-Control')

/** The document's `code`: stable. */
export type AccessRefusalCode = 'access-refused' | 'cross-site-refused'

/** Refusals come in floods: what is the same in all of them is written once. */
const DOCUMENTS: Readonly<Record<AccessRefusalCode, Uint8Array>> = {
  'access-refused': document('access-refused', 'Access to this is not allowed.'),
  'cross-site-refused': document('cross-site-refused', 'This may not be asked for by another site.'),
}

/** `by` is the proxy's name. */
export function accessRefusal(code: AccessRefusalCode, by: string): Reply {
  const headers = new HeaderList()
    .appendUnchecked(CONTENT_TYPE, 'application/problem+json')
    // RFC 9209, section 2.3: tells it from a refusal of the origin's own.
    .appendUnchecked(PROXY_STATUS, `${by}; error=http_request_denied`)
    .appendUnchecked(CACHE_CONTROL, 'no-store')
  return new Reply(403, headers, Body.of(DOCUMENTS[code]))
}

function document(code: AccessRefusalCode, detail: string): Uint8Array {
  return Buffer.from(JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403, detail, code }))
}
