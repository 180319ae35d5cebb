/** Options of `forward`, resolved once, and the head of each attempt that follows from them. */
import { type HeaderList, isFieldValue, isToken, maskOf } from '@sluice/wire'
import { ConfigError } from './errors.ts'
import { isOriginForm } from './exchange-request.ts'
import type { Exchange } from './exchange.ts'
import { isGrpc } from './grpc/grpc-exchange.ts'
import { formatGrpcTimeout } from './grpc/grpc-timeout.ts'
import { type OptionNames, strictOption } from './options/option-checks.ts'
import { type ClientCertFields, clientCertEdit } from './tls/client-cert-fields.ts'
import type { Target } from './upstream/target.ts'
import type { Upstream } from './upstream/upstream.ts'
import { addVia } from './via.ts'

const HOST = maskOf('host')

/** Options of `forward`. */
export interface ForwardOptions {
  /**
   * The `Host` that targets see: the client's, the target's own, or this text. The client's is always in
   * `X-Forwarded-Host`.
   * @default 'client'
   */
  readonly host?: 'client' | 'target' | (string & {})
  /**
   * A path prefix, such as `/api`, that is removed before forwarding and named in `X-Forwarded-Prefix`. It is removed from
   * the whole path, wherever the proxy is mounted. A path without it is forwarded as it is.
   */
  readonly stripPrefix?: string
  /**
   * Longest wait for a connection, that for a place among the target's connections included; then 504
   * `ERR_SLUICE_CONNECT_TIMEOUT`, and another target. 0 leaves it to the transport, which has a limit of its own.
   * @default 0
   */
  readonly connectTimeoutMs?: number
  /**
   * Longest wait for the reply's head once the request is sent; then 504 `ERR_SLUICE_HEAD_TIMEOUT`. 0 for none.
   * @default the upstream's, or 60_000
   */
  readonly headTimeoutMs?: number
  /**
   * Longest silence within the reply's body. On expiry the connection to the target is closed and, since the head was
   * sent, the client's is reset (`ERR_SLUICE_BODY_IDLE`). 0 for none.
   * @default the upstream's, or 60_000
   */
  readonly bodyIdleTimeoutMs?: number
  /**
   * Longest time from here to the reply's last byte; 504 `ERR_SLUICE_TOTAL_TIMEOUT`, or a reset once the head was sent. A
   * `text/event-stream` and a tunnel are exempt once their head is there. 0 for none.
   * @default the upstream's, or 0
   */
  readonly totalTimeoutMs?: number
  /**
   * Longest time from here to the reply to a request that asks for another protocol, such as WebSocket; then 504
   * `ERR_SLUICE_HEAD_TIMEOUT`. Waiting for a place and connecting are part of it. 0 for none but the others.
   * @default 30_000
   */
  readonly handshakeTimeoutMs?: number
  /** Longest time in which a tunnel carries no byte either way; then both its ends are closed. 0 for none. @default 3_600_000 */
  readonly tunnelIdleTimeoutMs?: number
  /** How long a tunnel may live at most. 0 for any time. @default 0 */
  readonly tunnelMaxAgeMs?: number
  /**
   * Whether targets get the certificate that a client was verified by, in `Client-Cert` (RFC 9440), and with `chain` what lies
   * between it and the root in `Client-Cert-Chain`, as far as the listener's `ca` has it. One that is not verified is not sent.
   * Targets must not be reachable by others, who could write these fields themselves.
   * @default 'none'
   */
  readonly clientCert?: ClientCertFields
  /** How many targets are tried while none accepts a connection. @default 3 */
  readonly maxConnectAttempts?: number
  /** Further edits, in order, after those that follow from the other options. @default [] */
  readonly edits?: readonly HeadEdit[]
}

const NAMES: OptionNames<ForwardOptions> = {
  host: true,
  stripPrefix: true,
  connectTimeoutMs: true,
  headTimeoutMs: true,
  bodyIdleTimeoutMs: true,
  totalTimeoutMs: true,
  handshakeTimeoutMs: true,
  tunnelIdleTimeoutMs: true,
  tunnelMaxAgeMs: true,
  clientCert: true,
  maxConnectAttempts: true,
  edits: true,
}

/** The head of one attempt while it is edited. */
export interface AttemptHead {
  method: string
  /** In origin form, the target's base path included. */
  path: string
  /** The attempt's own. */
  readonly headers: HeaderList
}

/** Changes the head of an attempt, once its target is known. Synchronous, and run for each attempt. */
export type HeadEdit = (head: AttemptHead, exchange: Exchange, target: Target) => void

/** Resolved options. */
export interface ForwardPlan {
  readonly connectTimeoutMs: number
  readonly headTimeoutMs: number
  readonly bodyIdleTimeoutMs: number
  readonly totalTimeoutMs: number
  readonly handshakeTimeoutMs: number
  readonly tunnelIdleTimeoutMs: number
  readonly tunnelMaxAgeMs: number
  readonly maxConnectAttempts: number
  headFor(exchange: Exchange, target: Target): AttemptHead
}

