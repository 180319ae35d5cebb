/** What is known of a client by its TLS connection. Read from the socket when it is first asked for, once for a connection. */
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { type AlternativeName, parseAlternativeNames } from './alternative-names.ts'

const MAX_CHAIN = 10

/** A client's TLS connection. */
export interface ClientTls {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string
  /** By its name in the standards, such as `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string
  /** The name that the client has asked for (SNI); missing where it has named none. */
  readonly servername: string | undefined
  /** The protocol that was agreed on (ALPN), `h2` or `http/1.1`; missing where the client has offered none. */
  readonly alpnProtocol: string | undefined
  /** Whether it went on with the session of an earlier connection. */
  readonly resumed: boolean
  /** The certificate that the client has shown. Where it is not verified, `authorized` is false: look at that first. */
  readonly certificate: ClientCertificate | undefined
}

/** A client's certificate. Names and numbers are as the certificate has them: only {@link authorized} says what they are worth. */
export interface ClientCertificate {
  /** Whether an authority of the listener's `ca` vouches for it, it is valid now and no list of `crl` revokes it. */
  readonly authorized: boolean
  /** Why not, in OpenSSL's words such as `CERT_HAS_EXPIRED`. */
  readonly authorizationError: string | undefined
  /** `CN=alice,O=Example,C=DE`: as RFC 4514 writes it, the most specific part first. */
  readonly subject: string
  /** In the same form. */
  readonly issuer: string
  readonly subjectAltNames: readonly AlternativeName[]
  /** SHA-256 of the whole certificate, in upper case hexadecimal with colons. */
  readonly fingerprint256: string
  /** In upper case hexadecimal. */
  readonly serialNumber: string
  readonly validFrom: Date
  readonly validTo: Date
  /** In DER. */
  readonly raw: Buffer
  readonly pem: string
  /**
   * In DER: what lies between it and the root, nearest first, as far as the listener's `ca` has it: Node does not say what
   * a client has sent with it. Empty once the connection is gone.
   */
  readonly chain: readonly Buffer[]
}

/** Reads it; `undefined` where the connection is gone, and nobody can tell any more. */
export function readClientTls(socket: TLSSocket): ClientTls | undefined {
  const protocol = socket.getProtocol()
  if (socket.destroyed || protocol === null) return undefined
  const { servername } = socket as { servername?: string | false | null }
  const certificate = socket.getPeerX509Certificate()
  return {
    protocol,
    cipher: socket.getCipher().standardName,
    servername: typeof servername === 'string' && servername !== '' ? servername : undefined,
    alpnProtocol: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    resumed: socket.isSessionReused(),
    certificate: certificate === undefined ? undefined : new ReadCertificate(certificate, socket),
  }
}

/** One that somebody has verified already, such as a trusted proxy. */
export function verifiedCertificate(certificate: X509Certificate): ClientCertificate {
  return new ReadCertificate(certificate, undefined)
}

/** Its parts are made when they are asked for: most who look want one or two. */
class ReadCertificate implements ClientCertificate {
  readonly authorized: boolean
  readonly authorizationError: string | undefined
  readonly #certificate: X509Certificate
  readonly #socket: TLSSocket | undefined
  #names: readonly AlternativeName[] | undefined = undefined
  #chain: readonly Buffer[] | undefined = undefined

  /** Without a socket it is verified, and nothing is known of its chain. */
  constructor(certificate: X509Certificate, socket: TLSSocket | undefined) {
    const { authorized, authorizationError } = socket ?? { authorized: true, authorizationError: undefined }
    this.authorized = authorized
    // Node's types take it for an error; it is the error's code.
    this.authorizationError = authorized ? undefined : String(authorizationError ?? 'unknown')
    this.#certificate = certificate
    this.#socket = socket
  }

  get subject(): string {
    return distinguishedName(this.#certificate.subject)
  }

  get issuer(): string {
    return distinguishedName(this.#certificate.issuer)
  }

  get subjectAltNames(): readonly AlternativeName[] {
    return (this.#names ??= parseAlternativeNames(this.#certificate.subjectAltName))
  }

  get fingerprint256(): string {
    return this.#certificate.fingerprint256
  }

  get serialNumber(): string {
    return this.#certificate.serialNumber
  }

  get validFrom(): Date {
    return new Date(this.#certificate.validFrom)
  }

  get validTo(): Date {
    return new Date(this.#certificate.validTo)
  }

  get raw(): Buffer {
    return this.#certificate.raw
  }

  get pem(): string {
    return this.#certificate.toString()
  }

  get chain(): readonly Buffer[] {
    return (this.#chain ??= intermediatesOf(this.#socket))
  }

  /** For logs and `JSON.stringify`: what identifies it, without the certificate itself. */
  toJSON(): object {
    const { authorized, authorizationError, subject, issuer, subjectAltNames, fingerprint256, serialNumber } = this
    return { authorized, authorizationError, subject, issuer, subjectAltNames, fingerprint256, serialNumber }
  }
}

/** `X509Certificate.issuerCertificate` is not set on a server's side; the older form has what is known. */
function intermediatesOf(socket: TLSSocket | undefined): Buffer[] {
  const chain: Buffer[] = []
  let issuer = socket === undefined || socket.destroyed ? undefined : socket.getPeerCertificate(true).issuerCertificate
  while (issuer?.raw !== undefined && issuer.issuerCertificate !== issuer && chain.length < MAX_CHAIN) {
    chain.push(issuer.raw)
    issuer = issuer.issuerCertificate
  }
  return chain
}

/** Node writes a part to a line, the most specific last, with what is special in them escaped (RFC 4514, section 2.4). */
function distinguishedName(lines: string): string {
  return lines.split('\n').toReversed().join(',')
}
