/** JSON Web Tokens made by hand, as no library would make them. */
import { createHmac, type KeyObject, sign } from 'node:crypto'

/** What a token says, beside its signature. */
export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** Signs a token's first two parts: gives the third. */
export type Signer = (input: string) => Buffer

export const unsigned: Signer = () => Buffer.alloc(0)

/** RS256, whatever the header says. */
export const bySha256 =
  (key: KeyObject): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), key)

/** HS256, whatever the header says. */
export const byHmac =
  (secret: string | Buffer): Signer =>
  (input) =>
    createHmac('sha256', secret).update(input).digest()

export function token({ header, claims }: TokenParts, signer: Signer): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${signer(input).toString('base64url')}`
}
