/** The directives of a response (RFC 9111, section 5.2.2; RFC 5861), whichever field they came in. */
import { parseDeltaSeconds } from './delta-seconds.ts'
import { type DirectiveVisitor, visitDirectives } from './directive-list.ts'
import { fieldNames } from './quoted-string.ts'

/** What a response says of caching. Times in seconds; `undefined` where they are not there. */
export class ResponseDirectives implements DirectiveVisitor {
  noStore = false
  noCache = false
  /** Fields that `no-cache="a, b"` names: they are not sent without validation. */
  noCacheFields: readonly string[] | undefined = undefined
  isPrivate = false
  /** Fields that `private="a, b"` names: they are not stored. */
  privateFields: readonly string[] | undefined = undefined
  isPublic = false
  mustRevalidate = false
  proxyRevalidate = false
  mustUnderstand = false
  noTransform = false
  /** What is no number is 0: such a response is stale (section 4.2.1). */
  maxAge: number | undefined = undefined
  sMaxAge: number | undefined = undefined
  staleWhileRevalidate: number | undefined = undefined
  staleIfError: number | undefined = undefined

  directive(name: string, argument: string | null | undefined): void {
    switch (name) {
      case 'no-store':
        this.noStore = true
        break
      case 'no-cache':
        if (typeof argument === 'string') this.noCacheFields = [...(this.noCacheFields ?? []), ...fieldNames(argument)]
        else this.noCache = true
        break
      case 'private':
        if (typeof argument === 'string') this.privateFields = [...(this.privateFields ?? []), ...fieldNames(argument)]
        else this.isPrivate = true
        break
      case 'public':
        this.isPublic = true
        break
      case 'must-revalidate':
        this.mustRevalidate = true
        break
      case 'proxy-revalidate':
        this.proxyRevalidate = true
        break
      case 'must-understand':
        this.mustUnderstand = true
        break
      case 'no-transform':
        this.noTransform = true
        break
      case 'max-age':
        this.maxAge ??= seconds(argument) ?? 0
        break
      case 's-maxage':
        this.sMaxAge ??= seconds(argument) ?? 0
        break
      case 'stale-while-revalidate':
        this.staleWhileRevalidate ??= seconds(argument) ?? 0
        break
      case 'stale-if-error':
        this.staleIfError ??= seconds(argument) ?? 0
        break
      // Whatever else there is means nothing to this cache (section 5.2.3).
    }
  }
}

/** Reads the value of `Cache-Control`, of all its lines joined. Never throws. What comes back is not to be changed. */
export function parseResponseDirectives(value: string | undefined): ResponseDirectives {
  if (value === undefined) return NO_DIRECTIVES
  const known = recent.get(value)
  if (known !== undefined) return known
  const directives = new ResponseDirectives()
  visitDirectives(value, directives)
  if (value.length <= MAX_REMEMBERED_CHARS) {
    if (recent.size >= MAX_REMEMBERED) recent.clear()
    recent.set(value, directives)
  }
  return directives
}

const NO_DIRECTIVES = new ResponseDirectives()
/** An upstream has few values, and sends them again and again. */
const recent = new Map<string, ResponseDirectives>()
const MAX_REMEMBERED = 256
const MAX_REMEMBERED_CHARS = 128

function seconds(argument: string | null | undefined): number | undefined {
  return typeof argument === 'string' ? parseDeltaSeconds(argument) : undefined
}
