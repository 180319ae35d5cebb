/**
 * TLS towards targets. Certificates are verified, chain and name; pins narrow that down and never replace it. All
 * connections of a transport share one context: making one for each would parse the authorities every time.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { checkServerIdentity, createSecureContext, type PeerCertificate, type SecureContext } from 'node:tls'
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'

/** TLS towards targets. */
export interface TransportTlsOptions {
  /** Certificate authorities in PEM, in place of the well-known ones. */
  readonly ca?: string | readonly string[]
  /** This proxy's own certificate and key in PEM, for targets that ask for one. */
  readonly cert?: string
  readonly key?: string
  /** The name to ask for (SNI) and to verify, for all targets. @default the URL's host */
  readonly servername?: string
  /**
   * Public keys of targets: `sha256/` and, in base64, the SHA-256 of the key's SPKI (RFC 7469, section 2.4). The target's own
   * certificate has to have one of these keys, and to verify as well; otherwise `ERR_SLUICE_TLS_CERTIFICATE`. Name the next
   * key too before the present one is replaced.
   */
  readonly pins?: readonly string[]
  /**
   * Verifies nothing: anybody on the way to the target can read and change everything. For tests. Pins are refused beside
   * it.
   * @default false
   */
  readonly acceptAnyCertificate?: boolean
}

const NAMES: OptionNames<TransportTlsOptions> = {
  ca: true,
  cert: true,
  key: true,
  servername: true,
  pins: true,
  acceptAnyCertificate: true,
}

/** For a connection, by the names of `node:tls`. */
export interface TargetTlsOptions {
  readonly secureContext: SecureContext
  /** Empty for none. */
  readonly servername: string
  readonly rejectUnauthorized: boolean
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined
}

/** Gives the options for a connection to `host`, a name or an address without brackets. */
export type TargetTls = (host: string) => TargetTlsOptions

const PIN = /^sha256\/[A-Za-z0-9+/]{43}=$/

/**
 * Checks the options and compiles them. `at` is their place, for messages.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function compileTargetTls(options: TransportTlsOptions | undefined, at: string): TargetTls {
  if (options !== undefined) strictOption(options, NAMES, at)
  const { servername, acceptAnyCertificate = false } = options ?? {}
  if (servername !== undefined && !/^[^\s]+$/.test(servername))
    throw new ConfigError(`${at}.servername`, 'must be a name')
  const pins = checkedPins(options?.pins, acceptAnyCertificate, `${at}.pins`)
  let context = options === undefined ? undefined : contextOf(options, at)
  return (host) => {
    const name = servername ?? host
    // The first target that speaks TLS pays for it, and nobody where there is none.
    context ??= contextOf({}, at)
    return {
      secureContext: context,
      // SNI carries names, not addresses (RFC 6066, section 3).
      servername: /^[0-9.]+$|:/.test(name) ? '' : name,
      rejectUnauthorized: !acceptAnyCertificate,
      // Also over a Unix socket, where Node would not know a host.
      checkServerIdentity: (_host, certificate) =>
        checkServerIdentity(name, certificate) ?? (pins === undefined ? undefined : checkPin(certificate.raw, pins)),
    }
  }
}

function contextOf({ ca, cert, key }: TransportTlsOptions, at: string): SecureContext {
  try {
    return createSecureContext({
      ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    })
  } catch (cause) {
    throw new ConfigError(at, `has a certificate or a key that can not be used: ${(cause as Error).message}`, { cause })
  }
}

function checkedPins(
  pins: readonly string[] | undefined,
  acceptsAny: boolean,
  at: string,
): ReadonlySet<string> | undefined {
  if (pins === undefined) return undefined
  if (acceptsAny) throw new ConfigError(at, 'do not go together with "acceptAnyCertificate"')
  if (!Array.isArray(pins) || pins.length === 0) throw new ConfigError(at, 'must be a list of at least one')
  pins.forEach((pin: string, index) => {
    if (!PIN.test(pin)) throw new ConfigError(`${at}[${index}]`, 'must be "sha256/" and 32 bytes in base64')
  })
  return new Set(pins)
}

/** Of the target's own certificate: what else is in a chain is chosen by whoever sends it. */
function checkPin(certificate: Buffer, pins: ReadonlySet<string>): Error | undefined {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  if (pins.has(`sha256/${createHash('sha256').update(key).digest('base64')}`)) return undefined
  const error = new Error("the certificate's key is none of those that are pinned")
  return Object.assign(error, { code: 'ERR_TLS_PIN_MISMATCH' })
}
