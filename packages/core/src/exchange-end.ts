/** What those hear who wait for the end of an exchange. */
import type { AnyProxyError } from './errors.ts'
import type { Reply } from './reply.ts'

/** How an exchange ended; see {@link Exchange.onEnd}. */
export interface ExchangeEnd {
  /** What was answered; missing where the client left before. */
  readonly reply: Reply | undefined
  /** Missing where the whole reply was handed to the client's connection. */
  readonly error: AnyProxyError | Error | undefined
  /** From the request head to here. */
  readonly durationMs: number
  /** Bytes of the reply's body that were sent. */
  readonly bodyBytes: number
}
