/**
 * Clients that are known by the certificate of their TLS connection; either the connection ends here (`ca` and `clientCertificates` of the
 * listener), or at a trusted proxy that tells of the certificate in `Client-Cert` (RFC 9440).
 *
 *     clientCertificate({ allow: [{ san: 'uri:spiffe://example.com/shop', roles: ['shop'] }] })
 */
import { type ClientCertificate, ConfigError, type Identity } from '@sluice/core'
import { flagOption, strictOption, wordOption } from '@sluice/core/options'
import { challengeOf, realmOption } from '../challenge.ts'
import { defineStrategy } from '../define-strategy.ts'
import { ABSENT, type Refusal, type Strategy, type Verdict } from '../strategy.ts'
import { type CertificateRule, type CompiledRule, compileRule } from './certificate-rules.ts'
import { CLIENT_CERT, certificateSource, type CertificateSource } from './shown-certificate.ts'

/** Which part of a certificate names the client; of alternative names the first of that kind. */
export type CertificateSubject = 'subject' | 'fingerprint256' | 'dns' | 'uri' | 'email'

/** Options of {@link clientCertificate}. */
export interface ClientCertificateOptions {
  /**
   * Which certificates are let in; the first rule that fits says what the identity may do. Others get 403.
   * @default all that the listener's authorities, or the proxy, vouch for
   */
  readonly allow?: readonly CertificateRule[]
  /** What names the client. A certificate without such a name gets 403. @default 'subject' */
  readonly subjectFrom?: CertificateSubject
  /**
   * Whose word it is. `connection`: the client's own connection. `proxy`: `Client-Cert` of a proxy in `forwarded.trust`, which has to verify
   * certificates, and to remove what clients send under that name (RFC 9440, section 4). For both use `anyOf`.
   * @default 'connection'
   */
  readonly from?: CertificateSource
  /** In the challenge; of visible ASCII. @default 'restricted' */
  readonly realm?: string
  /** Whether `Client-Cert` and `Client-Cert-Chain` stay here, where the proxy has sent them. @default false */
  readonly strip?: boolean
}

/** Whoever has the key of a certificate. */
export interface CertificateIdentity extends Identity {
  readonly scheme: 'client-certificate'
  /** What stands in the certificate, and what the rule adds. */
  readonly claims: Readonly<Record<string, unknown>> & {
    readonly issuer: string
    readonly serialNumber: string
    readonly fingerprint256: string
  }
  readonly raw: ClientCertificate
}

const AT = 'clientCertificate'
const NAMES = ['allow', 'subjectFrom', 'from', 'realm', 'strip']
const UNVERIFIED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'unverified' })
const MALFORMED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'malformed' })
const EXPIRED: Refusal = Object.freeze({ kind: 'refused', status: 401, reason: 'expired' })
const NOT_ALLOWED: Refusal = Object.freeze({ kind: 'refused', status: 403, reason: 'not-allowed' })
const NAMELESS: Refusal = Object.freeze({ kind: 'refused', status: 403, reason: 'nameless' })

/**
 * Makes the strategy. No scheme is registered for it: the challenge says `ClientCertificate`, since 401 has to have one.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function clientCertificate(options: ClientCertificateOptions = {}): Strategy<CertificateIdentity> {
  const { allow, subjectFrom, from } = strictOption(options, NAMES, AT)
  if (allow !== undefined && (!Array.isArray(allow) || allow.length === 0))
    throw new ConfigError(`${AT}.allow`, 'must be a list of at least one rule')
  const rules = allow?.map((rule, index) => compileRule(rule, `${AT}.allow[${index}]`))
  const subjectKind = wordOption(subjectFrom, 'subject', SUBJECTS, `${AT}.subjectFrom`)
  const challenge = challengeOf('ClientCertificate', { realm: realmOption(options.realm, 'restricted', `${AT}.realm`) })
  const strips = flagOption(options.strip, false, `${AT}.strip`)
  const find = certificateSource(from, `${AT}.from`)
  /** A certificate is one object for all requests of its connection: it is judged once. */
  const judged = new WeakMap<ClientCertificate, Judged>()

  return defineStrategy<CertificateIdentity>({
    scheme: 'client-certificate',
    authenticate: (exchange) => {
      const certificate = find(exchange)
      if (certificate === undefined) return ABSENT
      if (certificate === 'malformed') return MALFORMED
      if (!certificate.authorized) return UNVERIFIED
      let known = judged.get(certificate)
      if (known === undefined) {
        const { validFrom, validTo } = certificate
        const verdict = judge(certificate, rules, subjectKind)
        known = { verdict, validFrom: validFrom.getTime(), validTo: validTo.getTime() }
        judged.set(certificate, known)
      }
      // A connection may outlive its certificate, and a proxy may be careless.
      const now = exchange.clock.wallTime()
      // The other way round, a time that can't be read would be good for ever.
      return now >= known.validFrom && now <= known.validTo ? known.verdict : EXPIRED
    },
    challenge: () => challenge,
    strip: ({ request: { headers } }) => {
      if (strips && headers.hasAny(CLIENT_CERT))
        headers.deleteWhere((key) => key === 'client-cert' || key === 'client-cert-chain')
    },
  })
}

const SUBJECTS: readonly CertificateSubject[] = ['subject', 'fingerprint256', 'dns', 'uri', 'email']

interface Judged {
  readonly verdict: Verdict<CertificateIdentity>
  readonly validFrom: number
  readonly validTo: number
}

function judge(
  certificate: ClientCertificate,
  rules: readonly CompiledRule[] | undefined,
  subjectKind: CertificateSubject,
): Verdict<CertificateIdentity> {
  const rule = rules?.find(({ fits }) => fits(certificate))
  if (rules !== undefined && rule === undefined) return NOT_ALLOWED
  const subject = rule?.as ?? nameOf(certificate, subjectKind)
  if (subject === undefined || subject === '') return NAMELESS
  const { issuer, serialNumber, fingerprint256 } = certificate
  const identity: CertificateIdentity = Object.freeze({
    subject,
    scheme: 'client-certificate',
    claims: Object.freeze({ ...rule?.grants.claims, issuer, serialNumber, fingerprint256 }),
    scopes: rule?.grants.scopes ?? [],
    roles: rule?.grants.roles ?? [],
    raw: certificate,
  })
  return { kind: 'accepted', identity }
}

function nameOf(certificate: ClientCertificate, kind: CertificateSubject): string | undefined {
  if (kind === 'subject' || kind === 'fingerprint256') return certificate[kind]
  return certificate.subjectAltNames.find(({ type }) => type === kind)?.value
}
