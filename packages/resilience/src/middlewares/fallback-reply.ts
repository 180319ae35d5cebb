/** A reply that stands in for a route's own: as data, made anew for each exchange, or made by a function. */
import { ConfigError, type Exchange, type InternalError, Reply } from '@sluice/core'
import { strictOption } from '@sluice/core/options'

/** A reply as plain data. */
export interface FallbackData {
  /** 200 to 599. @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text as it is; anything else as JSON. @default none */
  readonly body?: unknown
}

/** Makes the reply; `error` is what the client would get without. */
export type FallbackFunction<N = unknown> = (exchange: Exchange<N>, error: InternalError) => Reply | Promise<Reply>

/** Compiles either form. @throws {ConfigError} where the data makes no reply */
export function fallbackOption<N>(fallback: FallbackData | FallbackFunction<N>, at: string): FallbackFunction<N> {
  if (typeof fallback === 'function') return fallback
  if (typeof fallback !== 'object' || fallback === null)
    throw new ConfigError(at, 'must be a function, or an object with status, headers and body')
  const { status = 200, headers = {}, body } = strictOption(fallback, ['status', 'headers', 'body'], at)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const make = (): Reply => {
    if (text === undefined) return Reply.empty(status, headers)
    return typeof body === 'string' ? Reply.text(text, { status, headers }) : Reply.json(body, { status, headers })
  }
  try {
    // A status or a field that is none had better be found now.
    make()
  } catch (cause) {
    throw new ConfigError(at, (cause as Error).message, { cause })
  }
  return make
}
