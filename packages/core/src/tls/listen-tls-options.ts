import type { X509Certificate } from 'node:crypto'
/**
 * TLS of a listener, by the names that `node:tls` has where it has one. Everything is checked when the listener is made, so
 * that a key that does not fit its certificate shows at the start and not with the first client. What goes wrong in a
 * handshake is that client's affair: its connection is closed, and nobody else notices.
 */
import type { SecureContext } from 'node:tls'

/** Certificates or keys: PEM as text or bytes; several in a list, for example one of RSA and one of ECDSA. */
export type PemInput = string | Buffer | readonly (string | Buffer)[]

/**
 * Gives the certificate for the name that a client asks for (SNI, RFC 6066, section 3), by calling `done`. Without a context
 * the listener's own certificate is used. One that throws or rejects fails that handshake.
 */
export type SniCallback = (servername: string, done: (error: Error | null, context?: SecureContext) => void) => void

/**
 * Gives the stapled OCSP response (RFC 6960, in DER) for a certificate. Called in each handshake that asks for one: keep what
 * it finds. Where it gives nothing, throws or rejects, the handshake goes on without.
 */
export type OcspSource = (certificate: X509Certificate) => Uint8Array | undefined | Promise<Uint8Array | undefined>

/** A certificate and its key: `cert` and `key`, or `certFile` and `keyFile`, or `pfx`. */
export interface CertificateOptions {
  /** The certificate in PEM, followed by those between it and the authority's. */
  readonly cert?: PemInput
  /** Its private key in PEM. */
  readonly key?: PemInput
  /** A file with what `cert` holds. */
  readonly certFile?: string
  /** A file with what `key` holds. */
  readonly keyFile?: string
  /** Certificate and key as PKCS#12. */
  readonly pfx?: Buffer
  /** What the key or `pfx` is encrypted with. */
  readonly passphrase?: string
  /** The OCSP response to staple for clients that ask for it (RFC 6066, section 8), or what gives it. */
  readonly ocspResponse?: Uint8Array | OcspSource
}

/** One certificate of several. */
export interface NamedCertificateOptions extends CertificateOptions {
  /**
   * The names that it is shown for: `example.com`, or `*.example.com` for names of one label more. The exact one wins, then
   * the first in the list.
   * @default the DNS names in the certificate; of a `pfx` they have to be given
   */
  readonly names?: readonly string[]
}

/**
 * Whether clients are asked for a certificate: `request` serves those without one as well, and those whose certificate is
 * not verified, which `exchange.client.tls` says; `require` closes the connections of both.
 */
export type ClientCertificates = 'none' | 'request' | 'require'

/**
 * TLS of a listener. The certificate given here is the default one, shown to clients that name no host or one that no other
 * certificate has; without it the first of `certificates` is. The protocol within is HTTP/2 or HTTP/1.1:
 * a client that offers others only (by ALPN, RFC 7301) is refused.
 */
export interface ListenTlsOptions extends CertificateOptions {
  /** Certificates by the names that clients ask for. @default [] */
  readonly certificates?: readonly NamedCertificateOptions[]
  /** Asked for names that no certificate has. */
  readonly SNICallback?: SniCallback
  /** @default 'none' */
  readonly clientCertificates?: ClientCertificates
  /**
   * The authorities, in PEM, that client certificates are verified against: a bundle, or a list. With `request` it may be
   * missing: then no certificate is verified.
   */
  readonly ca?: PemInput
  /** A file with what `ca` holds. */
  readonly caFile?: string
  /**
   * Certificate revocation lists in PEM. Where there is one, there must be one that is not out of date for each authority
   * between a client's certificate and the root, or the certificate is refused.
   */
  readonly crl?: PemInput
  /** A file with what `crl` holds. */
  readonly crlFile?: string
  /** @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** In OpenSSL's notation. @default those with forward secrecy and authenticated encryption */
  readonly ciphers?: string
  /** Whether clients can go on with the session of an earlier connection, by tickets (RFC 8446, section 2.2). @default true */
  readonly sessionTickets?: boolean
  /**
   * 48 bytes, secret: what tickets are encrypted with. Processes that share them accept each other's tickets. Replace them
   * once a day or so: whoever gets hold of them can read what TLS 1.2 connections with their tickets have carried. A ticket
   * under other keys costs its client a whole handshake, and nothing else.
   * @default random ones, kept for as long as the listener is
   */
  readonly ticketKeys?: Buffer
  /** How long a session can be resumed. @default 300_000 */
  readonly sessionTimeoutMs?: number
  /** Longest time for a handshake; then the connection is closed. @default 10_000 */
  readonly handshakeTimeoutMs?: number
  /**
   * How often the files are looked at. What has changed is checked and used from the next handshake on; where it is wrong,
   * what was there stays (`tlsReplaced`, `tlsReplaceFailed`). 0 for never: see {@link Listener.reloadTls}.
   * @default 0
   */
  readonly reloadIntervalMs?: number
}
