/**
 * Makes connections to one target and begins HTTP/2 on them. A connection counts as made when the target's SETTINGS have
 * come: they prove that it speaks HTTP/2, and say how many streams it takes at once.
 */
import { type ClientHttp2Session, connect as beginHttp2, type ClientSessionOptions } from 'node:http2'
import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, TLSSocket } from 'node:tls'
import type { Target } from '../../upstream/target.ts'
import type { TargetTls } from '../target-tls.ts'
import type { Http2Settings } from './http2-settings.ts'

/** Why there is no connection. With `http1` the target has chosen HTTP/1.1. */
export interface ConnectFailure {
  readonly kind: 'failed' | 'timeout' | 'http1'
  readonly error?: Error
}

/** Where connections go, and how. */
export interface ConnectorPlan {
  readonly target: Target
  readonly tls: TargetTls
  /** Whether nothing but HTTP/2 will do. */
  readonly priorKnowledge: boolean
  readonly settings: Http2Settings
}

const MAX_SESSIONS = 8
const KEEP_ALIVE_MS = 60_000
/** As many fields as a reply of HTTP/1.1 may have. */
const MAX_FIELDS = 1_000
/** In megabytes. What is bounded already, by windows and by backpressure, is not to be refused for it. */
const MAX_SESSION_MEMORY = 256

export class Http2Connector {
  readonly #plan: ConnectorPlan
  /** TLS sessions to go on with, the newest last. */
  readonly #sessions: Buffer[] = []

  constructor(plan: ConnectorPlan) {
    this.#plan = plan
  }

  /** Connects; exactly one of the callbacks is called, later, unless the returned function cancels before. */
  connect(connected: (session: ClientHttp2Session) => void, failed: (failure: ConnectFailure) => void): () => void {
    const { connectTimeoutMs, clock } = this.#plan.settings
    let socket: Socket
    try {
      socket = this.#openSocket()
    } catch (error) {
      // TLS options that are wrong show here, and whoever waits is told as of any other failure.
      let isCancelled = false
      process.nextTick(() => isCancelled || failed({ kind: 'failed', error: error as Error }))
      return () => void (isCancelled = true)
    }
    let isSettled = false
    const settle = (): boolean => {
      if (isSettled) return false
      isSettled = true
      timeout?.cancel()
      return true
    }
    const giveUp = (failure: ConnectFailure): void => {
      if (!settle()) return
      // Should it be for them.
      this.#sessions.length = 0
      // With the socket its session goes.
      socket.destroy()
      failed(failure)
    }
    const timeout =
      connectTimeoutMs === 0 ? undefined : clock.schedule(connectTimeoutMs, () => giveUp({ kind: 'timeout' }))
    // For as long as it lives: a socket that fails without a listener ends the process.
    socket.on('error', (error) => giveUp({ kind: 'failed', error }))
    socket.once('close', () => giveUp({ kind: 'failed', error: new Error('the target closed the connection') }))
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      if (isSettled) return
      const failure = this.#protocolFault(socket)
      if (failure !== undefined) return giveUp(failure)
      const session = this.#begin(socket)
      session.on('error', (error) => giveUp({ kind: 'failed', error }))
      session.once('close', () => giveUp({ kind: 'failed', error: new Error('the target does not speak HTTP/2') }))
      session.once('remoteSettings', () => {
        if (settle()) connected(session)
      })
    })
    return () => {
      if (!settle()) return
      socket.destroy()
    }
  }

  #openSocket(): Socket {
    const { target, tls, priorKnowledge } = this.#plan
    const { url, socketPath } = target
    const isSecure = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
    const place = socketPath === undefined ? { host, port, autoSelectFamily: true } : { path: socketPath }
    if (!isSecure) return withKeepAlive(connectTcp({ ...place, noDelay: true } as NetConnectOpts))
    const session = this.#takeSession()
    const socket = connectTls({
      ...place,
      ...tls(host),
      ALPNProtocols: priorKnowledge ? ['h2'] : ['h2', 'http/1.1'],
      ...(session === undefined ? {} : { session }),
    } as ConnectionOptions)
    socket.on('session', (session: Buffer) => this.#keepSession(session))
    return withKeepAlive(socket)
  }

  #protocolFault(socket: Socket): ConnectFailure | undefined {
    if (!(socket instanceof TLSSocket) || socket.alpnProtocol === 'h2') return undefined
    if (!this.#plan.priorKnowledge) return { kind: 'http1' }
    const error = new Error('the target did not choose HTTP/2 by ALPN')
    return { kind: 'failed', error: Object.assign(error, { code: 'ERR_TLS_ALPN' }) }
  }

  #begin(socket: Socket): ClientHttp2Session {
    const { target, settings } = this.#plan
    const { initialWindowBytes, connectionWindowBytes, maxResponseHeaderBytes, maxConcurrentStreams } = settings
    const options: ClientSessionOptions = {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: initialWindowBytes, maxHeaderListSize: maxResponseHeaderBytes },
      peerMaxConcurrentStreams: maxConcurrentStreams,
      maxHeaderListPairs: MAX_FIELDS,
      maxSessionMemory: MAX_SESSION_MEMORY,
    }
    const session = beginHttp2(target.origin, options)
    session.once('connect', () => session.destroyed || session.setLocalWindowSize(connectionWindowBytes))
    return session
  }

  /** Each once, as whoever sees one twice knows that it is the same client (RFC 8446, section C.4); but the last one stays. */
  #takeSession(): Buffer | undefined {
    return this.#sessions.length > 1 ? this.#sessions.pop() : this.#sessions[0]
  }

  #keepSession(session: Buffer): void {
    if (this.#sessions.push(session) > MAX_SESSIONS) this.#sessions.shift()
  }
}

/** A target that has vanished without a word is found out by the kernel, should nothing else ask. */
function withKeepAlive(socket: Socket): Socket {
  socket.setNoDelay(true)
  return socket.setKeepAlive(true, KEEP_ALIVE_MS)
}
