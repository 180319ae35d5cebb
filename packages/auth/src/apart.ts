/** Work for one client that others may be waiting for as well. */
import type { Exchange } from '@sluice/core'

/** Runs it with an exchange of its own, so that it is not given up when the client leaves who happened to come first. */
export async function apart<T>(exchange: Exchange, work: (own: Exchange) => T | Promise<T>): Promise<T> {
  const own = exchange.detached()
  try {
    return await work(own)
  } finally {
    own.end(undefined, 0)
  }
}
