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
 * A client's own `copyFields` never pass: below `anyOf`, where another strategy may decide, they are removed all the same.
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
    strip: (exchange) => check.strip(exchange),
    cache,
    details: () => check.snapshot(),
  })
}

const UNAVAILABLE: Refusal = Object.freeze({ kind: 'refused', status: 503, reason: 'unavailable' })
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
  /** Whose fields are the answer's, and not the client's. */
  readonly #adopted = new WeakSet<Exchange>()

  constructor(plan: ForwardAuthPlan, cache: AuthCache | undefined) {
    this.#plan = plan
    this.#cache = cache
    this.#asker = new Asker(plan)
  }

  authenticate(exchange: Exchange): Verdict<ForwardAuthIdentity> | Promise<Verdict<ForwardAuthIdentity>> {
    const verdict = this.#verdictOn(exchange)
    return verdict instanceof Promise ? this.#waiting(exchange, verdict) : this.#adopt(exchange, verdict)
  }

  strip(exchange: Exchange): void {
    if (this.#adopted.has(exchange)) return
    for (const field of this.#plan.copyFields) exchange.request.headers.delete(field)
  }

  snapshot(): Readonly<Record<string, number>> {
    return { asked: this.#asker.asked, failed: this.#asker.failed }
  }

  #verdictOn(exchange: Exchange): Verdict<ForwardAuthIdentity> | Promise<Verdict<ForwardAuthIdentity>> {
    const key = this.#plan.keyOf?.(exchange)
    if (this.#cache === undefined || key === undefined) return this.#ask(exchange).then(({ verdict }) => verdict)
    const { clock } = exchange
    return this.#cache.through(this.#cache.keyOf('forward-auth', key), clock.wallTime(), () => this.#ask(exchange))
  }

  async #waiting(
    exchange: Exchange,
    pending: Promise<Verdict<ForwardAuthIdentity>>,
  ): Promise<Verdict<ForwardAuthIdentity>> {
    return this.#adopt(exchange, await pending)
  }

  #adopt(exchange: Exchange, verdict: Verdict<ForwardAuthIdentity>): Verdict<ForwardAuthIdentity> {
    if (verdict.kind !== 'accepted') return verdict
    const { headers } = exchange.request
    this.#adopted.add(exchange)
    for (const field of this.#plan.copyFields) {
      const value = verdict.identity.claims[field]
      if (value === undefined) headers.delete(field)
      else headers.set(field, value)
    }
    return verdict
  }

  async #ask(exchange: Exchange): Promise<CachedVerdict<ForwardAuthIdentity>> {
    const answer = await this.#asker.ask(exchange)
    const { status, headers } = answer
    if (status >= 200 && status < 300)
      return { verdict: { kind: 'accepted', identity: identityIn(headers, exchange, this.#plan) } }
    if ((status >= 300 && status < 400) || status === 401 || status === 403) return { verdict: this.#refusal(answer) }
    if (forwardAuthFailed.hasSubscribers) forwardAuthFailed.publish({ exchange, status })
    // Whatever it is that lets it pass, it is not to be remembered.
    if (this.#plan.failsOpen) return { verdict: { kind: 'accepted', identity: PASSED }, expiresAt: 0 }
    return { verdict: UNAVAILABLE }
  }

  #refusal({ status, headers, body }: Answer): Refusal {
    const fields = this.#plan.refusalFields.flatMap((name) =>
      headers.getAll(name).map((value): readonly [string, string] => [name, value]),
    )
    const reply = (): Reply => {
      const copy = new HeaderList(fields)
      if (!copy.has('cache-control')) copy.append('Cache-Control', 'no-store')
      return new Reply(status, copy, body.byteLength === 0 ? Body.empty : Body.of(body))
    }
    return { kind: 'refused', status: status === 403 ? 403 : 401, reason: 'refused', reply }
  }
}
