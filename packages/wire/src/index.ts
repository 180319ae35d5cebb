export type { Clock, ScheduledCall } from './clock.ts'
export { Deadline } from './deadline.ts'
export { systemClock } from './system-clock.ts'
export { TimerWheel, type TimerWheelOptions } from './timer-wheel.ts'
export { WireError, type WireErrorCode } from './errors.ts'
export { HeaderList, type HeaderListInit } from './header-list.ts'
export { fieldName, type KnownName, maskOf, UNKNOWN_NAMES } from './header-names.ts'
export { isFieldValue, isToken } from './header-syntax.ts'
export { Body, type ReadableOptions, type ReadBodyOptions } from './body.ts'
export { type BodyFlow, type BodySink, type BodySource, NO_FLOW } from './body-flow.ts'
export { ConnectionPool } from './http1/connection-pool.ts'
export type { AcquireFailure, PoolOptions, PoolStats, ReusePolicy, Waiter } from './http1/pool-contract.ts'
export type { ClientConnection, CloseReason } from './http1/client-connection.ts'
export type { ConnectError, ConnectorOptions } from './http1/connector.ts'
export {
  HttpServer,
  type HttpServerOptions,
  type ListenAddress,
  type OtherConnection,
  type TakenOver,
} from './http1/http-server.ts'
export type { IncomingRequest, RequestObserver } from './http1/incoming-request.ts'
export { latin1 } from './http1/latin1.ts'
export { sendableTrailers } from './http1/serialize.ts'
export { expectProxyHeader, proxiedAddressOf, type ProxyProtocolOptions } from './proxy-protocol/expect-proxy-header.ts'
export type { ProxiedAddress } from './proxy-protocol/proxy-header.ts'
export { endSocket } from './net/end-socket.ts'
export { resetSocket } from './net/reset-socket.ts'
export { InterimBound } from './http1/interim-bound.ts'
export { DEFAULT_LIMITS, type MessageLimits } from './http1/limits.ts'
export { MessageError, type MessageFault } from './http1/message-error.ts'
export {
  OutgoingRequest,
  type ReplyObserver,
  type RequestFailure,
  type RequestMessage,
} from './http1/outgoing-request.ts'
export type { ConnectionOptions } from './http1/connection-owner.ts'
export type { ServerConnection } from './http1/server-connection.ts'
export type { Http2Abuse } from './http2/abuse.ts'
export type { Http2ConnectionOptions, Http2Owner } from './http2/http2-owner.ts'
export { Http2ServerConnection } from './http2/http2-server-connection.ts'
export type { Http2Stream, Http2StreamObserver } from './http2/http2-stream.ts'
export type { Http2RequestHead } from './http2/request-fields.ts'
