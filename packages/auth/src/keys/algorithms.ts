/**
 * The signature algorithms of JOSE (RFC 7518, section 3; RFC 8037) that tokens may be signed with. Which of them are meant is the
 * operator's word alone, never the token's (RFC 8725, section 3.1): a list, and never one that mixes shared secrets with key
 * pairs, since a public key taken for a secret is how tokens are forged.
 */
import type { KeyObject } from 'node:crypto'
import { ConfigError } from '@sluice/core'

/** With a secret that both sides share. */
export type SecretAlgorithm = 'HS256' | 'HS384' | 'HS512'

/** With a pair of keys. `EdDSA` is what `Ed25519` was called before RFC 9864; each is taken for itself alone. */
export type PairAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519'

export type JwtAlgorithm = SecretAlgorithm | PairAlgorithm

/** What a secret has to have at least: the length of the hash (RFC 7518, section 3.2). In bytes. */
export const MIN_SECRET_BYTES: Readonly<Record<SecretAlgorithm, number>> = { HS256: 32, HS384: 48, HS512: 64 }

const CURVES: Readonly<Partial<Record<PairAlgorithm, string>>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
}

const PAIR_ALGORITHMS: readonly PairAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Below that factoring is within reach (RFC 7518, section 3.3). */
const MIN_RSA_BITS = 2_048

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function resolveAlgorithms(algorithms: unknown, at: string): readonly JwtAlgorithm[] {
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    throw new ConfigError(at, 'must be a list of at least one algorithm, such as "RS256"')
  const list = algorithms.map((each: unknown, index) => algorithmOption(each, `${at}[${index}]`))
  if (list.some(isSecretAlgorithm) && !list.every(isSecretAlgorithm))
    throw new ConfigError(at, 'must not mix algorithms with a secret (HS...) and algorithms with a pair of keys')
  return Object.freeze([...new Set(list)])
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function algorithmOption(value: unknown, at: string): JwtAlgorithm {
  if (value === 'none') throw new ConfigError(at, 'must not be "none": anybody can write a token without a signature')
  if (isSecretAlgorithm(value) || PAIR_ALGORITHMS.includes(value as PairAlgorithm)) return value as JwtAlgorithm
  throw new ConfigError(
    at,
    `must be one of ${[...Object.keys(MIN_SECRET_BYTES), ...PAIR_ALGORITHMS].map((each) => `"${each}"`).join(', ')}`,
  )
}

export function isSecretAlgorithm(value: unknown): value is SecretAlgorithm {
  return typeof value === 'string' && Object.hasOwn(MIN_SECRET_BYTES, value)
}

/** Whether a key is of the type, the curve and the strength that an algorithm asks for. */
export function fitsAlgorithm(key: KeyObject, algorithm: JwtAlgorithm): boolean {
  if (isSecretAlgorithm(algorithm)) return key.type === 'secret' && key.symmetricKeySize! >= MIN_SECRET_BYTES[algorithm]
  if (key.type === 'secret') return false
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (algorithm === 'EdDSA' || algorithm === 'Ed25519') return type === 'ed25519'
  const curve = CURVES[algorithm]
  if (curve !== undefined) return type === 'ec' && details?.namedCurve === curve
  return type === 'rsa' && (details?.modulusLength ?? 0) >= MIN_RSA_BITS
}
