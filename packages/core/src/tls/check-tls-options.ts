/** The names in the options of a listener's TLS: checked before a file is read. */
import { type OptionNames, strictOption } from '../options/option-checks.ts'
import type { CertificateOptions, ListenTlsOptions, NamedCertificateOptions } from './listen-tls-options.ts'

const CERTIFICATE_NAMES: OptionNames<CertificateOptions> = {
  cert: true,
  key: true,
  certFile: true,
  keyFile: true,
  pfx: true,
  passphrase: true,
  ocspResponse: true,
}

const NAMED_CERTIFICATE_NAMES: OptionNames<NamedCertificateOptions> = {
  ...CERTIFICATE_NAMES,
  names: true,
}

const LISTEN_TLS_NAMES: OptionNames<ListenTlsOptions> = {
  ...CERTIFICATE_NAMES,
  certificates: true,
  SNICallback: true,
  clientCertificates: true,
  ca: true,
  caFile: true,
  crl: true,
  crlFile: true,
  minVersion: true,
  ciphers: true,
  sessionTickets: true,
  ticketKeys: true,
  sessionTimeoutMs: true,
  handshakeTimeoutMs: true,
  reloadIntervalMs: true,
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.tls` */
export function checkTlsOptions(options: ListenTlsOptions): ListenTlsOptions {
  const { certificates = [] } = strictOption(options, LISTEN_TLS_NAMES, 'listen.tls')
  for (const [index, certificate] of Object.entries(certificates))
    strictOption(certificate, NAMED_CERTIFICATE_NAMES, `listen.tls.certificates[${index}]`)
  return options
}
