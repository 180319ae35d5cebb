/**
 * Requests that are signed as a whole: HTTP Message Signatures (RFC 9421). A client shows by each request that it has a key, and
 * that nobody has changed what the signature covers.
 *
 *     verifySignature({ keys: [{ keyid: 'billing', algorithm: 'ed25519', key: pem }] })
 */
import type { Exchange, Identity } from '@sluice/core'
import { defineStrategy } from '../define-strategy.ts'
import type { Strategy } from '../strategy.ts'
import { SignatureCheck } from './signature-check.ts'
import type { VerifySignatureOptions } from './verify-signature-options.ts'

/** What a signature says of itself. */
export interface SignatureClaims {
  readonly keyid: string
  readonly label: string
  /** The identifiers of what it covers. */
  readonly components: readonly string[]
  readonly created: number
  readonly expires: number | undefined
  readonly nonce: string | undefined
  readonly tag: string | undefined
  readonly [claim: string]: unknown
}

/** Whoever has signed a request. */
export interface SignatureIdentity extends Identity {
  readonly scheme: 'signature'
  readonly claims: SignatureClaims
  readonly raw: undefined
}

/**
 * Makes the strategy. It looks at the request as it was received. One that is not signed as it should be gets 401, with `Accept-Signature`
 * (RFC 9421, section 5.1) to say what is wanted; a body that is larger than can be checked, 413.
 *
 * A signature covers what it names, and nothing else: see `components`. A body it covers by `Content-Digest` alone, which is
 * checked here: such bodies are read whole before anything goes on.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function verifySignature(options: VerifySignatureOptions): Strategy<SignatureIdentity> {
  const check = new SignatureCheck(options, 'verifySignature')
  return defineStrategy<SignatureIdentity>({
    scheme: 'signature',
    authenticate: (exchange: Exchange) => check.authenticate(exchange),
    challenge: () => 'Signature',
    strip: (exchange) => check.strip(exchange),
  })
}
