/** Where `jwt` takes its keys from: exactly one of four places. */
import { ConfigError } from '@sluice/core'
import { flagOption } from '@sluice/core/options'
import { isSecretAlgorithm, type JwtAlgorithm } from '../keys/algorithms.ts'
import { type PublicKeyInput, readPublicKeys, readSecrets, type SecretInput } from '../keys/key-material.ts'
import { KeySet } from '../keys/key-set.ts'
import { FixedKeys, type KeySource } from '../keys/key-source.ts'
import { REMOTE_KEYS_OPTIONS, RemoteKeys, type RemoteKeysOptions } from '../keys/remote-keys.ts'

/** Exactly one of `keys`, `secret`, `jwksUrl` and `discover`. */
export interface JwtKeysOptions extends RemoteKeysOptions {
  /** Public keys: JWK, JWK Set or PEM. A token that names its key (`kid`) was signed by the one of that name, or by one without a name. */
  readonly keys?: PublicKeyInput | readonly PublicKeyInput[]
  /**
   * Secrets, for HS256 (at least 32 bytes), HS384 (48) and HS512 (64): bytes, text, or a JWK of the type `oct`. Two of them while one is
   * replaced by the other.
   */
  readonly secret?: SecretInput | readonly SecretInput[]
  /** Where the issuer publishes its keys (RFC 7517, section 5). */
  readonly jwksUrl?: string
  /** Whether the keys are found by the discovery document of `issuer`, which is one URL then (OpenID Connect Discovery 1.0). @default false */
  readonly discover?: boolean
  /** See `jwt`. */
  readonly issuer?: string | readonly string[]
}

export const JWT_KEYS_OPTIONS: readonly string[] = [...REMOTE_KEYS_OPTIONS, 'keys', 'secret', 'jwksUrl', 'discover']

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function keySourceOf(options: JwtKeysOptions, algorithms: readonly JwtAlgorithm[], at: string): KeySource {
  const { keys, secret, jwksUrl, issuer } = options
  const discovers = flagOption(options.discover, false, `${at}.discover`)
  const places = [keys !== undefined, secret !== undefined, jwksUrl !== undefined, discovers]
  if (places.filter(Boolean).length !== 1)
    throw new ConfigError(at, 'needs exactly one of keys, secret, jwksUrl and discover')
  if (secret !== undefined) return new FixedKeys(new KeySet(readSecrets(secret, algorithms, `${at}.secret`)))
  // What is published can't be a secret: an algorithm with one would take a public key for it.
  if (algorithms.some(isSecretAlgorithm))
    throw new ConfigError(`${at}.algorithms`, 'must be ones with a pair of keys where the keys are public')
  if (keys !== undefined) return new FixedKeys(new KeySet(readPublicKeys(keys, algorithms, `${at}.keys`)))
  if (jwksUrl !== undefined) return new RemoteKeys({ jwksUrl }, options, at)
  if (typeof issuer !== 'string') throw new ConfigError(`${at}.issuer`, 'must be one URL where keys are discovered')
  return new RemoteKeys({ issuer }, options, at)
}
