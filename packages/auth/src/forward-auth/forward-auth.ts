/**
 * Authentication by asking: a service of one's own (oauth2-proxy, Authelia, ...) is shown chosen fields of each request, and its
 * answer decides. Fails closed.
 *
 *     forwardAuth({ url: 'http://127.0.0.1:4181/verify', copyFields: ['remote-user'], subjectField: 'remote-user' })
 */
import { type Exchange, type Identity, Reply } from '@sluice/core'
import { strictOption } from '@sluice/core/options'
import { Body, HeaderList } from '@sluice/wire'
import type { AuthCache, CachedVerdict } from '../cache/auth-cache.ts'
import { resolveCache } from '../cache/cache-option.ts'
import { defineStrategy } from '../define-strategy.ts'
import { forwardAuthFailed } from '../events.ts'
import { removeOwnFields } from '../own-fields.ts'
import type { Refusal, Strategy, Verdict } from '../strategy.ts'
import { identityIn } from './answered-identity.ts'
import { type Answer, Asker } from './asker.ts'
import {
  FORWARD_AUTH_OPTIONS,
  type ForwardAuthOptions,
  type ForwardAuthPlan,
  resolveForwardAuth,
} from './forward-auth-options.ts'

/** Whoever the service has let pass. */
export interface ForwardAuthIdentity extends Identity {
  readonly scheme: 'forward-auth'
  /** The fields of the answer that are copied, in lower case. */
  readonly claims: Readonly<Record<string, string>>
  readonly raw: undefined
}

/**
 * Makes the strategy. 2xx lets the request pass, with `copyFields` of the answer on it. 401, 403 and 3xx go to the client, with
 * `refusalFields` and the body. Anything else, silence included, is 503.
 *
 * It looks at every request: below `anyOf` nobody is asked behind it. A client's own `copyFields` never pass: where another strategy decides, they are
 * removed all the same, and what this service has answered is not told.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function forwardAuth(options: ForwardAuthOptions): Strategy<ForwardAuthIdentity> {
  const plan = resolveForwardAuth(strictOption(options, FORWARD_AUTH_OPTIONS, 'forwardAuth'), 'forwardAuth')
  const cache =
    plan.keyOf === undefined ? undefined : resolveCache(options.cache, true, 'forward-auth', 'forwardAuth.cache')
  const check = new ForwardAuthCheck(plan, cache)
  return defineStrategy<ForwardAuthIdentity>({
    scheme: 'forward-auth',
    authenticate: (exchange) => check.authenticate(exchange),
    strip: (exchange, identity) => check.strip(exchange, identity),
    cache,
    details: () => check.snapshot(),
  })
}

const UNAVAILABLE: Refusal = Object.freeze({ kind: 'refused', status: 503, reason: 'unavailable' })
const REPEATED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'repeated' })
/** Fields that may come in several lines, which say the same as one (RFC 9110, section 5.3). */
const LIST = /^(?:accept(?:-.+)?|cache-control|cookie|forwarded|via|x-forwarded-.+)$/
const PASSED: ForwardAuthIdentity = Object.freeze({
  scheme: 'forward-auth',
  subject: 'unauthenticated',
  claims: Object.freeze({}),
  scopes: Object.freeze([]),
  roles: Object.freeze([]),
  raw: undefined,
})

class ForwardAuthCheck {
  readonly #plan: ForwardAuthPlan
  readonly #cache: AuthCache | undefined
  readonly #asker: Asker
  /** Refusals that nobody else may get. */
  readonly #personal = new WeakSet<Refusal>()
  /** Whom the service has let pass, which may not be what decides. */
  readonly #answered = new WeakMap<Exchange, ForwardAuthIdentity>()

  constructor(plan: ForwardAuthPlan, cache: AuthCache | undefined) {
    this.#plan = plan
    this.#cache = cache
    this.#asker = new Asker(plan)
  }

