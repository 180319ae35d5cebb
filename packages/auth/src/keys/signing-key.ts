/** The key that this gateway signs tokens of its own with, for upstreams that trust it. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { exportJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import { algorithmOption, isSecretAlgorithm, type JwtAlgorithm } from './algorithms.ts'
import { type PrivateKeyInput, readPrivateKey, readSecret, type SecretInput } from './key-material.ts'

/** Which key, and what for. */
export interface SigningKeyOptions {
  readonly algorithm: JwtAlgorithm
  /** A private key, or with HS256, HS384 and HS512 a secret of at least the hash's length. */
  readonly key: PrivateKeyInput | SecretInput
  /** The key's name in the tokens' header. @default the JWK's own, or none */
  readonly kid?: string
}

/** Signs JWTs. Read and checked once. */
export class SigningKey {
  readonly algorithm: JwtAlgorithm
  readonly kid: string | undefined
  readonly #key: KeyObject

  /** `at` is the options' place. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(options: SigningKeyOptions, at: string = 'signingKey') {
    this.algorithm = algorithmOption(options.algorithm, `${at}.algorithm`)
    const { key, kid } = isSecretAlgorithm(this.algorithm)
      ? readSecret(options.key, [this.algorithm], `${at}.key`)
      : readPrivateKey(options.key, this.algorithm, `${at}.key`)
    this.#key = key
    this.kid = options.kid ?? kid
  }

  /** A compact JWS of these claims. `typ` is the header's (RFC 8725, section 3.11). */
  async sign(claims: JWTPayload, typ: string = 'JWT'): Promise<string> {
    const header = this.kid === undefined ? { alg: this.algorithm, typ } : { alg: this.algorithm, typ, kid: this.kid }
    return await new SignJWT(claims).setProtectedHeader(header).sign(this.#key)
  }

  /** For whoever verifies: the public key as a JWK; `undefined` where it is a secret. */
  async publicJwk(): Promise<JWK | undefined> {
    if (this.#key.type === 'secret') return undefined
    const jwk = await exportJWK(createPublicKey(this.#key))
    return { ...jwk, ...(this.kid === undefined ? {} : { kid: this.kid }), alg: this.algorithm, use: 'sig' }
  }
}
