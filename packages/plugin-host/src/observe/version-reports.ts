/** What one version of a plugin does, told to the counters and to whoever listens. */
import type { Exchange, PluginError, Reply } from '@sluice/core'
import type { HookName } from '../abi/sluice-v1.ts'
import {
  type HookAction,
  pluginReplied,
  type PluginBreakerEvent,
  type PluginCallEvent,
  type PluginFaultEvent,
  pluginSkipped,
  type PluginSkipEvent,
} from '../events.ts'
import { kindOf } from '../fault.ts'
import type { PluginStats } from './plugin-stats.ts'

/** Hears of what happens, beside the counters. */
export interface VersionObserver {
  /** Whether exchanges tell their events as well: not those of a trial. */
  readonly isPublic: boolean
  /** Whether `called` is of use: the event is not even made otherwise. */
  readonly wantsCalls: boolean
  called(event: PluginCallEvent): void
  faulted(event: PluginFaultEvent): void
  breakerChanged(event: PluginBreakerEvent): void
}

/** Of one version. */
export class VersionReports {
  readonly #plugin: string
  readonly #version: string
  readonly #stats: PluginStats
  readonly #observer: VersionObserver

  constructor(
    manifest: { readonly name: string; readonly version: string },
    stats: PluginStats,
    observer: VersionObserver,
  ) {
    this.#plugin = manifest.name
    this.#version = manifest.version
    this.#stats = stats
    this.#observer = observer
  }

  /** An instance was made. */
  made(): void {
    this.#stats.instances++
  }

  /** A hook has ended. */
  called(
    hook: HookName,
    exchange: Exchange | undefined,
    action: HookAction,
    durationMs: number,
    fuel: number,
    pages: number,
  ): void {
    this.#stats.ended(hook, durationMs, fuel, pages)
    if (!this.#observer.wantsCalls) return
    this.#observer.called({
      plugin: this.#plugin,
      version: this.#version,
      hook,
      exchange,
      action,
      durationMs,
      fuel,
      pages,
    })
  }

  /** A call has failed, or could not be made. */
  faulted(error: PluginError, hook: HookName, exchange: Exchange | undefined): void {
    const kind = kindOf(error)
    this.#stats.faulted(kind)
    this.#observer.faulted({ plugin: this.#plugin, version: this.#version, hook, kind, error, exchange })
  }

  /** It answers by itself. */
  replied(hook: HookName, exchange: Exchange, { status }: Reply): void {
    this.#stats.localReplies++
    if (!pluginReplied.hasSubscribers || !this.#observer.isPublic) return
    pluginReplied.publish({ plugin: this.#plugin, version: this.#version, hook, exchange, status })
  }

  /** It is left out of an exchange. */
  skipped(exchange: Exchange, reason: PluginSkipEvent['reason']): void {
    this.#stats.skips++
    if (!pluginSkipped.hasSubscribers || !this.#observer.isPublic) return
    pluginSkipped.publish({ plugin: this.#plugin, version: this.#version, exchange, reason })
  }

  breakerChanged(isOpen: boolean): void {
    this.#observer.breakerChanged({ plugin: this.#plugin, version: this.#version, isOpen })
  }
}
