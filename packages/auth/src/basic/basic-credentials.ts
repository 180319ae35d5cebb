/** The credentials of Basic (RFC 7617, section 2): base64 of `user:password` in UTF-8. */

/** A user and what is claimed to be the password. */
export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Neither part may have one (RFC 7617, section 2). */
const CONTROL = /\p{Cc}/u

/**
 * `undefined` where it is malformed: not base64 as RFC 4648, section 4, has it, not UTF-8, or without a colon. Both parts are brought
 * into the normal form C, as section 2.1 asks for by way of RFC 8265.
 */
export function parseBasic(token: string): BasicCredentials | undefined {
  const bytes = Buffer.from(token, 'base64')
  if (bytes.length === 0 || bytes.toString('base64') !== token) return undefined
  const text = decode(bytes)
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 0 || CONTROL.test(text)) return undefined
  return { user: text.slice(0, colon).normalize('NFC'), password: text.slice(colon + 1).normalize('NFC') }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes)
  } catch {
    return undefined
  }
}
