/** Checking passwords: through the cache, and not too many at once. */
import type { Exchange } from '@sluice/core'
import type { Clock } from '@sluice/wire'
import { apart } from '../apart.ts'
import type { AuthCache } from '../cache/auth-cache.ts'
import type { Refusal, Verdict } from '../strategy.ts'
import type { BasicCredentials } from './basic-credentials.ts'
import type { BasicIdentity } from './users.ts'

/** The identity of a user whose password it is. */
export type Check = (
  credentials: BasicCredentials,
  exchange: Exchange,
) => BasicIdentity | undefined | Promise<BasicIdentity | undefined>

/** Looks whether the users are still the same, before a cache is asked; a promise where that takes time. */
export type Refresh = (clock: Clock) => unknown

/** What a source of users amounts to. */
export interface Checks {
  readonly check: Check
  readonly refresh?: Refresh
}

/** One word for both, in events too: an unknown user is not told from a wrong password. */
const WRONG: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'wrong' })
const BUSY: Refusal = Object.freeze({ kind: 'refused', status: 503, reason: 'busy' })

export class PasswordChecks {
  readonly #check: Check
  readonly #refresh: Refresh | undefined
  readonly #cache: AuthCache | undefined
  readonly #max: number
  #running = 0

  constructor({ check, refresh }: Checks, cache: AuthCache | undefined, max: number) {
    this.#check = check
    this.#refresh = refresh
    this.#cache = cache
    this.#max = max
  }

  verdict(credentials: BasicCredentials, exchange: Exchange): Verdict<BasicIdentity> | Promise<Verdict<BasicIdentity>> {
    const looking = this.#refresh?.(exchange.clock)
    if (looking instanceof Promise) return looking.then(() => this.#cached(credentials, exchange))
    return this.#cached(credentials, exchange)
  }

  #cached(credentials: BasicCredentials, exchange: Exchange): Verdict<BasicIdentity> | Promise<Verdict<BasicIdentity>> {
    if (this.#cache === undefined) return this.#run(credentials, exchange)
    // Neither part has a control character.
    const key = this.#cache.keyOf('basic', `${credentials.user}\0${credentials.password}`)
    const load = async (by: Exchange) => ({ verdict: await this.#run(credentials, by) })
    return this.#cache.through(key, exchange.clock.wallTime(), () => apart(exchange, load))
  }

  #run(credentials: BasicCredentials, exchange: Exchange): Verdict<BasicIdentity> | Promise<Verdict<BasicIdentity>> {
    if (this.#running >= this.#max) return BUSY
    const identity = this.#check(credentials, exchange)
    return identity instanceof Promise ? this.#wait(identity) : verdictOn(identity)
  }

  async #wait(pending: Promise<BasicIdentity | undefined>): Promise<Verdict<BasicIdentity>> {
    this.#running++
    try {
      return verdictOn(await pending)
    } finally {
      this.#running--
    }
  }
}

function verdictOn(identity: BasicIdentity | undefined): Verdict<BasicIdentity> {
  return identity === undefined ? WRONG : { kind: 'accepted', identity }
}
