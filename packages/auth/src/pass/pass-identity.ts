/** Tells the upstream in header fields who is asking. Whatever the client has sent under these names never gets there. */
import { ConfigError, defineMiddleware, identity, type Identity, type Middleware } from '@sluice/core'
import { objectOption, strictOption, textOption } from '@sluice/core/options'
import type { MaybeIdentified } from '../compose/optional.ts'
import { ownFieldOption, removeOwnFields } from '../own-fields.ts'

/** What a field holds: a part of the identity, or one of its claims. Lists are joined with commas. */
export type IdentityPart = 'subject' | 'scheme' | 'scopes' | 'roles' | { readonly claim: string }

/** Options of {@link passIdentity}. */
export interface PassIdentityOptions {
  /** By the names of the fields: `{ 'X-User': 'subject', 'X-Email': { claim: 'email' } }`. */
  readonly headers: Readonly<Record<string, IdentityPart>>
}

interface Part {
  readonly name: string
  readonly key: string
  readonly read: (identity: Identity) => unknown
}

const AT = 'passIdentity'
const PARTS = ['subject', 'scheme', 'scopes', 'roles'] as const

/**
 * Makes the middleware; it stands behind a strategy, or behind `optional`, where nobody may be known and the fields are then missing. They are
 * removed from the request first, also with `_` or another sign for `-`, which CGI-like upstreams take for the same, and from the trailers of its body.
 *
 * A value is visible ASCII and spaces; all else in it, `%`, and in lists `,`, is percent-encoded UTF-8 (RFC 3986, section 2.1). What is neither text nor a
 * number, a boolean or a list is JSON. A claim that is missing has no field.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function passIdentity(options: PassIdentityOptions): Middleware<MaybeIdentified> {
  const fields = objectOption(strictOption(options, ['headers'], AT).headers, `${AT}.headers`)
  const parts = Object.entries(fields).map(([name, part]) => compilePart(name, part))
  if (parts.length === 0) throw new ConfigError(`${AT}.headers`, 'must name at least one field')
  const keys = new Set(parts.map(({ key }) => key))
  if (keys.size < parts.length) throw new ConfigError(`${AT}.headers`, 'has a field twice')
  return defineMiddleware<MaybeIdentified>('passIdentity', (exchange, next) => {
    const { headers } = exchange.request
    removeOwnFields(exchange, keys)
    const who = exchange.peek(identity)
    if (who !== undefined)
      for (const { name, read } of parts) {
        const value = written(read(who))
        if (value !== undefined) headers.append(name, value)
      }
    return next(exchange)
  })
}

function compilePart(name: string, part: IdentityPart): Part {
  const at = `${AT}.headers[${JSON.stringify(name)}]`
  const key = ownFieldOption(name, at)
  if (typeof part === 'object' && part !== null) {
    const claim = textOption(part.claim, `${at}.claim`)
    return { name, key, read: ({ claims }) => (Object.hasOwn(claims, claim) ? claims[claim] : undefined) }
  }
  if (!PARTS.includes(part)) throw new ConfigError(at, 'must be "subject", "scheme", "scopes", "roles" or { claim }')
  return { name, key, read: (who) => who[part] }
}

function written(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) return encoded(textOf(value), NOT_PLAIN)
  return value.map((each) => encoded(textOf(each), NOT_PLAIN_IN_LIST)).join(',')
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value)
}

/** Spaces at either end would be taken off on the way (RFC 9110, section 5.5). */
const NOT_PLAIN = /[^\x20-\x24\x26-\x7e]+|^ +| +$/g
const NOT_PLAIN_IN_LIST = /[^\x20-\x24\x26-\x2b\x2d-\x7e]+|^ +| +$/g

function encoded(text: string, notPlain: RegExp): string {
  return text.replaceAll(
    notPlain,
    (part) => `%${Buffer.from(part).toString('hex').toUpperCase().match(/../g)!.join('%')}`,
  )
}
