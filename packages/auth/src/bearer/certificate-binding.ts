/**
 * Tokens that are bound to a client's certificate (RFC 8705, section 3): whoever has stolen one has not got the key that the TLS
 * connection was opened with. The certificate need not be vouched for: what counts is that it is the same.
 */
import { hash } from 'node:crypto'
import type { ClientCertificate, Exchange } from '@sluice/core'

/** One for each connection, so that it is hashed once. */
const thumbprints = new WeakMap<ClientCertificate, string>()

/** Whether the client's connection was opened with the certificate of this thumbprint. */
export function hasCertificate(exchange: Exchange, thumbprint: unknown): boolean {
  const certificate = exchange.client.tls?.certificate
  return certificate !== undefined && thumbprintOf(certificate) === thumbprint
}

function thumbprintOf(certificate: ClientCertificate): string {
  const known = thumbprints.get(certificate)
  if (known !== undefined) return known
  const thumbprint = hash('sha256', certificate.raw, 'base64url')
  thumbprints.set(certificate, thumbprint)
  return thumbprint
}
