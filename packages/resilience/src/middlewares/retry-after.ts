/** What a reply says about when to ask again: `Retry-After` (RFC 9110, section 10.2.3). */
import type { Exchange, Reply } from '@sluice/core'

/** In milliseconds from now, 0 for what is past; missing where the reply does not say, or not in a form that can be read. */
export function retryAfterOf(reply: Reply, exchange: Exchange): number | undefined {
  const value = reply.headers.get('retry-after')?.trim()
  if (value === undefined) return undefined
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1_000
  // Only the form that senders must write (section 5.6.7): Date.parse would take many others, each in its own way.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - exchange.clock.wallTime())
}
