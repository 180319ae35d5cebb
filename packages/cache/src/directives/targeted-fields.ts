/**
 * Targeted cache control (RFC 9213): of the fields in a cache's target list the first that is there and well-formed says what
 * `Cache-Control` and `Expires` would have said, and these two count for nothing then.
 */
import type { HeaderList } from '@sluice/wire'
import { MAX_DELTA_SECONDS } from './delta-seconds.ts'
import { parseResponseDirectives, ResponseDirectives } from './response-directives.ts'
import { parseDictionary, type SfMember } from './structured-fields.ts'

/** What a response says, and in which field. */
export interface EffectiveDirectives {
  readonly directives: ResponseDirectives
  /** Whether a targeted field said it: then `Expires` is ignored (section 2.2). */
  readonly isTargeted: boolean
}

/** `targets` in lower case, in the order of their precedence. Never throws. */
export function effectiveDirectives(headers: HeaderList, targets: readonly string[]): EffectiveDirectives {
  for (const target of targets) {
    const value = headers.get(target)
    const directives = value === undefined ? undefined : parseTargeted(value)
    if (directives !== undefined) return { directives, isTargeted: true }
  }
  return { directives: parseResponseDirectives(headers.get('cache-control')), isTargeted: false }
}

/** The directives of a targeted field; `undefined` where it is empty or malformed, and so ignored (section 2.1). */
export function parseTargeted(value: string): ResponseDirectives | undefined {
  const members = parseDictionary(value)
  if (members === undefined || members.size === 0) return undefined
  const directives = new ResponseDirectives()
  for (const [name, member] of members) {
    const argument = argumentOf(name, member)
    if (argument !== null) directives.directive(name, argument)
  }
  return directives
}

const WITH_SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'])

/** As `Cache-Control` would have it; `null` where the type is none that this directive can have. */
function argumentOf(name: string, member: SfMember): string | null | undefined {
  if (WITH_SECONDS.has(name))
    return typeof member === 'number' ? String(Math.min(Math.max(member, 0), MAX_DELTA_SECONDS)) : null
  if (member === true) return undefined
  // `no-cache="a, b"`; what restricts is better taken for more than for less.
  if (typeof member === 'string') return member
  return member === false ? null : undefined
}
