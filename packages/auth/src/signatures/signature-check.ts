/** Whether a request is signed as it should be. Whatever is wrong with it becomes a word; nothing that a client sends is thrown. */
import { type AnyProxyError, DownstreamError, type Exchange, problemReply, ProxyError } from '@sluice/core'
import { Body, WireError } from '@sluice/wire'
import { serializeItem } from 'structured-headers'
import { trimmed } from '../optional-whitespace.ts'
import { ABSENT, type Refusal, type Verdict } from '../strategy.ts'
import { ComponentError } from './components.ts'
import { hasDigest } from './content-digest.ts'
import { verifyBase } from './signature-algorithms.ts'
import { signatureBase } from './signature-base.ts'
import { readParameters, readSignatures, type SignatureEntry, type SignatureParameters } from './signature-fields.ts'
import type { SignatureKey } from './signature-keys.ts'
import { receivedMessage, type SignedMessage } from './signed-message.ts'
import { resolveVerifySignature, type SignatureRules, type VerifySignatureOptions } from './verify-signature-options.ts'
import type { SignatureIdentity } from './verify-signature.ts'

/** Each is a signature to be verified. */
const MAX_SIGNATURES = 4

type SignatureFault =
  | 'malformed'
  | 'too-many'
  | 'unknown-key'
  | 'algorithm'
  | 'not-covered'
  | 'expired'
  | 'not-yet-valid'
  | 'signature'
  | 'nonce'
  | 'replayed'
  | 'digest'

/** A signature that is good, so far as its body was not looked at. */
interface GoodSignature {
  readonly identity: SignatureIdentity
  readonly coversDigest: boolean
}

export class SignatureCheck {
  readonly #rules: SignatureRules

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(options: VerifySignatureOptions, at: string) {
    this.#rules = resolveVerifySignature(options, at)
  }

  authenticate(exchange: Exchange): Verdict<SignatureIdentity> | Promise<Verdict<SignatureIdentity>> {
    const entries = readSignatures(exchange.received.headers)
    if (entries === undefined) return this.#refusal('malformed')
    return entries.length === 0 ? ABSENT : this.#first(entries, exchange)
  }

  strip(exchange: Exchange): void {
    if (!this.#rules.strips) return
    exchange.request.headers.delete('signature')
    exchange.request.headers.delete('signature-input')
  }

  /** The first signature that is good; where none is, what was wrong with the first. */
  async #first(entries: readonly SignatureEntry[], exchange: Exchange): Promise<Verdict<SignatureIdentity>> {
    const { tag } = this.#rules
    const own = entries.flatMap((entry) => {
      const parameters = readParameters(entry.input)
      return tag !== undefined && parameters?.tag !== tag ? [] : [{ entry, parameters }]
    })
    if (own.length === 0) return ABSENT
    if (own.length > MAX_SIGNATURES) return this.#refusal('too-many')
    const message = receivedMessage(exchange, this.#rules.origin)
    let fault: SignatureFault | undefined
    for (const { entry, parameters } of own) {
      const found = parameters === undefined ? 'malformed' : await this.#look(entry, parameters, exchange, message)
      if (typeof found !== 'string') return await this.#withBody(found, exchange)
      fault ??= found
    }
    return this.#refusal(fault!)
  }

  async #look(
    entry: SignatureEntry,
    parameters: SignatureParameters,
    exchange: Exchange,
    message: SignedMessage,
  ): Promise<GoodSignature | SignatureFault> {
    const { keyid, algorithm } = parameters
    const early = this.#faultIn(parameters, exchange.clock.wallTime())
    if (early !== undefined) return early
    const components = entry.input[0].map((item) => serializeItem(item))
    if (!this.#rules.required.every((each) => components.includes(each))) return 'not-covered'
    if (isTakenOff(entry, exchange)) return 'malformed'
    const key = await this.#rules.find(keyid!, exchange)
    if (key === undefined) return 'unknown-key'
    // Section 3.2, step 6: of two that speak of the algorithm, both must say the same.
    if (algorithm !== undefined && algorithm !== key.algorithm) return 'algorithm'
    const fault = this.#verify(entry, key, message)
    if (fault !== undefined) return fault
    // Last: a nonce whose signature is wrong was not used by whom it belongs to.
    const { nonces } = this.#rules
    if (nonces?.isFirst(key.keyid, parameters.nonce!, exchange.clock.now()) === false) return 'replayed'
    return {
      identity: identityOf(key, entry.label, components, parameters),
      coversDigest: components.includes('"content-digest"'),
    }
  }

  #faultIn({ created, expires, nonce, keyid }: SignatureParameters, now: number): SignatureFault | undefined {
    const { maxAgeMs, clockToleranceMs, nonces } = this.#rules
    if (created === undefined || keyid === undefined) return 'malformed'
    if (created * 1_000 > now + clockToleranceMs + 1_000) return 'not-yet-valid'
    if (now - created * 1_000 > maxAgeMs || (expires !== undefined && expires * 1_000 <= now)) return 'expired'
    return nonces !== undefined && (nonce === undefined || nonce === '') ? 'nonce' : undefined
  }

