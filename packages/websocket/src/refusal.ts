/** What a client gets whose tunnel is not wanted: an expected refusal, and so a reply (RFC 9457). */
import { STATUS_CODES } from 'node:http'
import { Reply } from '@sluice/core'

/** `detail` is one sentence that anybody may see. */
export function refusal(status: number, detail: string): Reply {
  const title = STATUS_CODES[status] ?? 'Error'
  return Reply.json(
    { type: 'about:blank', title, status, detail },
    { status, headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' } },
  )
}
