/* oxlint-disable max-lines -- one table, read by looking a code up; its parts would have to be searched for */
/**
 * Every code that a proxied exchange can fail with: the one place that says what each means to the client (status, RFC
 * 9209 type), to a retry policy, and to a reader. docs/errors.md is checked against it.
 */

/** Whose doing an error is. */
export type ErrorSource = 'downstream' | 'upstream' | 'internal'

/** How far the exchange had come. */
export type ErrorStage =
  | 'accept'
  | 'request-head'
  | 'request-body'
  | 'queue'
  | 'connect'
  | 'tls'
  | 'response-head'
  | 'response-body'
  | 'upgrade'
  | 'plugin'

/**
 * Whether another attempt makes sense: `safe`, nothing reached the target, so any method may be tried again; `if-reused`,
 * for an idempotent request whose connection had served others before; `never`.
 */
export type RetryAdvice = 'never' | 'safe' | 'if-reused'

/** What a code stands for. */
export interface ErrorDescription {
  /** The status that the client gets, where it can still get one. */
  readonly status: number
  readonly source: ErrorSource
  readonly stage: ErrorStage
  readonly retry: RetryAdvice
  /** The `error` parameter of `Proxy-Status` (RFC 9209, section 2.3). */
  readonly proxyStatus: string
  /** One sentence, safe to show to anybody: it names no host, no address and no file. */
  readonly title: string
}

/** What a client can do wrong. */
export type DownstreamErrorCode =
  | 'ERR_SLUICE_BAD_REQUEST'
  | 'ERR_SLUICE_BAD_HOST'
  | 'ERR_SLUICE_BAD_TARGET'
  | 'ERR_SLUICE_AMBIGUOUS_PATH'
  | 'ERR_SLUICE_METHOD_REFUSED'
  | 'ERR_SLUICE_REQUEST_TIMEOUT'
  | 'ERR_SLUICE_BODY_TOO_LARGE'
  | 'ERR_SLUICE_TARGET_TOO_LONG'
  | 'ERR_SLUICE_EXPECTATION_FAILED'
  | 'ERR_SLUICE_HEADERS_TOO_LARGE'
  | 'ERR_SLUICE_BODY_MALFORMED'
  | 'ERR_SLUICE_CLIENT_ABORT'
  | 'ERR_SLUICE_NO_ROUTE'
  | 'ERR_SLUICE_WEBSOCKET_HANDSHAKE'
  | 'ERR_SLUICE_WEBSOCKET_VERSION'

/** What a target can do wrong. */
export type UpstreamErrorCode =
  | 'ERR_SLUICE_CONNECT_REFUSED'
  | 'ERR_SLUICE_CONNECT_FAILED'
  | 'ERR_SLUICE_CONNECT_TIMEOUT'
  | 'ERR_SLUICE_DNS_FAILED'
  | 'ERR_SLUICE_TLS_FAILED'
  | 'ERR_SLUICE_TLS_CERTIFICATE'
  | 'ERR_SLUICE_QUEUE_FULL'
  | 'ERR_SLUICE_CONNECTION_RESET'
  | 'ERR_SLUICE_STREAM_REFUSED'
  | 'ERR_SLUICE_HEAD_TIMEOUT'
  | 'ERR_SLUICE_TRY_TIMEOUT'
  | 'ERR_SLUICE_TOTAL_TIMEOUT'
  | 'ERR_SLUICE_RESPONSE_INVALID'
  | 'ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE'
  | 'ERR_SLUICE_RESPONSE_TRUNCATED'
  | 'ERR_SLUICE_BODY_IDLE'
  | 'ERR_SLUICE_UPGRADE_FAILED'

/** What can go wrong here. */
export type InternalErrorCode =
  | 'ERR_SLUICE_NO_TARGET'
  | 'ERR_SLUICE_CIRCUIT_OPEN'
  | 'ERR_SLUICE_CONCURRENCY_LIMIT'
  | 'ERR_SLUICE_LOAD_SHED'
  | 'ERR_SLUICE_LIMIT_UNKNOWN'
  | 'ERR_SLUICE_AUTH_UNKNOWN'
  | 'ERR_SLUICE_DEADLINE_EXCEEDED'
  | 'ERR_SLUICE_PURGE_FAILED'
  | 'ERR_SLUICE_SUPERSEDED'
  | 'ERR_SLUICE_CLOSING'
  | 'ERR_SLUICE_BODY_CONSUMED'
  | 'ERR_SLUICE_SLOT_MISSING'
  | 'ERR_SLUICE_INTERNAL'
  | 'ERR_SLUICE_CONFIG'

