export { plugin, type OwnPluginMiddleware } from './plugin.ts'
export { createPluginHost, type PluginHost } from './host/plugin-host.ts'
export type { PluginHostOptions } from './host/host-options.ts'
export type { PluginMiddleware, PluginOptions, PluginResult } from './host/plugin-middleware.ts'
export type { PluginSnapshot } from './host/plugin-slot.ts'
export {
  createPluginHarness,
  type HarnessCall,
  type HarnessManifest,
  type HarnessOptions,
  type HarnessReply,
  type HarnessRequest,
  type HarnessRun,
  type PluginHarness,
} from './harness/plugin-harness.ts'
export type { HeadDelta } from './harness/head-delta.ts'
export type {
  BodyGrant,
  HeaderGrants,
  HttpGrants,
  JsonHeaders,
  KvGrants,
  PluginAbi,
  PluginBreaker,
  PluginCapabilities,
  PluginInstances,
  PluginLimits,
  PluginManifest,
  PluginSource,
  PropertyGrants,
  SelfTestCase,
} from './manifest/manifest.ts'
export { MANIFEST_SCHEMA } from './manifest/manifest-schema.ts'
export { parseManifest } from './manifest/resolve-manifest.ts'
export type { HookName } from './abi/sluice-v1.ts'
export type { FaultKind } from './fault.ts'
export type { LogLevel } from './host-functions/guest.ts'
export type { KvStore, KvUsage, KvWriter } from './kv/kv-store.ts'
export { memoryKvStore } from './kv/memory-kv-store.ts'
export {
  OutboundError,
  type GrantedRequest,
  type OutboundProblem,
  type OutboundReply,
  type OutboundSender,
} from './http/outbound.ts'
export { undiciSender, type ResolveHost } from './http/undici-sender.ts'
export type { MetricKind, MetricSnapshot } from './observe/plugin-metrics.ts'
export type { HookStats } from './observe/plugin-stats.ts'
export {
  metricRecorded,
  pluginBreakerChanged,
  pluginCallEnded,
  pluginFaulted,
  pluginLogged,
  pluginReplied,
  pluginSkipped,
  pluginSwapFailed,
  pluginSwapped,
  type HookAction,
  type PluginBreakerEvent,
  type PluginCallEvent,
  type PluginEvent,
  type PluginFaultEvent,
  type PluginLogEvent,
  type PluginMetricEvent,
  type PluginReplyEvent,
  type PluginSkipEvent,
  type PluginSwapEvent,
  type PluginSwapFailedEvent,
} from './events.ts'
export type { WasmExports, WasmGlobal, WasmMemory } from './wasm/engine.ts'
export { FuelGauge, MAX_FUEL } from './wasm/fuel-gauge.ts'
export { inspectModule, type ModuleExport, type ModuleOutline } from './wasm/inspect-module.ts'
export { meterModule } from './wasm/meter-module.ts'
export type { MeterOptions } from './wasm/meter-options.ts'
export type { ModuleImport } from './wasm/module-reader.ts'
export type {
  External,
  ExternalKind,
  FunctionSignature,
  GlobalType,
  SizeLimits,
  TableType,
  ValueType,
} from './wasm/module-types.ts'
