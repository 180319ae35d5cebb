/**
 * An authority that issues certificates for tests (RFC 5280), with nothing but `node:crypto`: servers and clients, ones that
 * are out of date, authorities below it, and lists of those that it has revoked. Keys are of P-256.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import * as asn1 from './der.ts'

/** What a certificate says. */
export interface IssueOptions {
  /** The common name of its subject. @default the first of `names` */
  readonly commonName?: string
  /** DNS names, IP addresses, and URIs (whatever has `://` in it). @default [] */
  readonly names?: readonly string[]
  /** @default 2020-01-01 */
  readonly validFrom?: Date
  /** @default 2120-01-01 */
  readonly validTo?: Date
}

/** A certificate and its key, as the options of `node:tls` and of Sluice want them. */
export interface IssuedCertificate {
  /** In PEM; followed by those between it and the root, where there are any. */
  readonly cert: string
  /** In PEM. */
  readonly key: string
}

/** Issues certificates. */
export interface CertificateAuthority {
  /** Its own certificate in PEM, for the `ca` option. */
  readonly cert: string
  issue(options?: IssueOptions): IssuedCertificate
  /** Another authority, below this one. */
  authority(commonName: string): CertificateAuthority
  /** A list of revoked certificates, in PEM. `nextUpdate`: when it is out of date. @default 2120-01-01 */
  revoke(certificates: readonly IssuedCertificate[], nextUpdate?: Date): string
}

const ECDSA_WITH_SHA256 = asn1.sequence(asn1.objectId('1.2.840.10045.4.3.2'))
const VALID_FROM = new Date('2020-01-01T00:00:00Z')
const VALID_TO = new Date('2120-01-01T00:00:00Z')

/** An authority that signs itself. */
export function certificateAuthority(commonName = 'Test authority'): CertificateAuthority {
  return new Authority(commonName, undefined)
}

class Authority implements CertificateAuthority {
  readonly cert: string
  readonly #name: Buffer
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  /** Those that go with what it issues: its own and those above it, without the root. */
  readonly #chain: string

  constructor(commonName: string, parent: Authority | undefined) {
    this.#name = nameOf(commonName)
    const request = {
      serialNumber: newSerialNumber(),
      subject: this.#name,
      publicKey: this.#keys.publicKey,
      validFrom: VALID_FROM,
      validTo: VALID_TO,
      extensions: authorityExtensions(this.#keys.publicKey),
    }
    this.cert = (parent ?? this).#certify(request)
    this.#chain = parent === undefined ? '' : this.cert + parent.#chain
  }

  issue(options: IssueOptions = {}): IssuedCertificate {
    const { names = [], validFrom = VALID_FROM, validTo = VALID_TO } = options
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const cert = this.#certify({
      serialNumber: newSerialNumber(),
      subject: nameOf(options.commonName ?? names[0] ?? 'nobody'),
      publicKey,
      validFrom,
      validTo,
      extensions: names.length === 0 ? [] : [alternativeNames(names)],
    })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    return { cert: cert + this.#chain, key }
  }

  authority(commonName: string): CertificateAuthority {
    return new Authority(commonName, this)
  }

  revoke(certificates: readonly IssuedCertificate[], nextUpdate: Date = VALID_TO): string {
    const revoked = certificates.map(({ cert }) =>
      asn1.sequence(asn1.integer(serialNumberOf(cert)), asn1.time(VALID_FROM)),
    )
    const list = asn1.sequence(
      asn1.integer(1n),
      ECDSA_WITH_SHA256,
      this.#name,
      asn1.time(VALID_FROM),
      asn1.time(nextUpdate),
      ...(revoked.length === 0 ? [] : [asn1.sequence(...revoked)]),
      asn1.tagged(0, asn1.sequence(this.#issuerKey(), extension('2.5.29.20', asn1.integer(1n)))),
    )
    return pem('X509 CRL', this.#signed(list))
  }

  #certify({ serialNumber, subject, publicKey, validFrom, validTo, extensions }: CertificateRequest): string {
    const certificate = asn1.sequence(
      asn1.tagged(0, asn1.integer(2n)),
      asn1.integer(serialNumber),
      ECDSA_WITH_SHA256,
      this.#name,
      asn1.sequence(asn1.time(validFrom), asn1.time(validTo)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      asn1.tagged(3, asn1.sequence(...extensions, this.#issuerKey())),
    )
    return pem('CERTIFICATE', this.#signed(certificate))
  }

  #issuerKey(): Buffer {
    return extension('2.5.29.35', asn1.sequence(asn1.der(0x80, keyIdentifier(this.#keys.publicKey))))
  }

  #signed(content: Buffer): Buffer {
    return asn1.sequence(content, ECDSA_WITH_SHA256, asn1.bitString(sign('sha256', content, this.#keys.privateKey)))
  }
}

interface CertificateRequest {
  readonly serialNumber: bigint
  readonly subject: Buffer
  readonly publicKey: KeyObject
  readonly validFrom: Date
  readonly validTo: Date
  readonly extensions: readonly Buffer[]
}

/** Nothing in a test depends on it, other than that no two are the same. */
function newSerialNumber(): bigint {
  return BigInt(`0x40${randomBytes(15).toString('hex')}`)
}

function nameOf(commonName: string): Buffer {
  return asn1.sequence(asn1.set(asn1.sequence(asn1.objectId('2.5.4.3'), asn1.utf8String(commonName))))
}

function authorityExtensions(key: KeyObject): Buffer[] {
  return [
    extension('2.5.29.19', asn1.sequence(asn1.boolean(true)), true),
    // Signs certificates and lists.
    extension('2.5.29.15', asn1.bitString(Buffer.of(0b0000_0110), 1), true),
    extension('2.5.29.14', asn1.octetString(keyIdentifier(key))),
  ]
}

function serialNumberOf(cert: string): bigint {
  return BigInt(`0x${new X509Certificate(cert).serialNumber}`)
}

function alternativeNames(names: readonly string[]): Buffer {
  return extension('2.5.29.17', asn1.sequence(...names.map(alternativeName)))
}

function alternativeName(name: string): Buffer {
  if (isIP(name) !== 0) return asn1.der(0x87, addressBytes(name))
  return asn1.der(name.includes('://') ? 0x86 : 0x82, Buffer.from(name))
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [before = '', after = ''] = address.split('::')
  const [head, tail] = [groupsOf(before), groupsOf(after)]
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return asn1.sequence(asn1.objectId(id), ...(isCritical ? [asn1.boolean(true)] : []), asn1.octetString(value))
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
