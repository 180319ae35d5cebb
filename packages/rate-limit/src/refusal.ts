/** The reply to a request that a limit has no room for: 429 (RFC 6585, section 4) with a problem document (RFC 9457). */
import { Reply } from '@sluice/core'
import { Body, fieldName, HeaderList } from '@sluice/wire'

/** The type that draft-ietf-httpapi-ratelimit-headers-11, section 5, gives this problem. */
export const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

const CONTENT_TYPE = fieldName('Content-Type')
const PROXY_STATUS = fieldName('Proxy-Status')
const CACHE_CONTROL = fieldName('Cache-Control')
const RETRY_AFTER = fieldName('Retry-After')

/** Refusals come in floods, and all that differs between them is a number: the rest is written once. */
export class Refusals {
  /** By the names of the policies: there are as many as there are sets of policies that refuse together. */
  readonly #documents = new Map<string, Uint8Array>()

  /** `violated` are the names of the policies; `by` is the proxy's name. */
  reply(violated: readonly string[], retryAfterMs: number, by: string): Reply {
    const headers = new HeaderList()
      .appendUnchecked(CONTENT_TYPE, 'application/problem+json')
      // RFC 9209, section 2.3: tells it from a 429 of the origin's own.
      .appendUnchecked(PROXY_STATUS, `${by}; error=http_request_denied`)
      .appendUnchecked(CACHE_CONTROL, 'no-store')
      // Never 0, which would invite everybody at once; never before the window that `RateLimit` tells of ends.
      .appendUnchecked(RETRY_AFTER, String(Math.max(1, Math.ceil(retryAfterMs / 1_000 - 1e-6))))
    return new Reply(429, headers, Body.of(this.#document(violated)))
  }

  #document(violated: readonly string[]): Uint8Array {
    const names = violated.length === 1 ? violated[0]! : violated.join('\n')
    const known = this.#documents.get(names)
    if (known !== undefined) return known
    const title = 'Request cannot be satisfied as assigned quota has been exceeded'
    const text = JSON.stringify({ type: QUOTA_EXCEEDED, title, status: 429, 'violated-policies': violated })
    const document = Buffer.from(text)
    this.#documents.set(names, document)
    return document
  }
}
