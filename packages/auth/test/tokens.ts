/** Tokens for tests, signed with keys that are made once for each file. */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { exportJWK, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'

/** What the virtual clock says at first, in seconds. */
export const NOW = 981_173_106

/** A pair of keys with what tests need of it. */
export interface TestKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly pem: string
  readonly jwk: JWK
  readonly privateJwk: JWK
}

export async function keyPair(curve: 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA', kid?: string): Promise<TestKey> {
  const { publicKey, privateKey } = pairOf(curve)
  const named = kid === undefined ? {} : { kid }
  return {
    publicKey,
    privateKey,
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwk: { ...(await exportJWK(publicKey)), ...named },
    privateJwk: { ...(await exportJWK(privateKey)), ...named },
  }
}

function pairOf(curve: string): { publicKey: KeyObject; privateKey: KeyObject } {
  if (curve === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2_048 })
  return curve === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: curve })
}

/** A token of now, good for an hour, of a client that is called `ada`. */
export async function signedToken(
  key: KeyObject | Uint8Array,
  header: JWTHeaderParameters,
  claims: JWTPayload = {},
): Promise<string> {
  return await new SignJWT({ sub: 'ada', iat: NOW, exp: NOW + 3_600, ...claims }).setProtectedHeader(header).sign(key)
}

/** A token as nobody should write one: any header and payload, with a MAC by SHA-256 or without a signature. */
export function rawToken(header: object, payload: object | string, secret?: string | Buffer): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  const signature = secret === undefined ? '' : createHmac('sha256', secret).update(input).digest('base64url')
  return `${input}.${signature}`
}

function encoded(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

export function bearer(token: string): { readonly Authorization: string } {
  return { Authorization: `Bearer ${token}` }
}

export const SECRET = 'a secret that has thirty-two bytes or more'
