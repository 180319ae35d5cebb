/** The exchange that goes on to what stands below the cache. */
import type { Exchange, Handler } from '@sluice/core'

/**
 * What stands below may change the request; keys and variants are those of what the client has asked for, and it may have to be sent once
 * more. `forward` changes nothing.
 */
export function askedBy({ exchange, next }: { readonly exchange: Exchange; readonly next: Handler }): Exchange {
  return (next as { readonly direct?: unknown }).direct === undefined ? exchange.branch() : exchange
}
