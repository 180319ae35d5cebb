/**
 * TLS of one listener while it runs: which certificate a handshake gets, stapled OCSP responses, and replacing all of it
 * without a connection noticing. Replacing is one assignment after everything has been checked, so whatever is wrong with
 * the new leaves the old in use.
 */
import { randomBytes } from 'node:crypto'
import type { Server, TlsOptions } from 'node:tls'
import type { Clock, ScheduledCall } from '@sluice/wire'
import { atLeast } from '../at-least.ts'
import { ConfigError } from '../errors.ts'
import { tlsReplaced, tlsReplaceFailed } from '../events.ts'
import type { ListenerAddress } from '../listener.ts'
import { CertificateSet } from './certificate-set.ts'
import { checkTlsOptions } from './check-tls-options.ts'
import type { ClientCertificates, ListenTlsOptions, SniCallback } from './listen-tls-options.ts'
import { type Files, filesOf, readFiles, readFilesLater } from './pem.ts'

/** A server's options. */
export interface ServerTlsOptions extends TlsOptions {
  readonly handshakeTimeout: number
}

/** What can not change while the server is open. */
interface FixedOptions {
  readonly clientCertificates: ClientCertificates
  readonly handshakeTimeoutMs: number
}

export class ListenerTls {
  readonly #clock: Clock
  readonly #fixed: FixedOptions
  /** In place of ones that the options have: kept, so that sessions outlive a change of certificates. */
  readonly #ticketKeys: Buffer = randomBytes(48)
  #options: ListenTlsOptions
  #files: Files
  #certificates: CertificateSet
  #reloadIntervalMs: number
  #server: Server | undefined = undefined
  #addressOf: () => ListenerAddress | undefined = () => undefined
  #nextLook: ScheduledCall | undefined = undefined
  /** The last failure that was published; the same one is not said again each time that the files are looked at. */
  #failure = ''

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `listen.tls` */
  constructor(options: ListenTlsOptions, clock: Clock) {
    this.#clock = clock
    this.#options = checkTlsOptions(options)
    this.#files = readFiles(filesOf(options))
    this.#certificates = new CertificateSet(options, this.#files, this.#ticketKeys)
    this.#fixed = fixedOf(options)
    this.#reloadIntervalMs = intervalOf(options)
  }

  /** For the server. `protocols` are what it speaks, by their names in ALPN. */
  serverOptions(protocols: readonly string[]): ServerTlsOptions {
    const { clientCertificates, handshakeTimeoutMs } = this.#fixed
    return {
      ...this.#certificates.context,
      requestCert: clientCertificates !== 'none',
      rejectUnauthorized: clientCertificates === 'require',
      ALPNProtocols: [...protocols],
      handshakeTimeout: handshakeTimeoutMs,
      SNICallback: (servername, done) => this.#select(servername, done),
    }
  }

  /** To be called once, with the server that was made with {@link serverOptions}. */
  attach(server: Server, addressOf: () => ListenerAddress): void {
    this.#server = server
    this.#addressOf = addressOf
    this.#stapleIfNeeded()
    this.#lookLater()
  }

  /** Uses other options from the next handshake on. See {@link Listener.setTls}. */
  replace(options: ListenTlsOptions): void {
    this.#tryReplace(options, () => readFiles(filesOf(checkTlsOptions(options))))
  }

  /** Reads the files again. See {@link Listener.reloadTls}. */
  async reload(): Promise<void> {
    const options = this.#options
    const files = await this.#read(options)
    this.#tryReplace(options, () => files)
  }

  /** Looks at the files no more. */
  stop(): void {
    this.#server = undefined
    this.#nextLook?.cancel()
  }

