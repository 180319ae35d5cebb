/** What this package reports, as `sluice:plugin-host:<event>`. Nothing is built for an event that nobody listens to. */
import { defineEvent, type EventChannel, type Exchange, type PluginError } from '@sluice/core'
import type { HookName } from './abi/sluice-v1.ts'
import type { FaultKind } from './fault.ts'
import type { LogLevel } from './host-functions/guest.ts'
import type { MetricKind } from './observe/plugin-metrics.ts'

/** Which plugin, in which version. */
export interface PluginEvent {
  readonly plugin: string
  readonly version: string
}

/** How a hook has ended. */
export type HookAction = 'continue' | 'respond' | 'skip' | 'fault'

/** A hook has ended, its pauses included. */
export interface PluginCallEvent extends PluginEvent {
  readonly hook: HookName
  /** Missing for `on_init` and `on_tick`. */
  readonly exchange: Exchange | undefined
  readonly action: HookAction
  readonly durationMs: number
  /** Instructions that it took. */
  readonly fuel: number
  /** Of its instance's memory, afterwards. */
  readonly pages: number
}

/** A call has failed, or could not be made. */
export interface PluginFaultEvent extends PluginEvent {
  readonly hook: HookName
  readonly kind: FaultKind
  readonly error: PluginError
  readonly exchange: Exchange | undefined
}

/** A plugin answers in the place of what is further inside. */
export interface PluginReplyEvent extends PluginEvent {
  readonly hook: HookName
  readonly exchange: Exchange
  readonly status: number
}

/**
 * A plugin was left out of an exchange, or of the rest of it. `open`: its breaker is. `plugin`: it wanted so. `body`: the body is longer
 * than it takes. `load`: it could not be loaded.
 */
export interface PluginSkipEvent extends PluginEvent {
  readonly exchange: Exchange
  readonly reason: 'open' | 'plugin' | 'body' | 'load'
}

/** A plugin serves in a new version. */
export interface PluginSwapEvent {
  readonly plugin: string
  readonly from: string
  readonly to: string
  /** From reading it to serving. */
  readonly durationMs: number
}

/** A new version was refused; the one before serves on. */
export interface PluginSwapFailedEvent {
  readonly plugin: string
  readonly error: Error
}

/** A plugin's breaker has opened or closed. */
export interface PluginBreakerEvent extends PluginEvent {
  readonly isOpen: boolean
}

/** A plugin has logged something. */
export interface PluginLogEvent extends PluginEvent {
  readonly level: LogLevel
  readonly message: string
  readonly exchange: Exchange | undefined
}

/** A plugin has counted something. */
export interface PluginMetricEvent {
  readonly plugin: string
  readonly kind: MetricKind
  readonly name: string
  readonly value: number
}

/** `sluice:plugin-host:call-ended` */
export const pluginCallEnded: EventChannel<PluginCallEvent> = defineEvent<PluginCallEvent>('plugin-host', 'call-ended')
/** `sluice:plugin-host:faulted` */
export const pluginFaulted: EventChannel<PluginFaultEvent> = defineEvent<PluginFaultEvent>('plugin-host', 'faulted')
/** `sluice:plugin-host:replied` */
export const pluginReplied: EventChannel<PluginReplyEvent> = defineEvent<PluginReplyEvent>('plugin-host', 'replied')
/** `sluice:plugin-host:skipped` */
export const pluginSkipped: EventChannel<PluginSkipEvent> = defineEvent<PluginSkipEvent>('plugin-host', 'skipped')
/** `sluice:plugin-host:swapped` */
export const pluginSwapped: EventChannel<PluginSwapEvent> = defineEvent<PluginSwapEvent>('plugin-host', 'swapped')
/** `sluice:plugin-host:swap-failed` */
export const pluginSwapFailed: EventChannel<PluginSwapFailedEvent> = defineEvent<PluginSwapFailedEvent>(
  'plugin-host',
  'swap-failed',
)
/** `sluice:plugin-host:breaker-changed` */
export const pluginBreakerChanged: EventChannel<PluginBreakerEvent> = defineEvent<PluginBreakerEvent>(
  'plugin-host',
  'breaker-changed',
)
/** `sluice:plugin-host:logged` */
export const pluginLogged: EventChannel<PluginLogEvent> = defineEvent<PluginLogEvent>('plugin-host', 'logged')
/** `sluice:plugin-host:metric` */
export const metricRecorded: EventChannel<PluginMetricEvent> = defineEvent<PluginMetricEvent>('plugin-host', 'metric')