  authenticate(exchange: Exchange): Verdict<ForwardAuthIdentity> | Promise<Verdict<ForwardAuthIdentity>> {
    if (this.#plan.requestFields.some((field) => isRepeated(exchange, field))) return REPEATED
    const verdict = this.#verdictOn(exchange)
    return verdict instanceof Promise
      ? verdict.then((each) => this.#remember(exchange, each))
      : this.#remember(exchange, verdict)
  }

  strip(exchange: Exchange, identity: Identity | undefined): void {
    if (this.#plan.copyFields.length === 0) return
    removeOwnFields(exchange, this.#plan.ownFields)
    const answered = this.#answered.get(exchange)
    if (answered === undefined || answered !== identity) return
    for (const field of this.#plan.copyFields) {
      const value = answered.claims[field]
      if (value !== undefined) exchange.request.headers.append(field, value)
    }
  }

  snapshot(): Readonly<Record<string, number>> {
    return { asked: this.#asker.asked, failed: this.#asker.failed }
  }

  #verdictOn(exchange: Exchange): Verdict<ForwardAuthIdentity> | Promise<Verdict<ForwardAuthIdentity>> {
    const key = this.#plan.keyOf?.(exchange)
    const cache = this.#cache
    // Nobody else waits for it.
    if (cache === undefined || key === undefined)
      return this.#ask(exchange, exchange.signal).then(({ verdict }) => verdict)
    let isOwn = false
    const verdict = cache.through(cache.keyOf('forward-auth', key), exchange.clock.wallTime(), () => {
      isOwn = true
      return this.#ask(exchange, undefined)
    })
    return verdict instanceof Promise && !isOwn ? this.#shared(exchange, verdict) : verdict
  }

  /** What was meant for one client alone, such as the cookie of a log-in that begins, each has to be given by itself. */
  async #shared(
    exchange: Exchange,
    pending: Promise<Verdict<ForwardAuthIdentity>>,
  ): Promise<Verdict<ForwardAuthIdentity>> {
    const verdict = await pending
    if (verdict.kind !== 'refused' || !this.#personal.has(verdict)) return verdict
    return (await this.#ask(exchange, exchange.signal)).verdict
  }

  #remember(exchange: Exchange, verdict: Verdict<ForwardAuthIdentity>): Verdict<ForwardAuthIdentity> {
    if (verdict.kind === 'accepted') this.#answered.set(exchange, verdict.identity)
    return verdict
  }

  async #ask(exchange: Exchange, signal: AbortSignal | undefined): Promise<CachedVerdict<ForwardAuthIdentity>> {
    const answer = await this.#asker.ask(exchange, signal)
    const { status, headers } = answer
    if (status >= 200 && status < 300)
      return { verdict: { kind: 'accepted', identity: identityIn(headers, exchange, this.#plan) } }
    if ((status >= 300 && status < 400) || status === 401 || status === 403) return this.#refusal(answer)
    if (signal?.aborted === true) return { verdict: UNAVAILABLE }
    if (forwardAuthFailed.hasSubscribers) forwardAuthFailed.publish({ exchange, status })
    // Whatever it is that lets it pass, it is not to be remembered.
    if (this.#plan.failsOpen) return { verdict: { kind: 'accepted', identity: PASSED }, expiresAt: 0 }
    return { verdict: UNAVAILABLE }
  }

  #refusal({ status, headers, body }: Answer): CachedVerdict<never> {
    // A body that is encoded makes no sense without it.
    const fields = [...this.#plan.refusalFields, 'content-encoding'].flatMap((name) =>
      headers.getAll(name).map((value): readonly [string, string] => [name, value]),
    )
    const reply = (): Reply => {
      const copy = new HeaderList(fields)
      if (!copy.has('cache-control')) copy.append('Cache-Control', 'no-store')
      return new Reply(status, copy, body.byteLength === 0 ? Body.empty : Body.of(body))
    }
    const verdict: Refusal = { kind: 'refused', status: status === 403 ? 403 : 401, reason: 'refused', reply }
    if (!fields.some(([name]) => name === 'set-cookie')) return { verdict }
    this.#personal.add(verdict)
    return { verdict, expiresAt: 0 }
  }
}

function isRepeated({ request }: Exchange, field: string): boolean {
  return !LIST.test(field) && request.headers.has(field) && request.headers.getAll(field).length > 1
}
