/** What a plugin counts, as plain data; bounded, since a plugin can make up names without end. */
import { metricRecorded } from '../events.ts'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** By the number that a guest says. */
export const METRIC_KINDS: readonly MetricKind[] = ['counter', 'gauge', 'histogram']

/** One metric. */
export interface MetricSnapshot {
  readonly kind: MetricKind
  /** Of a counter the sum, of a gauge the last value, of a histogram the sum. */
  readonly value: number
  /** How often it was recorded. */
  readonly count: number
}

/** Where numbers go. */
export interface MetricSink {
  /** Whether there was room, and the name is of this kind. */
  record(kind: MetricKind, name: string, value: number): boolean
}

/** The metrics of one plugin, across its versions. */
export class PluginMetrics implements MetricSink {
  readonly #plugin: string
  readonly #metrics = new Map<string, { kind: MetricKind; value: number; count: number }>()
  /** How many names there may be. */
  maxNames = 0

  constructor(plugin: string) {
    this.#plugin = plugin
  }

  record(kind: MetricKind, name: string, value: number): boolean {
    let metric = this.#metrics.get(name)
    if (metric === undefined) {
      if (this.#metrics.size >= this.maxNames) return false
      metric = { kind, value: 0, count: 0 }
      this.#metrics.set(name, metric)
    }
    if (metric.kind !== kind) return false
    metric.count++
    metric.value = kind === 'gauge' ? value : metric.value + value
    if (metricRecorded.hasSubscribers) metricRecorded.publish({ plugin: this.#plugin, kind, name, value })
    return true
  }

  /** Takes over what is recorded elsewhere. */
  adopt(metrics: Readonly<Record<string, MetricSnapshot>>): void {
    for (const [name, metric] of Object.entries(metrics)) this.#metrics.set(name, { ...metric })
  }

  snapshot(): Readonly<Record<string, MetricSnapshot>> {
    return Object.fromEntries([...this.#metrics].map(([name, metric]) => [name, { ...metric }]))
  }
}
