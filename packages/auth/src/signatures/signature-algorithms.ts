/** The algorithms of RFC 9421, section 3.3. Which one a key is for is the operator's word, never the message's (section 7.3.6). */
import { constants, createHmac, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto'

export type SignatureAlgorithm =
  | 'hmac-sha256'
  | 'ed25519'
  | 'ecdsa-p256-sha256'
  | 'ecdsa-p384-sha384'
  | 'rsa-pss-sha512'
  | 'rsa-v1_5-sha256'

export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = [
  'hmac-sha256',
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
  'rsa-v1_5-sha256',
]

/** What is known of an algorithm. */
interface Scheme {
  readonly hash: string | null
  readonly keyType: string
  readonly curve?: string
  /** How the signature is written, and padded. */
  readonly options?: object
}

const SCHEMES: Readonly<Record<Exclude<SignatureAlgorithm, 'hmac-sha256'>, Scheme>> = {
  ed25519: { hash: null, keyType: 'ed25519' },
  'ecdsa-p256-sha256': {
    hash: 'sha256',
    keyType: 'ec',
    curve: 'prime256v1',
    options: { dsaEncoding: 'ieee-p1363' },
  },
  'ecdsa-p384-sha384': {
    hash: 'sha384',
    keyType: 'ec',
    curve: 'secp384r1',
    options: { dsaEncoding: 'ieee-p1363' },
  },
  'rsa-pss-sha512': {
    hash: 'sha512',
    keyType: 'rsa',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 },
  },
  'rsa-v1_5-sha256': { hash: 'sha256', keyType: 'rsa', options: { padding: constants.RSA_PKCS1_PADDING } },
}

const MIN_SECRET_BYTES = 32
const MIN_RSA_BITS = 2_048

/** Why the key is not one for the algorithm; `undefined` where it is. */
export function misfit(key: KeyObject, algorithm: SignatureAlgorithm): string | undefined {
  if (algorithm === 'hmac-sha256') {
    if (key.type !== 'secret') return 'must be a secret for hmac-sha256'
    return key.symmetricKeySize! < MIN_SECRET_BYTES ? `must have at least ${MIN_SECRET_BYTES} bytes` : undefined
  }
  const { keyType, curve } = SCHEMES[algorithm]
  // One that is bound to PSS alone is of a type of its own.
  const isType =
    key.asymmetricKeyType === keyType || (algorithm === 'rsa-pss-sha512' && key.asymmetricKeyType === 'rsa-pss')
  if (!isType || (curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== curve))
    return `is not a key for ${algorithm}`
  const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS
  return bits < MIN_RSA_BITS ? `must have at least ${MIN_RSA_BITS} bits` : undefined
}

/** Signs a signature base. */
export function signBase(base: string, key: KeyObject, algorithm: SignatureAlgorithm): Buffer {
  const bytes = Buffer.from(base, 'latin1')
  if (algorithm === 'hmac-sha256') return createHmac('sha256', key).update(bytes).digest()
  const { hash, options } = SCHEMES[algorithm]
  return sign(hash, bytes, { key, ...options })
}

/** Whether it is the signature of this base. */
export function verifyBase(
  base: string,
  signature: Uint8Array,
  key: KeyObject,
  algorithm: SignatureAlgorithm,
): boolean {
  const bytes = Buffer.from(base, 'latin1')
  if (algorithm === 'hmac-sha256') {
    const expected = createHmac('sha256', key).update(bytes).digest()
    return signature.byteLength === expected.byteLength && timingSafeEqual(signature, expected)
  }
  const { hash, options } = SCHEMES[algorithm]
  return verify(hash, bytes, { key, ...options }, signature)
}
