/** Makes connections to one target: TCP, a Unix socket or TLS, within a time limit. */
import { connect as connectTcp, type LookupFunction, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions as TlsConnectOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import { DnsCache } from '../net/dns-cache.ts'
import { type OnBytes, sharedReads } from '../net/shared-reads.ts'
import type { ClientConnection } from './client-connection.ts'

const DEFAULT_DNS_TTL_MS = 30_000
const MAX_SESSIONS = 8

/** Where a target is, and how to get there. */
export interface ConnectorOptions {
  readonly host: string
  readonly port: number
  /** A Unix socket, in place of host and port. */
  readonly socketPath?: string | undefined
  /** Speaks TLS with these; certificates are verified unless they say otherwise. */
  readonly tls?: TlsConnectOptions | undefined
  /** TLS handshake included. 0 for no limit. */
  readonly connectTimeoutMs: number
  /** Finds the addresses of `host`, in place of the system's resolver. */
  readonly lookup?: LookupFunction | undefined
  /** How long addresses are used before they are asked for again; 0 asks for each connection. @default 30_000 */
  readonly dnsTtlMs?: number | undefined
}

/** Why a connection could not be made. */
export interface ConnectError {
  readonly kind: 'connect-failed' | 'connect-timeout'
  readonly error?: Error
}

/** Makes the connection object, given the function that ties it to its bytes. */
export type MakeConnection = (read: (onBytes: OnBytes) => void) => ClientConnection

export class Connector {
  readonly #options: ConnectorOptions
  readonly #clock: Clock
  readonly #names: DnsCache | undefined
  /** TLS sessions to go on with, the newest last. */
  readonly #sessions: Buffer[] = []

  constructor(options: ConnectorOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    const { dnsTtlMs = DEFAULT_DNS_TTL_MS, lookup } = options
    this.#names = dnsTtlMs === 0 ? undefined : new DnsCache(clock, dnsTtlMs, lookup)
  }

  /**
   * Connects; exactly one of the callbacks is called, unless the returned function cancels before. `isBackground`: nobody
   * waits for it, so that it does not keep the process alive.
   */
  connect(
    make: MakeConnection,
    connected: (connection: ClientConnection) => void,
    failed: (error: ConnectError) => void,
    isBackground = false,
  ): () => void {
    let onBytes: OnBytes = ignore
    const connection = make((callback) => (onBytes = callback))
    let socket: Socket
    try {
      socket = this.#openSocket((bytes, length) => onBytes(bytes, length))
    } catch (error) {
      // TLS options that are wrong show here, and whoever waits is told as of any other failure.
      let isCancelled = false
      process.nextTick(() => isCancelled || failed({ kind: 'connect-failed', error: error as Error }))
      return () => (isCancelled = true)
    }
    if (isBackground) socket.unref()
    let isSettled = false
    const settle = () => {
      isSettled = true
      timeout?.cancel()
      socket.off('error', fail)
    }
    const fail = (error: Error) => {
      if (isSettled) return
      settle()
      this.#names?.forget()
      // Should it be for them.
      this.#sessions.length = 0
      socket.on('error', ignore)
      socket.destroy()
      failed({ kind: 'connect-failed', error })
    }
    const { connectTimeoutMs, tls } = this.#options
    const timeout =
      connectTimeoutMs === 0
        ? undefined
        : this.#clock.schedule(connectTimeoutMs, () => {
            if (isSettled) return
            settle()
            this.#names?.forget()
            socket.on('error', ignore)
            socket.destroy()
            failed({ kind: 'connect-timeout' })
          })
    socket.once('error', fail)
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      if (isSettled) return
      if (isItself(socket)) return fail(refusal(socket.resetAndDestroy()))
      settle()
      connection.attach(socket)
      connected(connection)
    })
    return () => {
      if (isSettled) return
      settle()
      socket.on('error', ignore)
      socket.destroy()
    }
  }

  #openSocket(onBytes: OnBytes): Socket {
    const { host, port, socketPath, tls } = this.#options
    const lookup = this.#names?.lookup ?? this.#options.lookup
    const place =
      socketPath === undefined ? { host, port, ...(lookup === undefined ? {} : { lookup }) } : { path: socketPath }
    if (tls === undefined) {
      return connectTcp({
        ...place,
        noDelay: true,
        autoSelectFamily: true,
        allowHalfOpen: true,
        onread: sharedReads(onBytes),
      } as NetConnectOpts)
    }
    const session = this.#takeSession()
    const onread = sharedReads(onBytes)
    const options = { ...place, ...tls, allowHalfOpen: true, onread, ...(session === undefined ? {} : { session }) }
    const socket = connectTls(options as TlsConnectOptions)
    socket.setNoDelay(true)
    socket.on('session', (session: Buffer) => this.#keepSession(session))
    return socket.resume()
  }

  /** Each once, as whoever sees one twice knows that it is the same client (RFC 8446, section C.4); but the last one stays. */
  #takeSession(): Buffer | undefined {
    return this.#sessions.length > 1 ? this.#sessions.pop() : this.#sessions[0]
  }

  #keepSession(session: Buffer): void {
    if (this.#sessions.push(session) > MAX_SESSIONS) this.#sessions.shift()
  }
}

/**
 * Nobody listens at a port of this machine, and the system has chosen that very port for this end: TCP then connects the
 * socket to itself (RFC 9293, section 3.5), and the request would come back as its reply.
 */
function isItself(socket: Socket): boolean {
  const { localPort, remotePort } = socket
  return localPort !== undefined && localPort === remotePort && socket.localAddress === socket.remoteAddress
}

function refusal({ remoteAddress, remotePort }: Socket): Error {
  const error = new Error(`connect ECONNREFUSED ${remoteAddress}:${remotePort}, which was this end itself`)
  return Object.assign(error, { code: 'ECONNREFUSED' })
}

function ignore(): void {}