  #verify({ input, signature }: SignatureEntry, key: SignatureKey, message: SignedMessage): SignatureFault | undefined {
    try {
      const base = signatureBase(input, message)
      return verifyBase(base, signature, key.key, key.algorithm) ? undefined : 'signature'
    } catch (error) {
      return error instanceof ComponentError ? 'malformed' : 'signature'
    }
  }

  /** Once it is known who asks: nobody else's body is read into memory. */
  async #withBody(good: GoodSignature, exchange: Exchange): Promise<Verdict<SignatureIdentity>> {
    const { contentDigest, maxBodyBytes } = this.#rules
    const accepted: Verdict<SignatureIdentity> = { kind: 'accepted', identity: good.identity }
    if (!good.coversDigest)
      return contentDigest === 'with-body' && !exchange.body.isEmpty ? this.#refusal('not-covered') : accepted
    let body: Buffer
    try {
      body = await exchange.body.bytes({ maxBytes: maxBodyBytes })
    } catch (error) {
      if (error instanceof WireError && error.code === 'ERR_SLUICE_BODY_TOO_LARGE')
        return unread(new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE'), exchange)
      // The client has left, or broken a rule.
      if (ProxyError.is(error)) return unread(error, exchange)
      throw error
    }
    exchange.request.body = Body.of(body)
    // As it was received: what was signed.
    const field = exchange.received.headers.get('content-digest')!
    return hasDigest(field, body) ? accepted : this.#refusal('digest')
  }

  #refusal(reason: SignatureFault): Refusal {
    return { kind: 'refused', status: 401, reason, fields: { 'Accept-Signature': this.#rules.wanted } }
  }
}

/** They are of the connection itself, and whoever covers them knows it. */
const HOP_BY_HOP = ['keep-alive', 'te', 'upgrade']

/**
 * Whether `Connection` names a field that is covered, so that it does not get further (RFC 9110, section 7.6.1). Somebody on the way could add
 * that: the signature would still be right, and the upstream would not see what was signed.
 */
function isTakenOff({ input: [items] }: SignatureEntry, { received }: Exchange): boolean {
  const connection = received.headers.get('connection')
  if (connection === undefined) return false
  const options = connection.toLowerCase().split(',').map(trimmed)
  return items.some(([name]) => options.includes(name as string) && !HOP_BY_HOP.includes(name as string))
}

function identityOf(
  { keyid, subject, scopes, roles }: SignatureKey,
  label: string,
  components: readonly string[],
  { created, expires, nonce, tag }: SignatureParameters,
): SignatureIdentity {
  const claims = { keyid, label, components, created: created!, expires, nonce, tag }
  return { scheme: 'signature', subject, scopes, roles, claims, raw: undefined }
}

/** A body that can't be read whole. */
function unread(error: AnyProxyError, exchange: Exchange): Refusal {
  return { kind: 'refused', status: 401, reason: 'body', reply: () => problemReply(error, exchange.settings.name) }
}
