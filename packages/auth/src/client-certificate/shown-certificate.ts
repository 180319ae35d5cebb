/** Where a client's certificate is found: on its own connection, or in the field of a trusted proxy (RFC 9440). */
import { type ClientCertificate, type Exchange, parseClientCert } from '@sluice/core'
import { wordOption } from '@sluice/core/options'
import { maskOf } from '@sluice/wire'
import QuickLRU from 'quick-lru'

/** Whose word it is. */
export type CertificateSource = 'connection' | 'proxy'

/** Finds it; `malformed` where a proxy has sent what can't be read. */
export type FindCertificate = (exchange: Exchange) => ClientCertificate | 'malformed' | undefined

export const CLIENT_CERT: number = maskOf('client-cert')
/** Of certificates in fields; reading one costs more than the rest of a request. */
const MAX_READ = 1_000

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function certificateSource(from: CertificateSource | undefined, at: string): FindCertificate {
  const place = wordOption(from, 'connection', ['connection', 'proxy'], at)
  return place === 'connection' ? onConnection : inField()
}

function onConnection({ client }: Exchange): ClientCertificate | undefined {
  return client.tls?.certificate
}

/** Clients' own copies were dropped at the entrance: what is there now comes from a trusted proxy. */
function inField(): FindCertificate {
  const read = new QuickLRU<string, ClientCertificate>({ maxSize: MAX_READ })
  return ({ request: { headers } }) => {
    if (!headers.hasAny(CLIENT_CERT)) return undefined
    const [value, other] = headers.getAll('client-cert')
    if (value === undefined) return undefined
    if (other !== undefined) return 'malformed'
    const known = read.get(value)
    if (known !== undefined) return known
    const certificate = parseClientCert(value)
    if (certificate === undefined) return 'malformed'
    read.set(value, certificate)
    return certificate
  }
}
