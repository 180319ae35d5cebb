/** Which subprotocols targets are asked for (RFC 6455, section 1.9); what they choose goes to the client as it is. */
import { ConfigError } from '@sluice/core'
import { type HeaderList, isToken } from '@sluice/wire'

const FIELD = 'sec-websocket-protocol'

/** Takes out what is not allowed; says whether a client that offered some has one left. */
export type SubprotocolRule = (headers: HeaderList) => boolean

/** Compiles the list. `at` is the option's place. */
export function subprotocolRule(allowed: readonly string[], at: string): SubprotocolRule {
  if (!Array.isArray(allowed) || !allowed.every((each: unknown) => typeof each === 'string' && isToken(each)))
    throw new ConfigError(at, 'must be a list of subprotocols')
  const names = new Set<string>(allowed)
  return (headers) => {
    const offered = headers.get(FIELD)
    if (offered === undefined) return true
    const left = offered
      .split(',')
      .map((each) => each.trim())
      .filter((each) => names.has(each))
    if (left.length === 0) return false
    headers.set('Sec-WebSocket-Protocol', left.join(', '))
    return true
  }
}
