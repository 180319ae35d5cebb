/**
 * What a refused client gets: 401 with its challenges (RFC 9110, section 15.5.2), 403, or 503 where nobody could say; a problem
 * document (RFC 9457) that says no more than the status, since the reason helps those who guess.
 */
import { STATUS_CODES } from 'node:http'
import { InternalError, problemReply, Reply } from '@sluice/core'
import { Body, fieldName, HeaderList } from '@sluice/wire'
import type { Refusal } from './strategy.ts'

const CONTENT_TYPE = fieldName('Content-Type')
const PROXY_STATUS = fieldName('Proxy-Status')
const CACHE_CONTROL = fieldName('Cache-Control')
const DEFAULT_RETRY_AFTER_MS = 1_000

/** Refusals come in floods: what is the same in all of them is written once. */
const DOCUMENTS = {
  401: document(401, 'This needs credentials that are accepted here.'),
  403: document(403, 'This is not allowed for whoever asks.'),
}

/** `challenge` is the strategy's own, for where the refusal has none; `by` is the proxy's name. */
export function refusalReply(refusal: Refusal, challenge: string | readonly string[] | undefined, by: string): Reply {
  if (refusal.reply !== undefined) return refusal.reply()
  const { status, retryAfterMs = DEFAULT_RETRY_AFTER_MS } = refusal
  if (status === 503) return problemReply(new InternalError('ERR_SLUICE_AUTH_UNKNOWN', { retryAfterMs }), by)
  const headers = new HeaderList()
    .appendUnchecked(CONTENT_TYPE, 'application/problem+json')
    // RFC 9209, section 2.3: tells it from a refusal of the origin's own.
    .appendUnchecked(PROXY_STATUS, `${by}; error=http_request_denied`)
    .appendUnchecked(CACHE_CONTROL, 'no-store')
  // With 403 only where the refusal itself has one: other credentials of the same kind would not help.
  for (const each of listOf(refusal.challenge ?? (status === 401 ? challenge : undefined)))
    headers.append('WWW-Authenticate', each)
  for (const [name, value] of Object.entries(refusal.fields ?? {})) headers.append(name, value)
  return new Reply(status, headers, Body.of(DOCUMENTS[status]))
}

/** None, one or several challenges. */
export function listOf(challenge: string | readonly string[] | undefined): readonly string[] {
  return challenge === undefined ? [] : typeof challenge === 'string' ? [challenge] : challenge
}

function document(status: number, detail: string): Uint8Array {
  return Buffer.from(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail }))
}
