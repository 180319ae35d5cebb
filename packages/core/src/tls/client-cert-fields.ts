/**
 * The certificate that a client was verified by, as upstreams get it and as trusted proxies send it: `Client-Cert` and `Client-Cert-Chain` (RFC 9440), each
 * certificate a byte sequence of structured fields (RFC 9651, section 3.3.5). Copies that a client sends itself were dropped
 * at the entrance; those that a trusted proxy has sent, for a client of its own, stay.
 */
import { X509Certificate } from 'node:crypto'
import { maskOf } from '@sluice/wire'
import { ConfigError } from '../errors.ts'
import type { HeadEdit } from '../forward-plan.ts'
import { type ClientCertificate, verifiedCertificate } from './client-tls.ts'

/** How much of it an upstream gets. */
export type ClientCertFields = 'none' | 'certificate' | 'chain'

interface Fields {
  readonly certificate: string
  readonly chain: string
}

const CLIENT_CERT = maskOf('client-cert')
/** By the object that belongs to the connection: a certificate is encoded once for all of its requests. */
const encoded = new WeakMap<ClientCertificate, Fields>()

/** @throws {ConfigError} where `fields` is none of the three */
export function clientCertEdit(fields: ClientCertFields, at: string): HeadEdit | undefined {
  if (fields === 'none') return undefined
  if (fields !== 'certificate' && fields !== 'chain')
    throw new ConfigError(at, 'must be "none", "certificate" or "chain"')
  return ({ headers }, { client }) => {
    const certificate = client.tls?.certificate
    // One that nobody vouches for says nothing, and an upstream could not tell.
    if (certificate?.authorized !== true) return
    if (headers.hasAny(CLIENT_CERT) && headers.has('client-cert')) return
    const { certificate: own, chain } = fieldsOf(certificate)
    headers.append('Client-Cert', own)
    if (fields === 'chain' && chain !== '') headers.append('Client-Cert-Chain', chain)
  }
}

function fieldsOf(certificate: ClientCertificate): Fields {
  let fields = encoded.get(certificate)
  if (fields === undefined) {
    fields = { certificate: byteSequence(certificate.raw), chain: certificate.chain.map(byteSequence).join(', ') }
    encoded.set(certificate, fields)
  }
  return fields
}

function byteSequence(bytes: Buffer): string {
  return `:${bytes.toString('base64')}:`
}

/**
 * Reads the value of `Client-Cert`. It is as good as whoever has sent it: behind the entrance it is there only where the peer is a trusted
 * proxy (`forwarded.trust`). `undefined` where it is malformed.
 */
export function parseClientCert(value: string): ClientCertificate | undefined {
  const base64 = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1]
  if (base64 === undefined) return undefined
  try {
    const bytes = Buffer.from(base64, 'base64')
    const certificate = new X509Certificate(bytes)
    // It would take PEM as well, and pass over what stands behind a certificate.
    return certificate.raw.equals(bytes) ? verifiedCertificate(certificate) : undefined
  } catch {
    return undefined
  }
}
