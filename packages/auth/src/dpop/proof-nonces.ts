/** Nonces that proofs must have in them (RFC 9449, section 9): a time, and a MAC that says that it is ours. Nothing is remembered. */
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { ConfigError } from '@sluice/core'

const MIN_SECRET_BYTES = 32

export class ProofNonces {
  readonly #secret: KeyObject
  readonly #maxAgeMs: number

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` where the secret is shorter than 32 bytes */
  constructor(secret: string | undefined, maxAgeMs: number, at: string) {
    if (secret !== undefined && !(typeof secret === 'string' && Buffer.byteLength(secret) >= MIN_SECRET_BYTES))
      throw new ConfigError(at, `must be text of at least ${MIN_SECRET_BYTES} bytes`)
    this.#secret = createSecretKey(secret === undefined ? randomBytes(MIN_SECRET_BYTES) : Buffer.from(secret))
    this.#maxAgeMs = maxAgeMs
  }

  /** A nonce of now. `now` is `clock.wallTime()`. */
  make(now: number): string {
    const time = now.toString(36)
    return `${time}.${this.#macOf(time).toString('base64url')}`
  }

  accepts(nonce: unknown, now: number): boolean {
    if (typeof nonce !== 'string') return false
    const dot = nonce.indexOf('.')
    const time = nonce.slice(0, dot)
    const mac = Buffer.from(nonce.slice(dot + 1), 'base64url')
    const expected = this.#macOf(time)
    if (mac.byteLength !== expected.byteLength || !timingSafeEqual(mac, expected)) return false
    const age = now - Number.parseInt(time, 36)
    return age >= 0 && age <= this.#maxAgeMs
  }

  #macOf(time: string): Buffer {
    return createHmac('sha256', this.#secret).update(time).digest().subarray(0, 16)
  }
}
