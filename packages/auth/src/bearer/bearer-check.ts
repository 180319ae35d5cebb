/**
 * What all strategies with a token have in common (RFC 6750): where it stands, how long it may be, what is known of it already, and
 * whether whoever sends it is whom it was issued to. What a token is worth is for `load` to say.
 */
import { ConfigError, type Exchange, type Identity } from '@sluice/core'
import { flagOption, wholeOption, wordOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import type { AuthCache, CachedVerdict } from '../cache/auth-cache.ts'
import { type CacheOption, resolveCache } from '../cache/cache-option.ts'
import {
  type Credential,
  type CredentialReader,
  credentialReader,
  type CredentialSource,
} from '../credential-source.ts'
import { type DpopOptions, resolveDpop } from '../dpop/dpop-options.ts'
import type { ProofCheck } from '../dpop/proof-check.ts'
import { ABSENT, type Verdict } from '../strategy.ts'
import { BearerRefusals } from './bearer-refusals.ts'
import { hasCertificate } from './certificate-binding.ts'
import { CLAIMS_OPTIONS, type ClaimsOptions } from './claims.ts'
import type { TokenFault } from './token-faults.ts'

/** Options of every strategy with a token. */
export interface BearerOptions extends ClaimsOptions {
  /** Where the token stands. @default { header: 'authorization', scheme: 'Bearer' } */
  readonly from?: CredentialSource
  /** Named in challenges. @default none */
  readonly realm?: string
  /** Longer tokens are refused unread. @default 8_192 */
  readonly maxTokenBytes?: number
  /** Whether the token is taken off the request before it goes on. @default false */
  readonly strip?: boolean
  /** How long the verdict on a token is kept; never beyond its `exp`. @default true */
  readonly cache?: CacheOption
  /**
   * Certificates that tokens are bound to (RFC 8705, `cnf` with `x5t#S256`). A token that is bound to one is good on a connection with that
   * certificate alone, always; with `'required'` no other token is good.
   * @default 'if-bound'
   */
  readonly certificateBinding?: 'if-bound' | 'required'
  /**
   * Keys that tokens are bound to (DPoP, RFC 9449, `cnf` with `jkt`). Without it, such a token is refused, since nobody would look at
   * its proof.
   * @default false
   */
  readonly dpop?: DpopOptions | boolean
}

export const BEARER_OPTIONS: readonly string[] = [
  ...CLAIMS_OPTIONS,
  'from',
  'realm',
  'maxTokenBytes',
  'strip',
  'cache',
  'certificateBinding',
  'dpop',
]

/** The confirmation of a token (RFC 7800, section 3). */
interface Confirmation {
  readonly 'x5t#S256'?: unknown
  readonly jkt?: unknown
}

/** What a token is worth. Must not depend on the exchange: several may wait for it. */
export type LoadToken<I extends Identity> = (token: string, clock: Clock) => Promise<CachedVerdict<I>>

export class BearerCheck<I extends Identity> {
  readonly refusals: BearerRefusals
  readonly cache: AuthCache | undefined
  readonly #load: LoadToken<I>
  readonly #reader: CredentialReader
  /** Reads tokens that come with a proof. */
  readonly #proven: CredentialReader | undefined
  readonly #proofs: ProofCheck | undefined
  readonly #maxTokenBytes: number
  readonly #strips: boolean
  readonly #wantsCertificate: boolean
  readonly #scheme: string

  /** `scheme` is the identity's; `at` is the options' place. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(scheme: string, options: BearerOptions, load: LoadToken<I>, at: string) {
    const { from = { header: 'authorization', scheme: 'Bearer' } } = options
    this.#load = load
    this.#reader = credentialReader(from, `${at}.from`)
    this.#proofs = resolveDpop(options.dpop, `${at}.dpop`)
    if (this.#proofs !== undefined) {
      // RFC 9449, section 7.1: there is no other place for it.
      if (!('header' in from) || from.header.toLowerCase() !== 'authorization')
        throw new ConfigError(`${at}.from`, 'must be the field Authorization where tokens come with DPoP')
      this.#proven = credentialReader({ header: 'authorization', scheme: 'DPoP' }, `${at}.from`)
    }
    this.refusals = new BearerRefusals(options.realm, this.#proofs, at)
    this.#maxTokenBytes = wholeOption(options.maxTokenBytes, 8_192, `${at}.maxTokenBytes`, 1)
    this.#strips = flagOption(options.strip, false, `${at}.strip`)
    this.cache = resolveCache(options.cache, true, scheme, `${at}.cache`)
    const binding = wordOption(
      options.certificateBinding,
      'if-bound',
      ['if-bound', 'required'],
      `${at}.certificateBinding`,
    )
    this.#wantsCertificate = binding === 'required'
    this.#scheme = scheme
  }

  authenticate(exchange: Exchange): Verdict<I> | Promise<Verdict<I>> {
    const proven = this.#proven?.read(exchange) ?? ABSENT
    const credential: Credential = proven.kind === 'absent' ? this.#reader.read(exchange) : proven
    if (credential.kind === 'absent') return ABSENT
    if (credential.kind === 'refused') return this.refusals.refusal('malformed')
    const token = credential.value
    // A field's value is latin1: a character is a byte.
    if (token.length > this.#maxTokenBytes) return this.refusals.refusal('too-long')
    const verdict = this.#verdictOn(token, exchange.clock)
    // What is known of a token must not cost a promise.
    if (verdict instanceof Promise) return this.#waiting(exchange, token, verdict, proven.kind !== 'absent')
    return this.#ofWhomItIs(exchange, token, verdict, proven.kind !== 'absent')
  }

  strip(exchange: Exchange): void {
    if (!this.#strips) return
    this.#reader.strip(exchange)
    if (this.#proven === undefined) return
    this.#proven.strip(exchange)
    exchange.request.headers.delete('dpop')
  }

  #verdictOn(token: string, clock: Clock): Verdict<I> | Promise<Verdict<I>> {
    const { cache } = this
    if (cache === undefined) return this.#load(token, clock).then(({ verdict }) => verdict)
    return cache.through(cache.keyOf(this.#scheme, token), clock.wallTime(), () => this.#load(token, clock))
  }

  async #waiting(
    exchange: Exchange,
    token: string,
    pending: Promise<Verdict<I>>,
    withProof: boolean,
  ): Promise<Verdict<I>> {
    return await this.#ofWhomItIs(exchange, token, await pending, withProof)
  }

  /** The token is good; whether it is the sender's is asked for each request. */
  #ofWhomItIs(
    exchange: Exchange,
    token: string,
    verdict: Verdict<I>,
    withProof: boolean,
  ): Verdict<I> | Promise<Verdict<I>> {
    if (verdict.kind !== 'accepted') return verdict
    const confirmation = confirmationOf(verdict.identity)
    const thumbprint = confirmation?.['x5t#S256']
    if (thumbprint === undefined ? this.#wantsCertificate : !hasCertificate(exchange, thumbprint))
      return this.refusals.refusal(thumbprint === undefined ? 'not-bound' : 'certificate')
    const jkt = confirmation?.jkt
    if (jkt === undefined) {
      // RFC 9449, section 7.1: a token that is not bound can't be proven.
      return withProof || this.#proofs?.required === true ? this.refusals.refusal('not-bound') : verdict
    }
    if (this.#proofs === undefined || !withProof) return this.refusals.refusal('proof-missing')
    return this.#withProof(exchange, token, verdict, jkt)
  }

  async #withProof(exchange: Exchange, token: string, verdict: Verdict<I>, jkt: unknown): Promise<Verdict<I>> {
    const fault: TokenFault | undefined = await this.#proofs!.check(exchange, token, jkt)
    if (fault === undefined) return verdict
    if (fault === 'proof-nonce') return this.refusals.nonceWanted(this.#proofs!.newNonce(exchange.clock))
    return this.refusals.refusal(fault)
  }
}

function confirmationOf({ claims }: Identity): Confirmation | undefined {
  const confirmation = claims['cnf']
  return typeof confirmation === 'object' && confirmation !== null ? confirmation : undefined
}
