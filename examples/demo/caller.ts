/** Who calls, and how often: two middlewares of the demo's own, the second of which needs what the first one sets. */
import { defineMiddleware, defineSlot, type Has, type Middleware, Reply } from '@sluice/core'

/** The name behind an API key. */
export const caller = defineSlot<string>()('demo.caller')

/** Lets in whoever sends a known key in `X-API-Key`; `names` maps keys to callers. The key is not forwarded. */
export function apiKey(names: ReadonlyMap<string, string>): Middleware<unknown, Has<typeof caller>> {
  return defineMiddleware('apiKey', (exchange, next) => {
    const { headers } = exchange.request
    const name = names.get(headers.get('x-api-key') ?? '')
    if (name === undefined) return problem(401, 'an API key is needed, in X-API-Key')
    headers.delete('x-api-key')
    return next(exchange.set(caller, name))
  })
}

interface Bucket {
  tokens: number
  filledAt: number
}

/**
 * A token bucket for each caller: `burst` requests at once, one more each `refillMs`. It can't stand before `apiKey` in a
 * chain, since the compiler knows what it needs.
 */
export function tokenBucket(burst: number, refillMs: number): Middleware<Has<typeof caller>> {
  const buckets = new Map<string, Bucket>()
  return defineMiddleware('tokenBucket', (exchange, next) => {
    const name = exchange.get(caller)
    const now = exchange.clock.now()
    const { tokens, filledAt } = buckets.get(name) ?? { tokens: burst, filledAt: now }
    const filled = Math.min(burst, tokens + (now - filledAt) / refillMs)
    if (filled < 1) {
      const seconds = Math.ceil(((1 - filled) * refillMs) / 1_000)
      return problem(429, `${name} has no request left`, [['Retry-After', String(seconds)]])
    }
    buckets.set(name, { tokens: filled - 1, filledAt: now })
    return next(exchange)
  })
}

/** A refusal is a reply, not an error (RFC 9457 for the form). */
function problem(status: number, detail: string, headers: readonly (readonly [string, string])[] = []): Reply {
  const document = JSON.stringify({ type: 'about:blank', status, detail })
  return Reply.text(`${document}\n`, { status, headers: [['Content-Type', 'application/problem+json'], ...headers] })
}