  #tryReplace(options: ListenTlsOptions, read: () => Files): void {
    try {
      const files = read()
      const certificates = new CertificateSet(options, files, this.#ticketKeys)
      const reloadIntervalMs = intervalOf(options)
      assertSame(this.#fixed, fixedOf(options))
      this.#server?.setSecureContext(certificates.context)
      this.#options = options
      this.#files = files
      this.#certificates = certificates
      this.#reloadIntervalMs = reloadIntervalMs
    } catch (error) {
      this.#failed(error as Error)
      throw error
    }
    this.#failure = ''
    this.#stapleIfNeeded()
    this.#lookLater()
    if (tlsReplaced.hasSubscribers)
      tlsReplaced.publish({ address: this.#addressOf(), certificates: this.#certificates.summaries })
  }

  async #read(options: ListenTlsOptions): Promise<Files> {
    try {
      return await readFilesLater(filesOf(options))
    } catch (error) {
      this.#failed(error as Error)
      throw error
    }
  }

  #failed(error: Error): void {
    if (this.#failure === error.message) return
    this.#failure = error.message
    if (tlsReplaceFailed.hasSubscribers) tlsReplaceFailed.publish({ address: this.#addressOf(), error })
  }

  #lookLater(): void {
    this.#nextLook?.cancel()
    if (this.#reloadIntervalMs === 0 || this.#server === undefined) return
    this.#nextLook = this.#clock.schedule(this.#reloadIntervalMs, () => void this.#look())
  }

  /** Compares contents: times and sizes of files do not tell for certain, and a link may lead elsewhere. */
  async #look(): Promise<void> {
    const options = this.#options
    try {
      const files = await this.#read(options)
      // In the meantime others may have come, or the end.
      if (options === this.#options && this.#server !== undefined && !isSame(files, this.#files))
        return this.#tryReplace(options, () => files)
    } catch {
      // It was published.
    }
    this.#lookLater()
  }

  #select(servername: string, done: Parameters<SniCallback>[1]): void {
    const context = this.#certificates.find(servername)
    const { SNICallback } = this.#options
    if (context === null && SNICallback !== undefined) return ask(SNICallback, servername, done)
    done(null, context ?? undefined)
  }

  /** Only then: with a listener Node interrupts every handshake for it. */
  #stapleIfNeeded(): void {
    const server = this.#server
    if (server === undefined) return
    server.off('OCSPRequest', this.#staple)
    if (this.#certificates.hasOcsp) server.on('OCSPRequest', this.#staple)
  }

  readonly #staple = (
    certificate: Buffer,
    _issuer: Buffer,
    done: (error: Error | null, response: Buffer | null) => void,
  ): void => {
    this.#certificates.giveOcspResponse(certificate, (response) => done(null, response))
  }
}

function fixedOf({ clientCertificates = 'none', handshakeTimeoutMs = 10_000 }: ListenTlsOptions): FixedOptions {
  return {
    clientCertificates,
    handshakeTimeoutMs: atLeast(1, handshakeTimeoutMs, 'listen.tls.handshakeTimeoutMs'),
  }
}

function intervalOf({ reloadIntervalMs = 0 }: ListenTlsOptions): number {
  return atLeast(0, reloadIntervalMs, 'listen.tls.reloadIntervalMs')
}

/** Node has them fixed when a server is made. */
function assertSame(before: FixedOptions, after: FixedOptions): void {
  for (const name of ['clientCertificates', 'handshakeTimeoutMs'] as const) {
    if (before[name] !== after[name])
      throw new ConfigError(`listen.tls.${name}`, 'can not change while the listener is open')
  }
}

function isSame(one: Files, other: Files): boolean {
  return one.size === other.size && [...one].every(([path, content]) => other.get(path)?.equals(content) === true)
}

/** Node calls it from within OpenSSL, where nobody catches what it throws, and nobody looks at a promise. */
function ask(callback: SniCallback, servername: string, done: Parameters<SniCallback>[1]): void {
  let isDone = false
  const once: typeof done = (error, context) => {
    if (isDone) return
    isDone = true
    done(error, context)
  }
  new Promise((resolve) => resolve(callback(servername, once))).catch((error: unknown) => once(asError(error)))
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value))
}
