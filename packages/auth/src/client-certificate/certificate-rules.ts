/** Which certificates are let in, and what stands on the identity of each. */
import { type AlternativeName, type AlternativeNameType, type ClientCertificate, ConfigError } from '@sluice/core'
import { strictOption, textOption } from '@sluice/core/options'
import { type Grants, grantsOf } from '../grants.ts'

/** A certificate that is let in. All that is given has to fit. */
export interface CertificateRule extends Grants {
  /** The whole subject, as RFC 4514 writes it: `CN=alice,O=Example,C=DE`, the most specific part first. */
  readonly subject?: string
  /** The whole issuer, in the same form. */
  readonly issuer?: string
  /** One of its alternative names, with its kind in front: `dns:client.example.com`, `uri:spiffe://example.com/shop`, `email:`, `ip:`. */
  readonly san?: string
  /** SHA-256 of the certificate in hexadecimal, with or without colons. */
  readonly fingerprint256?: string
  /** What the identity's subject is. @default by the option `subjectFrom` */
  readonly as?: string
}

/** A rule that is ready to be asked. */
export interface CompiledRule {
  readonly fits: (certificate: ClientCertificate) => boolean
  readonly as: string | undefined
  readonly grants: Required<Grants>
}

const NAMES = ['subject', 'issuer', 'san', 'fingerprint256', 'as', 'scopes', 'roles', 'claims']
const KINDS: readonly AlternativeNameType[] = ['dns', 'uri', 'email', 'ip']

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function compileRule(rule: CertificateRule, at: string): CompiledRule {
  const { subject, issuer, san, fingerprint256, as } = strictOption(rule, NAMES, at)
  const tests: ((certificate: ClientCertificate) => boolean)[] = []
  if (fingerprint256 !== undefined) {
    const wanted = fingerprintOption(fingerprint256, `${at}.fingerprint256`)
    tests.push((certificate) => certificate.fingerprint256 === wanted)
  }
  if (subject !== undefined) {
    textOption(subject, `${at}.subject`)
    tests.push((certificate) => certificate.subject === subject)
  }
  if (issuer !== undefined) {
    textOption(issuer, `${at}.issuer`)
    tests.push((certificate) => certificate.issuer === issuer)
  }
  if (san !== undefined) {
    const wanted = nameOption(san, `${at}.san`)
    tests.push(({ subjectAltNames }) =>
      subjectAltNames.some((each) => each.type === wanted.type && comparable(each) === wanted.value),
    )
  }
  if (tests.length === 0) throw new ConfigError(at, 'needs "subject", "issuer", "san" or "fingerprint256"')
  return {
    fits: (certificate) => tests.every((test) => test(certificate)),
    as: as === undefined ? undefined : textOption(as, `${at}.as`),
    grants: grantsOf(rule, at),
  }
}

/** In the form that Node has it in: upper case, with colons. */
export function fingerprintOption(value: unknown, at: string): string {
  const digits = typeof value === 'string' ? value.replaceAll(':', '').toUpperCase() : ''
  if (!/^[0-9A-F]{64}$/.test(digits)) throw new ConfigError(at, 'must be a SHA-256 fingerprint in hexadecimal')
  return digits.match(/../g)!.join(':')
}

/** A name with its kind in front. */
export function nameOption(value: unknown, at: string): AlternativeName {
  const [, type, rest] = (typeof value === 'string' ? /^([a-z]+):(.+)$/.exec(value) : null) ?? []
  if (type === undefined || rest === undefined || !KINDS.includes(type as AlternativeNameType))
    throw new ConfigError(at, 'must be "dns:", "uri:", "email:" or "ip:" and a name')
  const name = { type: type as AlternativeNameType, value: rest }
  return { ...name, value: comparable(name) }
}

/** Names of hosts compare without regard to case. */
export function comparable({ type, value }: AlternativeName): string {
  return type === 'dns' ? value.toLowerCase() : value
}
