/** What an identity has to have: scopes, roles, claims. Who it is was proven before; here it is whether that is enough, or 403. */
import { ConfigError, defineMiddleware, type Exchange, identity, type Identity, type Middleware } from '@sluice/core'
import { objectOption, strictOption } from '@sluice/core/options'
import { challengeOf } from './challenge.ts'
import { refused } from './events.ts'
import { refusalReply } from './refusal-reply.ts'
import type { Identified, Refusal } from './strategy.ts'

/** A value that a claim has, or one of several. */
export type ClaimValue = string | number | boolean | null

/** Options of {@link requireIdentity}. What is given has to be true all together. */
export interface RequireOptions<I extends Identity = Identity> {
  /** Scopes, of which it needs all. */
  readonly scopes?: readonly string[]
  /** Roles, of which it needs one. */
  readonly roles?: readonly string[]
  /** Claims by their names: the value, or a list of which it needs one. A claim that is a list itself needs to have one of them. */
  readonly claims?: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>
  /** Anything else, such as `(who, x) => x.params.user === who.subject`. What is not `true` is no; it can't wait for a promise. */
  readonly when?: (identity: I, exchange: Exchange<Identified<I>>) => boolean
}

/** The middleware, with a look inside. */
export interface RequiredIdentity<I extends Identity = Identity> extends Middleware<Identified<I>> {
  snapshot(): { readonly admitted: number; readonly refused: number }
}

type Rule<I extends Identity> = (identity: I, exchange: Exchange<Identified<I>>) => boolean

const AT = 'require'
const NAMES = ['scopes', 'roles', 'claims', 'when']
/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * Makes the middleware; it stands behind a strategy, and does not compile elsewhere. Whoever has come with a token is told by `WWW-Authenticate` which
 * scopes are missing (RFC 6750, section 3.1).
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function requireIdentity<I extends Identity = Identity>(options: RequireOptions<I>): RequiredIdentity<I> {
  const rules = rulesOf(strictOption(options, NAMES, AT))
  const scope = options.scopes?.join(' ')
  const counts = { admitted: 0, refused: 0 }
  const middleware = defineMiddleware<Identified<I>>('require', (exchange, next) => {
    const who = exchange.get(identity)
    const broken = rules.find(([, holds]) => !holds(who, exchange))
    if (broken === undefined) {
      counts.admitted++
      return next(exchange)
    }
    counts.refused++
    const [reason] = broken
    if (refused.hasSubscribers) refused.publish({ exchange, strategy: AT, status: 403, reason })
    return refusalReply(refusalFor(reason, scope, exchange), undefined, exchange.settings.name)
  })
  return Object.assign(middleware, { snapshot: () => ({ ...counts }) })
}

/** Each with the word that events have for it. */
function rulesOf<I extends Identity>({ scopes, roles, claims, when }: RequireOptions<I>): [string, Rule<I>][] {
  const rules: [string, Rule<I>][] = []
  if (scopes !== undefined) {
    words(scopes, `${AT}.scopes`).forEach((each, index) => {
      if (!SCOPE.test(each))
        throw new ConfigError(`${AT}.scopes[${index}]`, 'must be of visible ASCII without " and \\')
    })
    rules.push(['scope', (who) => scopes.every((each) => who.scopes.includes(each))])
  }
  if (roles !== undefined) {
    words(roles, `${AT}.roles`)
    rules.push(['role', (who) => roles.some((each) => who.roles.includes(each))])
  }
  for (const [name, wanted] of Object.entries(claims === undefined ? {} : objectOption(claims, `${AT}.claims`)))
    rules.push(['claim', claimRule(name, wanted)])
  if (when !== undefined) {
    if (typeof when !== 'function') throw new ConfigError(`${AT}.when`, 'must be a function')
    // An object is no yes: least of all the promise of a function that may not give one.
    const says: (...parameters: Parameters<Rule<I>>) => unknown = when
    rules.push(['condition', (who, exchange) => says(who, exchange) === true])
  }
  if (rules.length === 0) throw new ConfigError(AT, 'needs "scopes", "roles", "claims" or "when"')
  return rules
}

function claimRule(name: string, wanted: ClaimValue | readonly ClaimValue[]): Rule<Identity> {
  const at = `${AT}.claims[${JSON.stringify(name)}]`
  const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted]
  if (values.length === 0) throw new ConfigError(at, 'must not be an empty list')
  if (values.some((each) => each !== null && !['string', 'number', 'boolean'].includes(typeof each)))
    throw new ConfigError(at, 'must be a string, a number, a boolean, null or a list of them')
  return ({ claims }) => {
    if (!Object.hasOwn(claims, name)) return false
    const value = claims[name]
    return Array.isArray(value) ? value.some((each) => values.includes(each)) : values.includes(value)
  }
}

function words(list: unknown, at: string): readonly string[] {
  if (Array.isArray(list) && list.length > 0 && list.every((each) => typeof each === 'string' && each !== ''))
    return list as string[]
  throw new ConfigError(at, 'must be a list of at least one string')
}

/** Of the schemes that have a word for it, the one that the token came with; as received, since it may have been taken off. */
function refusalFor(reason: string, scope: string | undefined, exchange: Exchange): Refusal {
  const refusal: Refusal = { kind: 'refused', status: 403, reason }
  if (reason !== 'scope' || scope === undefined) return refusal
  const scheme = /^(bearer|dpop) /i.exec(exchange.received.headers.get('authorization') ?? '')?.[1]?.toLowerCase()
  if (scheme === undefined) return refusal
  const parameters = { error: 'insufficient_scope', scope }
  return { ...refusal, challenge: challengeOf(scheme === 'dpop' ? 'DPoP' : 'Bearer', parameters) }
}
