export { createProxy, type CloseOptions, type Proxy } from './proxy.ts'
export type { ProxyOptions } from './proxy-options.ts'
export type { ProxySettings, Random } from './proxy-settings.ts'
export { systemRandom } from './system-random.ts'
export type { RouteBuilder } from './builder.ts'
export { type RouteMatch, type ValueMatch, valueTest } from './routing/route-match.ts'
export { RequestMatcher, type RequestMatch } from './routing/request-matcher.ts'
export { canonicalPath, PATH_AMBIGUITIES, type CanonicalPath, type PathAmbiguity } from './routing/canonical-path.ts'
export type { ForwardedFields, ForwardedOptions } from './entrance/forwarded.ts'
export { Exchange, type RouteInfo } from './exchange.ts'
export type { Downstream } from './exchange-init.ts'
export type { ExchangeEnd } from './exchange-end.ts'
export type { DetachedOptions } from './detached-exchange.ts'
export { ExchangeRequest, type ReceivedRequest } from './exchange-request.ts'
export type { Client, Peer } from './client.ts'
export { Reply, type ReplyInit } from './reply.ts'
export { problemReply } from './problem.ts'
export { defineMiddleware, type Handler, type Middleware } from './middleware.ts'
export { defineSlot, type Has, type Slot } from './slot.ts'
export { identity, type Identity } from './identity.ts'
export { forward } from './forward.ts'
export { addressList } from './addresses/address-list.ts'
export { readAddress, type AddressWords } from './addresses/read-address.ts'
export { AddressSet } from './addresses/address-set.ts'
export { originList, type OriginList } from './origin-list.ts'
export { isIdempotent } from './idempotent.ts'
export type { AttemptHead, ForwardOptions, HeadEdit } from './forward-plan.ts'
export { createUpstream, type Upstream } from './upstream/upstream.ts'
export type { PartSnapshot, TargetSnapshot, UpstreamOptions, UpstreamSnapshot } from './upstream/upstream-options.ts'
export type { Target, TargetChange, TargetConfig, TargetState } from './upstream/target.ts'
export { dnsTargets, type DnsTargetsSnapshot } from './upstream/dns-targets.ts'
export type { DnsTargetsOptions } from './upstream/dns-options.ts'
export type { RunningTargetSource, TargetSource, TargetSourceServices } from './upstream/target-source.ts'
export { retryBudget, RetryBudget, type RetryBudgetOptions } from './upstream/retry-budget.ts'
export { mayPick, wasTried, type Balancer, type BalancerFactory, type BalancerServices } from './upstream/balancer.ts'
export { roundRobin } from './upstream/round-robin.ts'
export type { Gate, GateFactory, GateServices } from './upstream/gate.ts'
export type { Attempt, AttemptPhase } from './upstream/attempt.ts'
export type {
  Transport,
  TransportCall,
  TransportObserver,
  TransportRequest,
  TransportStats,
} from './transport/transport.ts'
export {
  compileTargetTls,
  type TargetTls,
  type TargetTlsOptions,
  type TransportTlsOptions,
} from './transport/target-tls.ts'
export { formatGrpcTimeout, parseGrpcTimeout } from './grpc/grpc-timeout.ts'
export { http2Transport, type Http2TransportOptions } from './transport/http2/http2-transport.ts'
export { undiciTransport, type UndiciTransportOptions } from './transport/undici-transport.ts'
export type {
  Listener,
  ListenerAddress,
  ListenerFactory,
  ListenerServices,
  ListenOptions,
  ProxyProtocolListenOptions,
} from './listener.ts'
export type {
  CertificateOptions,
  ClientCertificates,
  ListenTlsOptions,
  NamedCertificateOptions,
  OcspSource,
  PemInput,
  SniCallback,
} from './tls/listen-tls-options.ts'
export type { Http2ListenOptions } from './http2/http2-options.ts'
export type { CertificateSummary } from './tls/certificate-set.ts'
export type { ClientCertificate, ClientTls } from './tls/client-tls.ts'
export type { AlternativeName, AlternativeNameType } from './tls/alternative-names.ts'
export { parseClientCert, type ClientCertFields } from './tls/client-cert-fields.ts'
export { wireListener } from './wire/wire-listener.ts'
export { wireTransport, type WireTransportOptions } from './transport/wire-transport.ts'
export { nodeListener } from './node/node-listener.ts'
export type { NodeHandler, NodeRequest } from './node/node-handler.ts'
export type { NodeUpgradeHandler } from './node/node-upgrade.ts'
export { peerOf } from './node/node-socket.ts'
export type { FetchInit } from './fetch.ts'
export type { InformationalReply, InjectedReply, InjectedRequest } from './inject.ts'
export type { Explanation } from './explain.ts'
export {
  ConfigError,
  DownstreamError,
  InternalError,
  PluginError,
  ProxyError,
  UpstreamError,
  type AnyProxyError,
  type PluginErrorOptions,
  type ProxyErrorOptions,
} from './errors.ts'
export { ERROR_CODES } from './error-codes.ts'
export type {
  DownstreamErrorCode,
  ErrorDescription,
  ErrorSource,
  ErrorStage,
  InternalErrorCode,
  PluginErrorCode,
  ProxyErrorCode,
  RetryAdvice,
  UpstreamErrorCode,
} from './error-codes.ts'
export {
  attemptEnded,
  clientRefused,
  defineEvent,
  discoveryFailed,
  exchangeEnded,
  tlsReplaced,
  tlsReplaceFailed,
  tunnelClosed,
  tunnelOpened,
  type ClientAbuse,
  type ClientRefused,
  type DiscoveryFailed,
  type EventChannel,
  type ExchangeEnded,
  type TlsReplaced,
  type TlsReplaceFailed,
} from './events.ts'
export { Tunnel, type TunnelCloseReason } from './tunnel/tunnel.ts'
export type { TunnelEnd, TunnelReader } from './tunnel/tunnel-end.ts'
export { StreamEnd } from './tunnel/stream-end.ts'
