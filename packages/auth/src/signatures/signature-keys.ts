/** The keys that signatures are verified with, and whose they are. */
import type { KeyObject } from 'node:crypto'
import { ConfigError, type Exchange } from '@sluice/core'
import { strictOption, textOption, textsOption } from '@sluice/core/options'
import type { JWK } from 'jose'
import { readPublicKey, readSecretKey, type SecretInput } from '../keys/key-material.ts'
import { misfit, SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from './signature-algorithms.ts'

/** A client's key. */
export interface SignatureKeyOptions {
  /** What signatures call it (`keyid`). */
  readonly keyid: string
  /** The one algorithm that it is for. */
  readonly algorithm: SignatureAlgorithm
  /** A public key, as PEM or JWK; with `hmac-sha256` a secret of at least 32 bytes: bytes, text, or a JWK of the type `oct`. */
  readonly key: JWK | SecretInput
  /** Whose it is. @default the `keyid` */
  readonly subject?: string
  /** What the client may do. @default [] */
  readonly scopes?: readonly string[]
  /** What the client is. @default [] */
  readonly roles?: readonly string[]
}

/** A list, or a function that knows; it is given what a client sent. */
export type SignatureKeys =
  | readonly SignatureKeyOptions[]
  | ((keyid: string, exchange: Exchange) => SignatureKeyOptions | undefined | Promise<SignatureKeyOptions | undefined>)

const NAMES = ['keyid', 'algorithm', 'key', 'subject', 'scopes', 'roles']

/** Ready to verify with. */
export interface SignatureKey {
  readonly keyid: string
  readonly algorithm: SignatureAlgorithm
  readonly key: KeyObject
  readonly subject: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

export type FindSignatureKey = (
  keyid: string,
  exchange: Exchange,
) => SignatureKey | undefined | Promise<SignatureKey | undefined>

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function compileSignatureKeys(keys: SignatureKeys, at: string): FindSignatureKey {
  if (typeof keys === 'function') return compileLookup(keys, at)
  if (!Array.isArray(keys) || keys.length === 0)
    throw new ConfigError(at, 'must be a list of at least one key, or a function')
  const byName = new Map<string, SignatureKey>()
  keys.forEach((options: SignatureKeyOptions, index) => {
    const key = readSignatureKey(options, `${at}[${index}]`)
    if (byName.has(key.keyid)) throw new ConfigError(`${at}[${index}].keyid`, `is not the only one "${key.keyid}"`)
    byName.set(key.keyid, key)
  })
  return (keyid) => byName.get(keyid)
}

function compileLookup(lookUp: Exclude<SignatureKeys, readonly unknown[]>, at: string): FindSignatureKey {
  // Whoever looks keys up mostly has them in objects that stay; reading a key is slower than using it.
  const read = new WeakMap<SignatureKeyOptions, SignatureKey>()
  return async (keyid, exchange) => {
    const options = await lookUp(keyid, exchange)
    if (options === undefined) return undefined
    const known = read.get(options)
    if (known !== undefined) return known
    const key = readSignatureKey(options, at)
    read.set(options, key)
    return key
  }
}

function readSignatureKey(options: SignatureKeyOptions, at: string): SignatureKey {
  const { algorithm, subject, scopes, roles } = strictOption(options, NAMES, at)
  const keyid = textOption(options.keyid, `${at}.keyid`)
  if (!SIGNATURE_ALGORITHMS.includes(algorithm))
    throw new ConfigError(`${at}.algorithm`, `must be one of ${SIGNATURE_ALGORITHMS.join(', ')}`)
  const key =
    algorithm === 'hmac-sha256' ? readSecretKey(options.key, `${at}.key`) : readPublicKey(options.key, `${at}.key`).key
  const problem = misfit(key, algorithm)
  if (problem !== undefined) throw new ConfigError(`${at}.key`, problem)
  return Object.freeze({
    keyid,
    algorithm,
    key,
    subject: subject === undefined ? keyid : textOption(subject, `${at}.subject`),
    scopes: Object.freeze(scopes === undefined ? [] : [...textsOption(scopes, `${at}.scopes`)]),
    roles: Object.freeze(roles === undefined ? [] : [...textsOption(roles, `${at}.roles`)]),
  })
}