/** What can go wrong with a plugin: the first six when it is loaded, the others while it runs. */
export type PluginErrorCode =
  | 'ERR_SLUICE_PLUGIN_SOURCE'
  | 'ERR_SLUICE_PLUGIN_HASH'
  | 'ERR_SLUICE_PLUGIN_MODULE'
  | 'ERR_SLUICE_PLUGIN_IMPORT'
  | 'ERR_SLUICE_PLUGIN_ABI'
  | 'ERR_SLUICE_PLUGIN_REFUSED'
  | 'ERR_SLUICE_PLUGIN_FUEL'
  | 'ERR_SLUICE_PLUGIN_TRAP'
  | 'ERR_SLUICE_PLUGIN_OUTPUT'
  | 'ERR_SLUICE_PLUGIN_LIMIT'
  | 'ERR_SLUICE_PLUGIN_TIMEOUT'
  | 'ERR_SLUICE_PLUGIN_BUSY'
  | 'ERR_SLUICE_PLUGIN_OPEN'

/** A stable name: it is never given another meaning. */
export type ProxyErrorCode = DownstreamErrorCode | UpstreamErrorCode | InternalErrorCode | PluginErrorCode

function downstream(status: number, stage: ErrorStage, proxyStatus: string, title: string): ErrorDescription {
  return { status, source: 'downstream', stage, retry: 'never', proxyStatus, title }
}

function upstream(
  status: number,
  stage: ErrorStage,
  retry: RetryAdvice,
  proxyStatus: string,
  title: string,
): ErrorDescription {
  return { status, source: 'upstream', stage, retry, proxyStatus, title }
}

function plugin(status: number, proxyStatus: string, title: string): ErrorDescription {
  return { status, source: 'internal', stage: 'plugin', retry: 'never', proxyStatus, title }
}

function internal(status: number, stage: ErrorStage, proxyStatus: string, title: string): ErrorDescription {
  return { status, source: 'internal', stage, retry: 'never', proxyStatus, title }
}

/** What the client did. */
export const DOWNSTREAM_ERRORS: Readonly<Record<DownstreamErrorCode, ErrorDescription>> = {
  ERR_SLUICE_BAD_REQUEST: downstream(400, 'request-head', 'http_request_error', 'The request is malformed.'),
  ERR_SLUICE_BAD_HOST: downstream(
    400,
    'request-head',
    'http_request_error',
    'The Host field is missing, repeated or malformed.',
  ),
  ERR_SLUICE_BAD_TARGET: downstream(400, 'request-head', 'http_request_error', 'The request target is malformed.'),
  ERR_SLUICE_AMBIGUOUS_PATH: downstream(
    400,
    'request-head',
    'http_request_error',
    'The path can be read in more than one way.',
  ),
  ERR_SLUICE_METHOD_REFUSED: downstream(405, 'request-head', 'http_request_denied', 'This method is not allowed here.'),
  ERR_SLUICE_REQUEST_TIMEOUT: downstream(
    408,
    'request-head',
    'http_request_error',
    'The request took too long to arrive.',
  ),
  ERR_SLUICE_BODY_TOO_LARGE: downstream(
    413,
    'request-body',
    'http_request_error',
    'The request body is larger than allowed.',
  ),
  ERR_SLUICE_TARGET_TOO_LONG: downstream(
    414,
    'request-head',
    'http_request_error',
    'The request target is longer than allowed.',
  ),
  ERR_SLUICE_EXPECTATION_FAILED: downstream(
    417,
    'request-head',
    'http_request_error',
    'The expectation can not be met.',
  ),
  ERR_SLUICE_HEADERS_TOO_LARGE: downstream(
    431,
    'request-head',
    'http_request_error',
    'The request header section is larger than allowed.',
  ),
  ERR_SLUICE_BODY_MALFORMED: downstream(400, 'request-body', 'http_request_error', 'The request body is malformed.'),
  ERR_SLUICE_CLIENT_ABORT: downstream(499, 'request-body', 'http_request_error', 'The client went away.'),
  ERR_SLUICE_NO_ROUTE: downstream(404, 'request-head', 'destination_not_found', 'Nothing is found here.'),
  ERR_SLUICE_WEBSOCKET_HANDSHAKE: downstream(
    400,
    'upgrade',
    'http_request_error',
    'The opening handshake of WebSocket is malformed.',
  ),
  ERR_SLUICE_WEBSOCKET_VERSION: downstream(
    426,
    'upgrade',
    'http_request_error',
    'This version of WebSocket is not spoken here.',
  ),
}

