/** What can be wrong with a token, in words that say nothing of the token itself, and how clients are told (RFC 6750, section 3). */

const DESCRIPTIONS = {
  malformed: 'The token is malformed',
  opaque: 'The token is no JWT',
  'too-long': 'The token is too long',
  algorithm: 'The algorithm of the token is not allowed',
  unsupported: 'The token asks for an extension that is not understood',
  'unknown-key': 'The key of the token is not known',
  signature: 'The signature of the token is wrong',
  expired: 'The token has expired',
  'too-old': 'The token is too old',
  'not-yet-valid': 'The token is not valid yet',
  issuer: 'The issuer of the token is not trusted',
  audience: 'The token is meant for others',
  type: 'The token is of another type',
  'missing-claim': 'The token lacks a claim',
  inactive: 'The token is not active',
  certificate: 'The token belongs to another certificate',
  'not-bound': 'The token is not bound to a key',
  'proof-missing': 'The token needs a proof of possession',
  'proof-malformed': 'The proof of possession is malformed',
  'proof-signature': 'The signature of the proof is wrong',
  'proof-key': 'The proof is of another key than the token',
  'proof-request': 'The proof is for another request',
  'proof-token': 'The proof is for another token',
  'proof-time': 'The proof is not of now',
  'proof-replayed': 'The proof was used before',
  'proof-nonce': 'The proof needs the nonce of this server',
  'keys-unavailable': '',
  'introspection-failed': '',
} as const

/** A word for logs and events. The last two are not the client's fault. */
export type TokenFault = keyof typeof DESCRIPTIONS

/** For a person who looks for the reason: fixed text, which needs no escaping. */
export function descriptionOf(fault: TokenFault): string {
  return DESCRIPTIONS[fault]
}

/** Whether it could not be found out what the token is worth. */
export function isOutage(fault: TokenFault): boolean {
  return fault === 'keys-unavailable' || fault === 'introspection-failed'
}
