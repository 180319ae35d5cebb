/** `Cache-Status` (RFC 9211): what this cache did with a request. */
import { isToken } from '@sluice/wire'

/** Why a request went on (section 2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial'

/** What is told beside the reason. */
export interface ForwardFacts {
  /** The upstream's status, where it is another than the reply's. */
  readonly status?: number | undefined
  readonly stored?: boolean
  readonly collapsed?: boolean
  readonly ttl?: number | undefined
  readonly detail?: string | undefined
}

/** How this cache is told from others on the way. */
export function cacheIdentifier(name: string): string {
  return isToken(name) && /^[A-Za-z*]/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
}

/** `ttl` in whole seconds; below 0 where the response is stale. */
export function hitStatus(identifier: string, ttl: number, detail?: string): string {
  return `${identifier}; hit; ttl=${ttl}${detail === undefined ? '' : `; detail=${detail}`}`
}

export function forwardStatus(identifier: string, reason: ForwardReason, facts: ForwardFacts): string {
  let status = `${identifier}; fwd=${reason}`
  if (facts.status !== undefined) status += `; fwd-status=${facts.status}`
  if (facts.ttl !== undefined) status += `; ttl=${facts.ttl}`
  if (facts.stored === true) status += '; stored'
  if (facts.collapsed === true) status += '; collapsed'
  if (facts.detail !== undefined) status += `; detail=${facts.detail}`
  return status
}

/** As a parameter, where it can be one (a string of ASCII). */
export function keyParameter(key: string): string {
  const text = key.replace(/[^\x20-\x7e]/g, ' ')
  return `; key="${text.replace(/["\\]/g, '\\$&')}"`
}
