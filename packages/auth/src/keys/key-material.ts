/**
 * Keys as they are written down (JWK of RFC 7517, PEM, shared secret), read once: a key that is broken, too weak or of the
 * wrong kind is found when the gateway is built and not by the first token.
 */
import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { ConfigError } from '@sluice/core'
import { objectOption } from '@sluice/core/options'
import type { JWK } from 'jose'
import { fitsAlgorithm, isSecretAlgorithm, type JwtAlgorithm, MIN_SECRET_BYTES } from './algorithms.ts'
import type { NamedKey } from './key-set.ts'

/** A public key: a JWK, a set of them, or PEM (SPKI, PKCS #1 or a certificate). */
export type PublicKeyInput = JWK | { readonly keys: readonly JWK[] } | string

/** A shared secret: its bytes, or text, which stands for its bytes in UTF-8. As a JWK it may also have a name. */
export type SecretInput = string | Uint8Array | JWK

/** A private key: a JWK, or PEM (PKCS #8, PKCS #1, SEC 1). */
export type PrivateKeyInput = JWK | string

/**
 * Reads the keys that verify, of which each must fit one of `algorithms` at least.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function readPublicKeys(input: unknown, algorithms: readonly JwtAlgorithm[], at: string): NamedKey[] {
  if (Array.isArray(input)) {
    if (input.length === 0) throw new ConfigError(at, 'must not be an empty list')
    return input.flatMap((each: unknown, index) => readPublicKeys(each, algorithms, `${at}[${index}]`))
  }
  if (typeof input === 'object' && input !== null && 'keys' in input)
    return readPublicKeys(input.keys, algorithms, `${at}.keys`)
  return [fitting(readPublicKey(input, at), algorithms, at)]
}

/** One public key, whatever it is for. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function readPublicKey(input: unknown, at: string): NamedKey {
  return typeof input === 'string' ? unnamed(publicPem(input, at)) : publicJwk(input, at)
}

/** One secret, however long. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function readSecretKey(input: unknown, at: string): KeyObject {
  return createSecretKey(secretBytes(input, at).bytes)
}

/**
 * Reads shared secrets; with several of them one can be replaced by another.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: also where one is shorter than the hash of an algorithm that it is for
 */
export function readSecrets(input: unknown, algorithms: readonly JwtAlgorithm[], at: string): NamedKey[] {
  if (Array.isArray(input)) {
    if (input.length === 0) throw new ConfigError(at, 'must not be an empty list')
    return input.flatMap((each: unknown, index) => readSecrets(each, algorithms, `${at}[${index}]`))
  }
  return [readSecret(input, algorithms, at)]
}

/** One secret, which must be long enough for all of `algorithms`. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function readSecret(input: unknown, algorithms: readonly JwtAlgorithm[], at: string): NamedKey {
  const { bytes, jwk } = secretBytes(input, at)
  const own = jwk?.alg === undefined ? algorithms : algorithms.filter((each) => each === jwk.alg)
  if (own.length === 0) throw new ConfigError(at, `is for ${jwk?.alg}, which is not among the algorithms`)
  for (const algorithm of own) {
    const min = isSecretAlgorithm(algorithm) ? MIN_SECRET_BYTES[algorithm] : Number.POSITIVE_INFINITY
    if (min === Number.POSITIVE_INFINITY)
      throw new ConfigError(at, `is a secret, and ${algorithm} needs a pair of keys`)
    if (bytes.byteLength < min) throw new ConfigError(at, `must have at least ${min} bytes for ${algorithm}`)
  }
  return { key: createSecretKey(bytes), kid: jwk?.kid, algorithm: jwk?.alg }
}

/** The key that signs. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function readPrivateKey(input: unknown, algorithm: JwtAlgorithm, at: string): NamedKey {
  return fitting(readAnyPrivateKey(input, at), [algorithm], at)
}

/** One private key, whatever it is for. @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function readAnyPrivateKey(input: unknown, at: string): NamedKey {
  return typeof input === 'string' ? unnamed(privatePem(input, at)) : privateJwk(input, at)
}

/** A key of a set that somebody else publishes: `undefined` where it is not for us, since one odd key must not spoil the others. */
export function readPublishedKey(jwk: unknown): NamedKey | undefined {
  try {
    return publicJwk(jwk, '')
  } catch {
    return undefined
  }
}