/** What a target did, or did not do. */
export const UPSTREAM_ERRORS: Readonly<Record<UpstreamErrorCode, ErrorDescription>> = {
  ERR_SLUICE_CONNECT_REFUSED: upstream(
    502,
    'connect',
    'safe',
    'connection_refused',
    'The upstream refused the connection.',
  ),
  ERR_SLUICE_CONNECT_FAILED: upstream(
    502,
    'connect',
    'safe',
    'destination_ip_unroutable',
    'The upstream could not be reached.',
  ),
  ERR_SLUICE_CONNECT_TIMEOUT: upstream(
    504,
    'connect',
    'safe',
    'connection_timeout',
    'The upstream did not accept the connection in time.',
  ),
  ERR_SLUICE_DNS_FAILED: upstream(
    502,
    'connect',
    'safe',
    'dns_error',
    'The name of the upstream could not be resolved.',
  ),
  ERR_SLUICE_TLS_FAILED: upstream(
    502,
    'tls',
    'safe',
    'tls_protocol_error',
    'A secure connection to the upstream could not be made.',
  ),
  ERR_SLUICE_TLS_CERTIFICATE: upstream(
    502,
    'tls',
    'safe',
    'tls_certificate_error',
    'The certificate of the upstream was not accepted.',
  ),
  ERR_SLUICE_QUEUE_FULL: upstream(
    503,
    'queue',
    'safe',
    'connection_limit_reached',
    'Too many requests are waiting for the upstream.',
  ),
  ERR_SLUICE_CONNECTION_RESET: upstream(
    502,
    'response-head',
    'if-reused',
    'connection_terminated',
    'The upstream closed the connection before it answered.',
  ),
  ERR_SLUICE_STREAM_REFUSED: upstream(
    503,
    'response-head',
    'safe',
    'destination_unavailable',
    'The upstream did not take the request.',
  ),
  ERR_SLUICE_HEAD_TIMEOUT: upstream(
    504,
    'response-head',
    'never',
    'http_response_timeout',
    'The upstream did not answer in time.',
  ),
  ERR_SLUICE_TRY_TIMEOUT: upstream(
    504,
    'response-head',
    'never',
    'http_response_timeout',
    'One try took longer than allowed.',
  ),
  ERR_SLUICE_TOTAL_TIMEOUT: upstream(
    504,
    'response-head',
    'never',
    'http_response_timeout',
    'The exchange took longer than allowed.',
  ),
  ERR_SLUICE_RESPONSE_INVALID: upstream(
    502,
    'response-head',
    'never',
    'http_protocol_error',
    'The upstream sent a malformed response.',
  ),
  ERR_SLUICE_RESPONSE_HEADERS_TOO_LARGE: upstream(
    502,
    'response-head',
    'never',
    'http_response_header_section_size',
    'The header section of the upstream is larger than allowed.',
  ),
  ERR_SLUICE_RESPONSE_TRUNCATED: upstream(
    502,
    'response-body',
    'never',
    'http_response_incomplete',
    'The upstream broke off its response.',
  ),
  ERR_SLUICE_BODY_IDLE: upstream(
    504,
    'response-body',
    'never',
    'connection_read_timeout',
    'The upstream fell silent in the middle of its response.',
  ),
  ERR_SLUICE_UPGRADE_FAILED: upstream(
    502,
    'upgrade',
    'never',
    'http_upgrade_failed',
    'The upstream did not switch protocols as asked.',
  ),
}

