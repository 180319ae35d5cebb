/**
 * The certificate that a client was verified by, as upstreams get it: `Client-Cert` and `Client-Cert-Chain` (RFC 9440), each
 * certificate a byte sequence of structured fields (RFC 9651, section 3.3.5). Copies that a client sends itself were dropped
 * at the entrance; those that a trusted proxy has sent, for a client of its own, stay.
 */
import { maskOf } from '@sluice/wire'
import { ConfigError } from '../errors.ts'
import type { HeadEdit } from '../forward-plan.ts'
import type { ClientCertificate } from './client-tls.ts'

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
