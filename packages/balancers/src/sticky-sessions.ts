/** A client stays at its target, by a signed cookie; any other balancer chooses it in the first place. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  defineSlot,
  type Exchange,
  mayPick,
  type Reply,
  type Slot,
  type Target,
} from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import { hashText } from './murmur3.ts'
import { innerBalancer } from './parted-balancer.ts'
import { RequestValue } from './request-value.ts'
import { SESSION_COOKIE_NAMES, SessionCookie, type SessionCookieOptions } from './session-cookie.ts'

/** Options of {@link stickySessions}. */
export interface StickySessionsOptions extends SessionCookieOptions {
  /** Chooses for those who have no session, and where a session's target can't be had. @default roundRobin() */
  readonly balancer?: BalancerFactory
}

const NAMES: OptionNames<StickySessionsOptions> = {
  ...SESSION_COOKIE_NAMES,
  balancer: true,
}

/**
 * Sticky sessions around any balancer. The cookie is read from the request as it was received, and set on the reply where
 * it is new, has changed, or is half way to its end.
 *
 * A session's target is kept as long as it is admissible, has room and was not tried by this exchange; otherwise the
 * inner balancer chooses another, which the session has from then on. A target in `drain` keeps its sessions and gets no
 * new ones; one that is `down`, was removed, or has weight 0 keeps none.
 *
 * Only the choice is kept, not the session's data: whoever can't do without that target has to store it elsewhere. Replies
 * with the cookie are a client's own: a shared cache belongs in front of the targets, not in front of this.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `stickySessions.secret`, `.cookie`, `.maxAgeSeconds`, `.path`, `.domain`,
 * `.sameSite`, `.balancer`
 */
export function stickySessions(options: StickySessionsOptions): BalancerFactory {
  strictOption(options, NAMES, 'stickySessions')
  const balancer = innerBalancer(options.balancer, 'stickySessions.balancer')
  const cookieFor = (upstream: string): SessionCookie => new SessionCookie(options, upstream, defaultCookie(upstream))
  // So that a wrong option is found here and not later.
  cookieFor('')
  return (services) => new StickySessions(services, balancer(services), cookieFor(services.upstream))
}

/** The target that a session has now, where its cookie needs no change: set by `pick`, for `replied`. */
const kept: Slot<'balancers.session', Target> = defineSlot<Target>()('balancers.session')

class StickySessions implements Balancer {
  readonly name = 'sticky-sessions'
  readonly #services: BalancerServices
  readonly #inner: Balancer
  readonly #cookie: SessionCookie
  readonly #value: RequestValue
  /** Names, by target: made once. */
  readonly #names = new WeakMap<Target, readonly string[]>()
  /** Every target that is there, by each of its names. */
  #byName: ReadonlyMap<string, Target> = new Map()
  #admissible: ReadonlySet<Target> = new Set()

  constructor(services: BalancerServices, inner: Balancer, cookie: SessionCookie) {
    this.#services = services
    this.#inner = inner
    this.#cookie = cookie
    this.#value = new RequestValue({ cookie: cookie.cookie }, 'stickySessions.cookie')
  }

  update(targets: readonly Target[]): void {
    this.#admissible = new Set(targets)
    this.#byName = new Map(
      this.#services.targets().flatMap((target) => this.#namesOf(target).map((name) => [name, target] as const)),
    )
    this.#inner.update(targets)
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const header = exchange.received.headers.get('cookie')
    if (header !== undefined && this.#value.findCookie(header, this.#cookie.cookie)) {
      const target = this.#resume(exchange, tried)
      if (target !== undefined) return target
    }
    return this.#inner.pick(exchange, tried)
  }

  began(target: Target, attempt: Attempt): void {
    this.#inner.began?.(target, attempt)
  }

  ended(target: Target, attempt: Attempt): void {
    this.#inner.ended?.(target, attempt)
  }

  observe(target: Target, attempt: Attempt): void {
    this.#inner.observe?.(target, attempt)
  }

  replied(exchange: Exchange, attempt: Attempt, reply: Reply): void {
    this.#inner.replied?.(exchange, attempt, reply)
    const { target } = attempt
    if (exchange.peek(kept) === target) return
    const [name] = this.#namesOf(target)
    reply.headers.append('Set-Cookie', this.#cookie.setCookie(name!, this.#services.clock.wallTime()))
  }

  snapshot(): { readonly cookie: string; readonly balancer: string } {
    return { cookie: this.#cookie.cookie, balancer: this.#inner.name }
  }

  /** The target that the cookie names, where it may be had. */
  #resume(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const verified = this.#cookie.verify(this.#value.toString(), this.#services.clock.wallTime())
    const target = verified === undefined ? undefined : this.#byName.get(verified.name)
    if (target === undefined || !this.#isOpen(target) || !mayPick(target, tried)) return undefined
    if (verified!.isFresh) exchange.set(kept, target)
    return target
  }

  #isOpen(target: Target): boolean {
    if (target.effectiveWeight === 0) return false
    if (target.state === 'drain') return this.#services.admits?.(target) ?? true
    return this.#admissible.has(target)
  }

  #namesOf(target: Target): readonly string[] {
    let names = this.#names.get(target)
    if (names === undefined) {
      names = this.#cookie.namesOf(target.key)
      this.#names.set(target, names)
    }
    return names
  }
}

/** Two upstreams behind one host must not take each other's cookies. */
function defaultCookie(upstream: string): string {
  const hash = hashText(upstream, 0, upstream.length, 0) >>> 0
  return `sluice-${hash.toString(16).padStart(8, '0')}`
}
