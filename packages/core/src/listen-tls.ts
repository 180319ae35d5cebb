/**
 * TLS of a listener: a subset of the options of `node:tls`, checked when the listener is made, so that a key that does not
 * fit its certificate shows at the start and not with the first client. What goes wrong in a handshake is that client's
 * affair: its connection is closed, and nobody else notices.
 */
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import { atLeast } from './at-least.ts'
import { ConfigError } from './errors.ts'

/** Certificates or keys: PEM as text or bytes; several in a list, for example one of RSA and one of ECDSA. */
export type PemInput = string | Buffer | readonly (string | Buffer)[]

/**
 * Gives the certificate for the name that a client asks for (SNI, RFC 6066, section 3), by calling `done`. Without a context
 * the listener's own certificate is used. One that throws or rejects fails that handshake.
 */
export type SniCallback = (servername: string, done: (error: Error | null, context?: SecureContext) => void) => void

/**
 * TLS of a listener, by the names that `node:tls` has for it. It needs `cert` and `key`, or `pfx`, or `SNICallback`. The
 * protocol within is HTTP/1.1: a client that offers others only (by ALPN, RFC 7301) is refused.
 */
export interface ListenTlsOptions {
  /** The certificate in PEM, followed by those between it and the authority's. */
  readonly cert?: PemInput
  /** Its private key in PEM. */
  readonly key?: PemInput
  /** Certificate and key as PKCS#12, in place of `cert` and `key`. */
  readonly pfx?: Buffer
  /** What `key` or `pfx` is encrypted with. */
  readonly passphrase?: string
  /** The authorities, in PEM, that client certificates are verified against. */
  readonly ca?: PemInput
  /** Asks clients for a certificate. @default false */
  readonly requestCert?: boolean
  /**
   * Closes connections of clients without a certificate that `ca` verifies, where one is asked for. With `false` they are
   * served all the same.
   * @default true
   */
  readonly rejectUnauthorized?: boolean
  /** @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** In OpenSSL's notation. @default Node's */
  readonly ciphers?: string
  readonly SNICallback?: SniCallback
  /** Longest time for a handshake; then the connection is closed. @default 10_000 */
  readonly handshakeTimeoutMs?: number
}

/** A server's options. */
export interface ResolvedTls extends TlsOptions {
  readonly handshakeTimeout: number
}

const MATERIAL = ['cert', 'key', 'pfx', 'passphrase', 'ca', 'ciphers'] as const

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.tls`: material that is missing, malformed or does not fit together */
export function resolveListenTls(options: ListenTlsOptions | undefined): ResolvedTls | undefined {
  if (options === undefined) return undefined
  const { cert, key, pfx, ca, requestCert = false, rejectUnauthorized = true, minVersion = 'TLSv1.2' } = options
  const { SNICallback, handshakeTimeoutMs = 10_000 } = options
  if (!isGiven(pfx) && !(isGiven(cert) && isGiven(key)) && (SNICallback === undefined || isGiven(cert) || isGiven(key)))
    throw new ConfigError('listen.tls', 'needs "cert" and "key", or "pfx", or "SNICallback"')
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3')
    throw new ConfigError('listen.tls.minVersion', 'must be "TLSv1.2" or "TLSv1.3"')
  // Node would take the well-known authorities, and so anybody who has a certificate of any web site.
  if (requestCert && rejectUnauthorized && !isGiven(ca))
    throw new ConfigError('listen.tls.ca', 'must name the authorities that client certificates are verified against')
  const material: TlsOptions = {
    ...Object.fromEntries(MATERIAL.flatMap((name) => (isGiven(options[name]) ? [[name, mutable(options[name])]] : []))),
    minVersion,
  }
  try {
    createSecureContext(material)
  } catch (cause) {
    throw new ConfigError('listen.tls', (cause as Error).message, { cause })
  }
  return {
    ...material,
    requestCert,
    rejectUnauthorized,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: atLeast(1, handshakeTimeoutMs, 'listen.tls.handshakeTimeoutMs'),
    ...(SNICallback === undefined ? {} : { SNICallback: guarded(SNICallback) }),
  }
}

/** Node takes what is empty for what is not there. */
function isGiven(value: PemInput | undefined): boolean {
  return value !== undefined && value.length > 0
}

function mutable(value: PemInput | undefined): unknown {
  return Array.isArray(value) ? [...value] : value
}

/** Node calls it from within OpenSSL, where nobody catches what it throws, and nobody looks at a promise. */
function guarded(callback: SniCallback): SniCallback {
  return (servername, done) => {
    let isDone = false
    const once: typeof done = (error, context) => {
      if (isDone) return
      isDone = true
      done(error, context)
    }
    new Promise((resolve) => resolve(callback(servername, once))).catch((error: unknown) => once(asError(error)))
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}
