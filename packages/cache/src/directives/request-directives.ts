/** The directives of a request (RFC 9111, section 5.2.1; RFC 5861, section 4), and `Pragma` where it counts (section 5.4). */
import { type HeaderList, maskOf } from '@sluice/wire'
import { MAX_DELTA_SECONDS, parseDeltaSeconds } from './delta-seconds.ts'
import { type DirectiveVisitor, visitDirectives } from './directive-list.ts'
import { listMembers } from './quoted-string.ts'

/** What a client asks of a cache. Times in milliseconds. */
export class RequestDirectives implements DirectiveVisitor {
  noCache = false
  noStore = false
  onlyIfCached = false
  noTransform = false
  maxAgeMs: number | undefined = undefined
  minFreshMs: number | undefined = undefined
  maxStaleMs: number | undefined = undefined
  staleIfErrorMs: number | undefined = undefined

  directive(name: string, argument: string | null | undefined): void {
    switch (name) {
      case 'no-cache':
        this.noCache = true
        break
      case 'no-store':
        this.noStore = true
        break
      case 'only-if-cached':
        this.onlyIfCached = true
        break
      case 'no-transform':
        this.noTransform = true
        break
      case 'max-age':
        // As with a response: what can't be read means the strictest.
        this.maxAgeMs ??= milliseconds(argument) ?? 0
        break
      case 'min-fresh':
        this.minFreshMs ??= milliseconds(argument)
        break
      case 'max-stale':
        // Without an argument it is any age (section 5.2.1.2).
        this.maxStaleMs ??= argument === undefined ? MAX_DELTA_SECONDS * 1_000 : milliseconds(argument)
        break
      case 'stale-if-error':
        this.staleIfErrorMs ??= milliseconds(argument)
        break
    }
  }
}

const CACHE_CONTROL_OR_PRAGMA = maskOf('cache-control', 'pragma')

/** Reads them; `undefined` where there is nothing to read, the usual case. Never throws. */
export function requestDirectives(headers: HeaderList): RequestDirectives | undefined {
  if (!headers.hasAny(CACHE_CONTROL_OR_PRAGMA)) return undefined
  const directives = new RequestDirectives()
  const value = headers.get('cache-control')
  if (value !== undefined) visitDirectives(value, directives)
  else if (listMembers(headers.get('pragma') ?? '').some((each) => each.toLowerCase() === 'no-cache'))
    directives.noCache = true
  return directives
}

function milliseconds(argument: string | null | undefined): number | undefined {
  const seconds = typeof argument === 'string' ? parseDeltaSeconds(argument) : undefined
  return seconds === undefined ? undefined : seconds * 1_000
}
