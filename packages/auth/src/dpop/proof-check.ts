/**
 * Proofs of possession (DPoP, RFC 9449): with each request a client shows, signed with the key that its token is bound to, that
 * the request is its own. The checks are those of section 4.3, in an order in which what is cheap comes first.
 */
import { hash } from 'node:crypto'
import type { Exchange } from '@sluice/core'
import type { Clock } from '@sluice/wire'
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTPayload, jwtVerify } from 'jose'
import type { TokenFault } from '../bearer/token-faults.ts'
import type { JwtAlgorithm } from '../keys/algorithms.ts'
import type { ReplayMemory } from '../replay-memory.ts'
import { requestUri } from '../request-uri.ts'
import type { ProofNonces } from './proof-nonces.ts'

/** Resolved options. */
export interface ProofRules {
  readonly required: boolean
  readonly algorithms: readonly JwtAlgorithm[]
  readonly maxAgeMs: number
  readonly clockToleranceMs: number
  readonly memory: ReplayMemory
  readonly nonces: ProofNonces | undefined
  readonly origin: URL | undefined
}

const MAX_PROOF_BYTES = 8_192

/** The key in the proof is not the one that the token is bound to. */
class OtherKey extends Error {}

export class ProofCheck {
  readonly #rules: ProofRules

  constructor(rules: ProofRules) {
    this.#rules = rules
  }

  /** Whether tokens without a key are refused. */
  get required(): boolean {
    return this.#rules.required
  }

  get algorithms(): readonly string[] {
    return this.#rules.algorithms
  }

  newNonce(clock: Clock): string {
    return this.#rules.nonces?.make(clock.wallTime()) ?? ''
  }

  /** What is wrong with the request's proof; `undefined` where it is good. `jkt` is what the token is bound to. Never throws. */
  async check(exchange: Exchange, token: string, jkt: unknown): Promise<TokenFault | undefined> {
    const proofs = exchange.request.headers.getAll('dpop')
    if (proofs.length === 0) return 'proof-missing'
    if (proofs.length > 1 || proofs[0]!.length > MAX_PROOF_BYTES) return 'proof-malformed'
    try {
      const claims = await this.#verify(proofs[0]!, jkt, exchange.clock)
      return this.#faultIn(claims, exchange, token, jkt as string)
    } catch (error) {
      if (error instanceof OtherKey) return 'proof-key'
      return error instanceof errors.JWSSignatureVerificationFailed ? 'proof-signature' : 'proof-malformed'
    }
  }

  /** Header and signature: steps 3 to 7 of section 4.3, and that the key is the token's. */
  async #verify(proof: string, jkt: unknown, clock: Clock): Promise<JWTPayload> {
    const { payload } = await jwtVerify(
      proof,
      async (header, input) => {
        if (header.jwk === undefined || (await calculateJwkThumbprint(header.jwk)) !== jkt) throw new OtherKey()
        // Refuses private keys.
        return await EmbeddedJWK(header, input)
      },
      { algorithms: [...this.#rules.algorithms], typ: 'dpop+jwt', currentDate: new Date(clock.wallTime()) },
    )
    return payload
  }

  /** Claims: steps 8 to 12. Its one-time name comes last: a proof that is refused for another reason was not used. */
  #faultIn(claims: JWTPayload, exchange: Exchange, token: string, jkt: string): TokenFault | undefined {
    const { clock } = exchange
    const { jti, iat, ath, nonce, htm, htu } = claims as Readonly<Record<string, unknown>>
    const { maxAgeMs, clockToleranceMs, nonces, memory, origin } = this.#rules
    if (typeof jti !== 'string' || jti === '' || typeof iat !== 'number') return 'proof-malformed'
    if (htm !== exchange.received.method || !isSameUri(htu, requestUri(exchange, origin))) return 'proof-request'
    if (ath !== hash('sha256', token, 'base64url')) return 'proof-token'
    const now = clock.wallTime()
    const ageMs = now - iat * 1_000
    // A whole second more: `iat` may have been rounded.
    if (!(ageMs <= maxAgeMs && ageMs >= -clockToleranceMs - 1_000)) return 'proof-time'
    if (nonces !== undefined && !nonces.accepts(nonce, now)) return 'proof-nonce'
    return memory.isFirst(jkt, jti, clock.now()) ? undefined : 'proof-replayed'
  }
}

/** Query and fragment do not count (section 4.3, step 9), and neither does the way in which a URI is spelled (RFC 3986, section 6.2). */
function isSameUri(htu: unknown, uri: string | undefined): boolean {
  if (typeof htu !== 'string' || uri === undefined) return false
  const [claimed, own] = [URL.parse(htu), URL.parse(uri)]
  return claimed !== null && own !== null && normalized(claimed) === normalized(own)
}

function normalized({ origin, pathname }: URL): string {
  return origin + pathname.replace(/%[0-9a-f]{2}/gi, (triplet) => triplet.toUpperCase())
}
