/**
 * Rules on the certificate that a client has shown, where an authority vouches for it: any other matches nothing. Names are
 * compared whole, as the certificate has them: part of a name is somebody else's.
 */
import { type ClientCertificate, ConfigError, type Exchange } from '@sluice/core'
import { strictOption, textsOption } from '@sluice/core/options'
import { comparable, fingerprintOption, nameOption } from '../client-certificate/certificate-rules.ts'
import { certificateSource, type CertificateSource } from '../client-certificate/shown-certificate.ts'

/** Everything named must hold; of several values for one, one must. */
export interface CertificateMatch {
  /** `CN=alice,O=Example,C=DE`: as RFC 4514 writes it, the most specific part first. */
  readonly subject?: string | readonly string[]
  /** In the same form. */
  readonly issuer?: string | readonly string[]
  /** One of its alternative names, with its kind in front: `dns:api.example.com`, `uri:spiffe://example/api`, `email:`, `ip:`. */
  readonly san?: string | readonly string[]
  /** SHA-256 of the whole certificate, in hexadecimal, with colons or without. */
  readonly fingerprint256?: string | readonly string[]
  /**
   * Whose word it is. `connection`: the client's own connection. `proxy`: `Client-Cert` (RFC 9440) of a proxy in `forwarded.trust`, which has
   * to verify certificates, and to remove what clients send under that name.
   * @default 'connection'
   */
  readonly from?: CertificateSource
}

/** Says whether a client has shown such a certificate. */
export type CertificateTest = (exchange: Exchange) => boolean

type Part = (certificate: ClientCertificate) => boolean

const NAMES = ['subject', 'issuer', 'san', 'fingerprint256', 'from']

/** `true` is any certificate that an authority vouches for. @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at` */
export function compileCertificate(match: true | CertificateMatch, at: string): CertificateTest {
  const conditions: CertificateMatch = match === true ? {} : strictOption(match, NAMES, at)
  const parts = partsOf(conditions, at)
  if (match !== true && parts.length === 0 && conditions.from === undefined)
    throw new ConfigError(at, 'must be true, or have at least one condition')
  const find = certificateSource(conditions.from, `${at}.from`)
  return (exchange) => {
    const certificate = find(exchange)
    if (certificate === undefined || certificate === 'malformed' || !certificate.authorized) return false
    // A connection may outlive its certificate, and a proxy may be careless.
    const now = exchange.clock.wallTime()
    const isValid = certificate.validFrom.getTime() <= now && now <= certificate.validTo.getTime()
    return isValid && parts.every((holds) => holds(certificate))
  }
}

function partsOf({ subject, issuer, san, fingerprint256 }: CertificateMatch, at: string): Part[] {
  const parts: Part[] = []
  if (fingerprint256 !== undefined) {
    const allowed = setOf(fingerprint256, `${at}.fingerprint256`, fingerprintOption)
    parts.push((certificate) => allowed.has(certificate.fingerprint256))
  }
  if (subject !== undefined) {
    const allowed = setOf(subject, `${at}.subject`)
    parts.push((certificate) => allowed.has(certificate.subject))
  }
  if (issuer !== undefined) {
    const allowed = setOf(issuer, `${at}.issuer`)
    parts.push((certificate) => allowed.has(certificate.issuer))
  }
  if (san !== undefined) {
    const allowed = setOf(san, `${at}.san`, (text, place) => {
      const { type, value } = nameOption(text, place)
      return `${type}:${value}`
    })
    parts.push(({ subjectAltNames }) => subjectAltNames.some((name) => allowed.has(`${name.type}:${comparable(name)}`)))
  }
  return parts
}

function setOf(
  values: string | readonly string[],
  at: string,
  read: (value: string, at: string) => string = (value) => value,
): ReadonlySet<string> {
  return new Set(textsOption(values, at).map((value) => read(value, at)))
}