/** What happened here. */
export const INTERNAL_ERRORS: Readonly<Record<InternalErrorCode, ErrorDescription>> = {
  ERR_SLUICE_NO_TARGET: internal(503, 'queue', 'destination_unavailable', 'No upstream is available.'),
  ERR_SLUICE_CIRCUIT_OPEN: internal(503, 'queue', 'destination_unavailable', 'This route is resting after failures.'),
  ERR_SLUICE_CONCURRENCY_LIMIT: internal(503, 'queue', 'connection_limit_reached', 'Too many requests are under way.'),
  ERR_SLUICE_LOAD_SHED: internal(503, 'queue', 'proxy_internal_response', 'The proxy is busy.'),
  ERR_SLUICE_LIMIT_UNKNOWN: internal(
    503,
    'queue',
    'proxy_internal_error',
    'Whether a limit has room could not be found out.',
  ),
  ERR_SLUICE_AUTH_UNKNOWN: internal(
    503,
    'request-head',
    'proxy_internal_error',
    'Whether the credentials are good could not be found out.',
  ),
  ERR_SLUICE_PURGE_FAILED: internal(
    503,
    'request-head',
    'proxy_internal_error',
    'A cache could not purge all that it was told to.',
  ),
  ERR_SLUICE_SUPERSEDED: internal(503, 'response-head', 'proxy_internal_error', 'Another try took its place.'),
  // Not the target's doing: a try that began a moment before the deadline says nothing about whom it was sent to.
  ERR_SLUICE_DEADLINE_EXCEEDED: internal(
    504,
    'queue',
    'http_response_timeout',
    'The request was not answered before its deadline.',
  ),
  ERR_SLUICE_CLOSING: internal(503, 'accept', 'destination_unavailable', 'The proxy is shutting down.'),
  ERR_SLUICE_BODY_CONSUMED: internal(
    500,
    'request-body',
    'proxy_internal_error',
    'The request body was consumed before it could be forwarded.',
  ),
  ERR_SLUICE_SLOT_MISSING: internal(
    500,
    'request-head',
    'proxy_configuration_error',
    'A middleware needs what no earlier one has set.',
  ),
  ERR_SLUICE_INTERNAL: internal(500, 'request-head', 'proxy_internal_error', 'Something went wrong in the proxy.'),
  ERR_SLUICE_CONFIG: internal(500, 'accept', 'proxy_configuration_error', 'An option is wrong.'),
}

/** What a plugin did, or how it can't be loaded. */
export const PLUGIN_ERRORS: Readonly<Record<PluginErrorCode, ErrorDescription>> = {
  ERR_SLUICE_PLUGIN_SOURCE: plugin(500, 'proxy_configuration_error', 'A plugin can not be read.'),
  ERR_SLUICE_PLUGIN_HASH: plugin(500, 'proxy_configuration_error', 'A plugin is not the one that was meant.'),
  ERR_SLUICE_PLUGIN_MODULE: plugin(500, 'proxy_configuration_error', 'A plugin is no module that can be run here.'),
  ERR_SLUICE_PLUGIN_IMPORT: plugin(500, 'proxy_configuration_error', 'A plugin asks for what it was not granted.'),
  ERR_SLUICE_PLUGIN_ABI: plugin(500, 'proxy_configuration_error', 'A plugin does not fit its interface.'),
  ERR_SLUICE_PLUGIN_REFUSED: plugin(500, 'proxy_configuration_error', 'A plugin has refused to start.'),
  ERR_SLUICE_PLUGIN_FUEL: plugin(500, 'proxy_internal_error', 'A plugin took more steps than allowed.'),
  ERR_SLUICE_PLUGIN_TRAP: plugin(500, 'proxy_internal_error', 'A plugin has failed.'),
  ERR_SLUICE_PLUGIN_OUTPUT: plugin(500, 'proxy_internal_error', 'A plugin wrote what may not be sent.'),
  ERR_SLUICE_PLUGIN_LIMIT: plugin(500, 'proxy_internal_error', 'A plugin went over a limit.'),
  ERR_SLUICE_PLUGIN_TIMEOUT: plugin(504, 'http_response_timeout', 'A plugin waited longer than allowed.'),
  ERR_SLUICE_PLUGIN_BUSY: plugin(503, 'connection_limit_reached', 'A plugin is busy.'),
  ERR_SLUICE_PLUGIN_OPEN: plugin(503, 'destination_unavailable', 'A plugin is resting after failures.'),
}

/** All of them. */
export const ERROR_CODES: Readonly<Record<ProxyErrorCode, ErrorDescription>> = {
  ...DOWNSTREAM_ERRORS,
  ...UPSTREAM_ERRORS,
  ...INTERNAL_ERRORS,
  ...PLUGIN_ERRORS,
}
