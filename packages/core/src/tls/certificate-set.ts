/** The certificates of a listener, ready for use: which one a name gets, and what they have in common. */
import { constants, createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { atLeast } from '../at-least.ts'
import { ConfigError } from '../errors.ts'
import { parseAlternativeNames } from './alternative-names.ts'
import type { CertificateOptions, ListenTlsOptions, NamedCertificateOptions, OcspSource } from './listen-tls-options.ts'
import { type Files, given, pemBlocks } from './pem.ts'

/** What is known of a certificate in use, for events and admin pages. */
export interface CertificateSummary {
  /** What it is shown for; the default one for all others as well. */
  readonly names: readonly string[]
  readonly isDefault: boolean
  /** Missing of a `pfx`. */
  readonly fingerprint256: string | undefined
  readonly validTo: Date | undefined
}

/** Those of Mozilla's intermediate list (version 5.7) that need no parameters of their own: forward secrecy and AEAD only. */
export const DEFAULT_CIPHERS: string = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

const AT = 'listen.tls'
const NAME = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** Immutable: replacing certificates makes another one. */
export class CertificateSet {
  /** The default certificate, with what holds for all. */
  readonly context: SecureContextOptions
  readonly summaries: readonly CertificateSummary[]
  /** By the certificate itself, in DER. */
  readonly #ocsp = new Map<string, { readonly certificate: X509Certificate; readonly source: OcspSource }>()
  readonly #contexts = new Map<string, SecureContext | undefined>()

  /**
   * `ticketKeys` are used where the options have none.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`: material that is missing, malformed or does not fit together
   */
  constructor(options: ListenTlsOptions, files: Files, ticketKeys: Buffer) {
    const { certificates = [] } = options
    const shared = sharedOptions(options, files, ticketKeys)
    const own = material(options, files, AT)
    if (own === undefined && certificates.length === 0 && options.SNICallback === undefined)
      throw new ConfigError(
        AT,
        'needs a certificate and its key: "cert" and "key", "certFile" and "keyFile", "pfx", "certificates" or "SNICallback"',
      )
    const summaries: CertificateSummary[] = []
    if (own !== undefined) summaries.push(this.#add(options, own, undefined, AT))
    let context = { ...shared, ...own }
    build(context, AT)
    certificates.forEach((certificate, index) => {
      const at = `${AT}.certificates[${index}]`
      const each = material(certificate, files, at)
      if (each === undefined) throw new ConfigError(at, 'needs a certificate and its key')
      const isDefault = own === undefined && index === 0
      const built = build({ ...shared, ...each }, at)
      if (isDefault) context = { ...shared, ...each }
      summaries.push(this.#add(certificate, each, isDefault ? undefined : built, at))
    })
    this.context = context
    this.summaries = summaries
  }

  get hasOcsp(): boolean {
    return this.#ocsp.size > 0
  }

  /** The certificate for a name: `undefined` for the default one, `null` where no certificate has it. */
  find(servername: string): SecureContext | undefined | null {
    const name = servername.toLowerCase()
    if (this.#contexts.has(name)) return this.#contexts.get(name)
    const wildcard = `*${name.slice(name.indexOf('.'))}`
    return name.includes('.') && this.#contexts.has(wildcard) ? this.#contexts.get(wildcard) : null
  }

  /** Calls back once with the response to staple for a certificate. */
  giveOcspResponse(der: Buffer, give: (response: Buffer | null) => void): void {
    void this.#ocspResponse(der).then(give)
  }

  async #ocspResponse(der: Buffer): Promise<Buffer | null> {
    const entry = this.#ocsp.get(der.toString('latin1'))
    try {
      const response = await entry?.source(entry.certificate)
      return response === undefined || response.byteLength === 0 ? null : Buffer.from(response)
    } catch {
      return null
    }
  }

  #add(
    options: NamedCertificateOptions,
    { cert, pfx }: SecureContextOptions,
    context: SecureContext | undefined,
    at: string,
  ): CertificateSummary {
    const leaves = cert === undefined ? [] : (cert as (string | Buffer)[]).map((each) => new X509Certificate(each))
    const names = namesOf(options, leaves, at)
    const isDefault = context === undefined
    if (names.length === 0 && !isDefault)
      throw new ConfigError(
        `${at}.names`,
        pfx === undefined ? 'are missing: the certificate has no DNS name' : 'are missing',
      )
    for (const name of names) if (!this.#contexts.has(name)) this.#contexts.set(name, context)
    const { ocspResponse } = options
    if (ocspResponse !== undefined && leaves.length === 0)
      throw new ConfigError(`${at}.ocspResponse`, 'needs a certificate in PEM')
    if (ocspResponse !== undefined) {
      const source = typeof ocspResponse === 'function' ? ocspResponse : () => ocspResponse
      for (const certificate of leaves) this.#ocsp.set(certificate.raw.toString('latin1'), { certificate, source })
    }
    const [leaf] = leaves
    return { names, isDefault, fingerprint256: leaf?.fingerprint256, validTo: leaf && new Date(leaf.validTo) }
  }
}

/** What all certificates of a listener have in common. */
function sharedOptions(
  options: ListenTlsOptions,
  files: Files,
  ticketKeys: Buffer,
): SecureContextOptions & { ticketKeys: Buffer } {
  const {
    minVersion = 'TLSv1.2',
    ciphers = DEFAULT_CIPHERS,
    clientCertificates = 'none',
    sessionTickets = true,
  } = options
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3')
    throw new ConfigError(`${AT}.minVersion`, 'must be "TLSv1.2" or "TLSv1.3"')
  if (!['none', 'request', 'require'].includes(clientCertificates))
    throw new ConfigError(`${AT}.clientCertificates`, 'must be "none", "request" or "require"')
  const { ticketKeys: keys = ticketKeys, sessionTimeoutMs = 300_000 } = options
  if (!Buffer.isBuffer(keys) || keys.byteLength !== 48)
    throw new ConfigError(`${AT}.ticketKeys`, 'must be a Buffer of 48 bytes')
  const ca = authorities(options, files)
  const crl = revocations(options, files)
  if (clientCertificates === 'require' && ca.length === 0)
    throw new ConfigError(`${AT}.ca`, 'must name the authorities that client certificates are verified against')
  return {
    minVersion,
    ciphers,
    ticketKeys: keys,
    sessionTimeout: Math.ceil(atLeast(1, sessionTimeoutMs, `${AT}.sessionTimeoutMs`) / 1_000),
    // A session carries its client's certificate as verified. One that was made under other authorities, or before a
    // certificate was revoked, must not be resumed, whoever shares the keys of the tickets.
    sessionIdContext: createHash('sha256')
      .update(JSON.stringify([clientCertificates, ca, crl]))
      .digest('hex')
      .slice(0, 32),
    ...(sessionTickets ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
    // Without any, Node would take the well-known authorities, and so anybody who has a certificate of any web site.
    ...(clientCertificates === 'none' ? {} : { ca }),
    ...(crl.length === 0 ? {} : { crl }),
  }
}

function authorities({ ca, caFile }: ListenTlsOptions, files: Files): string[] {
  const inputs = given(ca, caFile, files)
  if (inputs === undefined) return []
  const blocks = pemBlocks(inputs, 'CERTIFICATE')
  // Node passes over what it can not read.
  if (blocks.length === 0) throw new ConfigError(`${AT}.ca`, 'has no certificate in PEM')
  for (const block of blocks) readCertificate(block, `${AT}.ca`)
  return blocks
}

function revocations({ crl, crlFile }: ListenTlsOptions, files: Files): string[] {
  const inputs = given(crl, crlFile, files)
  if (inputs === undefined) return []
  const blocks = pemBlocks(inputs, 'X509 CRL')
  if (blocks.length === 0) throw new ConfigError(`${AT}.crl`, 'has no revocation list in PEM')
  return blocks
}

/** Certificate and key; `undefined` where neither is given. */
function material(options: CertificateOptions, files: Files, at: string): SecureContextOptions | undefined {
  const { pfx, passphrase } = options
  const cert = given(options.cert, options.certFile, files)
  const key = given(options.key, options.keyFile, files)
  const hasPfx = pfx !== undefined && pfx.length > 0
  if (!hasPfx && cert === undefined && key === undefined) return undefined
  if (!hasPfx && (cert === undefined || key === undefined))
    throw new ConfigError(at, 'needs both a certificate and its key')
  for (const each of cert ?? []) readCertificate(each, at)
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(hasPfx ? { pfx } : {}),
    ...(passphrase === undefined ? {} : { passphrase }),
  }
}

function readCertificate(pem: string | Buffer, at: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new ConfigError(at, `has a certificate that can not be read: ${(cause as Error).message}`, { cause })
  }
}

function build(options: SecureContextOptions, at: string): SecureContext {
  try {
    return createSecureContext(options)
  } catch (cause) {
    throw new ConfigError(at, (cause as Error).message, { cause })
  }
}

function namesOf({ names }: NamedCertificateOptions, leaves: readonly X509Certificate[], at: string): string[] {
  if (names !== undefined) return names.map((name, index) => checkedName(name, `${at}.names[${index}]`))
  const found = leaves.flatMap((leaf) => parseAlternativeNames(leaf.subjectAltName))
  return found.filter(({ type }) => type === 'dns').map(({ value }) => value.toLowerCase())
}

function checkedName(name: string, at: string): string {
  const lower = typeof name === 'string' ? name.toLowerCase() : ''
  if (lower.length <= 253 && NAME.test(lower)) return lower
  throw new ConfigError(at, 'must be a host name, with "*" for its first label at most')
}