function publicJwk(input: unknown, at: string): NamedKey {
  const jwk = objectOption(input as JWK, at)
  if (jwk.kty === 'oct') throw new ConfigError(at, 'is a secret and no public key')
  if (jwk.d !== undefined) throw new ConfigError(at, 'is a private key: whoever verifies needs the public one alone')
  checkUse(jwk, 'verify', at)
  try {
    return namedBy(jwk, createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), at)
  } catch (cause) {
    throw new ConfigError(at, 'is no public key that can be read', { cause: cause as Error })
  }
}

function privateJwk(input: unknown, at: string): NamedKey {
  const jwk = objectOption(input as JWK, at)
  if (jwk.d === undefined) throw new ConfigError(at, 'is no private key')
  checkUse(jwk, 'sign', at)
  try {
    return namedBy(jwk, createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }), at)
  } catch {
    // What went wrong may tell of the key.
    throw new ConfigError(at, 'is no private key that can be read')
  }
}

function publicPem(pem: string, at: string): KeyObject {
  if (pem.includes('PRIVATE KEY'))
    throw new ConfigError(at, 'is a private key: whoever verifies needs the public one alone')
  try {
    return createPublicKey(pem)
  } catch (cause) {
    throw new ConfigError(at, 'is no public key in PEM', { cause: cause as Error })
  }
}

function privatePem(pem: string, at: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new ConfigError(at, 'is no private key in PEM')
  }
}

function secretBytes(input: unknown, at: string): { bytes: Uint8Array; jwk?: JWK } {
  if (input instanceof Uint8Array) return { bytes: input }
  if (typeof input === 'string') {
    // A public key in the place of a secret is known to everybody.
    if (input.includes('-----BEGIN')) throw new ConfigError(at, 'is a key in PEM and no secret')
    return { bytes: Buffer.from(input, 'utf8') }
  }
  const jwk = objectOption(input as JWK, at)
  if (jwk.kty !== 'oct' || typeof jwk.k !== 'string' || !/^[A-Za-z0-9_-]*$/.test(jwk.k))
    throw new ConfigError(at, 'must be text, bytes or a JWK of the type "oct"')
  return { bytes: Buffer.from(jwk.k, 'base64url'), jwk }
}

function checkUse({ use, key_ops: operations }: JWK, operation: 'sign' | 'verify', at: string): void {
  if (use !== undefined && use !== 'sig') throw new ConfigError(at, 'is not for signatures')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes(operation)))
    throw new ConfigError(at, `must not be used to ${operation}`)
}

function namedBy({ kid, alg }: JWK, key: KeyObject, at: string): NamedKey {
  if (kid !== undefined && typeof kid !== 'string') throw new ConfigError(at, 'has a name that is no string')
  if (alg !== undefined && typeof alg !== 'string') throw new ConfigError(at, 'has an algorithm that is no string')
  return { key, kid, algorithm: alg }
}

function unnamed(key: KeyObject): NamedKey {
  return { key, kid: undefined, algorithm: undefined }
}

function fitting(named: NamedKey, algorithms: readonly JwtAlgorithm[], at: string): NamedKey {
  const { key, algorithm } = named
  if (algorithms.some((each) => (algorithm === undefined || algorithm === each) && fitsAlgorithm(key, each)))
    return named
  const kind = key.type === 'secret' ? 'secret' : `${key.asymmetricKeyType} key`
  throw new ConfigError(at, `is ${kind === 'secret' ? 'a' : 'an'} ${kind} that fits none of ${algorithms.join(', ')}`)
}