/** Checks the options and compiles them. `at` is their place, for messages. */
export function compileForward(options: ForwardOptions, timeouts: Upstream['timeouts'], at: string): ForwardPlan {
  strictOption(options, NAMES, at)
  const edits: HeadEdit[] = [
    basePathEdit,
    hostEdit(options.host ?? 'client', at),
    forwardedEdit,
    viaEdit,
    grpcTimeoutEdit,
  ]
  if (options.stripPrefix !== undefined) edits.unshift(stripPrefixEdit(options.stripPrefix, `${at}.stripPrefix`))
  const clientCert = clientCertEdit(options.clientCert ?? 'none', `${at}.clientCert`)
  if (clientCert !== undefined) edits.push(clientCert)
  edits.push(...(options.edits ?? []))
  const hasOwnEdits = options.edits !== undefined && options.edits.length > 0
  return {
    connectTimeoutMs: duration(options.connectTimeoutMs ?? 0, `${at}.connectTimeoutMs`),
    headTimeoutMs: duration(options.headTimeoutMs ?? timeouts.headTimeoutMs ?? 60_000, `${at}.headTimeoutMs`),
    bodyIdleTimeoutMs: duration(
      options.bodyIdleTimeoutMs ?? timeouts.bodyIdleTimeoutMs ?? 60_000,
      `${at}.bodyIdleTimeoutMs`,
    ),
    totalTimeoutMs: duration(options.totalTimeoutMs ?? timeouts.totalTimeoutMs ?? 0, `${at}.totalTimeoutMs`),
    handshakeTimeoutMs: duration(options.handshakeTimeoutMs ?? 30_000, `${at}.handshakeTimeoutMs`),
    tunnelIdleTimeoutMs: duration(options.tunnelIdleTimeoutMs ?? 3_600_000, `${at}.tunnelIdleTimeoutMs`),
    tunnelMaxAgeMs: duration(options.tunnelMaxAgeMs ?? 0, `${at}.tunnelMaxAgeMs`),
    maxConnectAttempts: count(options.maxConnectAttempts ?? 3, `${at}.maxConnectAttempts`),
    headFor: (exchange, target) => {
      const { request } = exchange
      const head: AttemptHead = { method: request.method, path: request.target, headers: request.headers.copy() }
      for (let i = 0; i < edits.length; i++) edits[i]!(head, exchange, target)
      if (hasOwnEdits) assertHead(head)
      return head
    },
  }
}

/** What an edit of the user's wrote must not split the request. */
function assertHead({ method, path }: AttemptHead): void {
  if (!isToken(method)) throw new RangeError(`an edit made a method that is none: ${JSON.stringify(method)}`)
  if (path !== '*' && !isOriginForm(path))
    throw new RangeError(`an edit made a path that is none: ${JSON.stringify(path)}`)
}

const basePathEdit: HeadEdit = (head, _exchange, target) => {
  if (target.basePath !== '') head.path = target.basePath + head.path
}

const forwardedEdit: HeadEdit = (head, exchange) => {
  exchange.settings.forwarded.describe(head.headers, exchange.client, exchange.request.authority)
}

const viaEdit: HeadEdit = (head, exchange) => {
  const { settings, received } = exchange
  // The name is a token.
  addVia(head.headers, settings, received.httpVersion)
}

/** A target of gRPC is told what is left of the deadline, whoever has set that. */
const grpcTimeoutEdit: HeadEdit = ({ headers }, exchange) => {
  if (!isGrpc(headers)) return
  const { remainingMs } = exchange
  if (remainingMs !== Number.POSITIVE_INFINITY) headers.set('grpc-timeout', formatGrpcTimeout(remainingMs))
}

function hostEdit(host: string, at: string): HeadEdit {
  if (host === 'target') return (head, _exchange, target) => head.headers.set('Host', target.url.host)
  if (host === 'client') {
    // An HTTP/1.0 client may have named none.
    return (head, exchange, target) => {
      if (!head.headers.hasAny(HOST)) head.headers.set('Host', exchange.request.authority || target.url.host)
    }
  }
  if (host === '' || !isFieldValue(host)) throw new ConfigError(`${at}.host`, 'must be "client", "target" or a host')
  return (head) => head.headers.set('Host', host)
}

function stripPrefixEdit(prefix: string, at: string): HeadEdit {
  if (!/^\/.*[^/]$/.test(prefix)) throw new ConfigError(at, 'must begin with "/" and not end with it')
  return (head, { request }) => {
    const rest = pathBelow(prefix, request.rawPath) ?? pathBelow(prefix, request.path)
    if (rest === undefined) return
    head.path = request.rawQuery === '' && !head.path.endsWith('?') ? rest : `${rest}?${request.rawQuery}`
    const outer = head.headers.get('x-forwarded-prefix') ?? ''
    head.headers.set('X-Forwarded-Prefix', outer + prefix)
  }
}

function pathBelow(prefix: string, path: string): string | undefined {
  if (path === prefix) return '/'
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined
}

function duration(value: number, at: string): number {
  if (!(Number.isFinite(value) && value >= 0)) throw new ConfigError(at, 'must be a number of milliseconds, 0 for none')
  return value
}

function count(value: number, at: string): number {
  if (!(Number.isInteger(value) && value >= 1)) throw new ConfigError(at, 'must be a whole number of at least 1')
  return value
}
