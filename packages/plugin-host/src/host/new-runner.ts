/** Who runs a version's hooks: by its manifest's isolation. */
import type { HookEvents, HookRunner } from '../exchange/hook-runner.ts'
import { InlineRunner } from '../exchange/inline-runner.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { MetricSnapshot } from '../observe/plugin-metrics.ts'
import type { CompiledModule } from '../runtime/plugin-runtime.ts'
import { systemRandom } from '../system-random.ts'
import { WorkerRunner } from '../worker/worker-runner.ts'

/** What it needs of a version. */
export interface RunnerParts {
  readonly services: PluginServices
  readonly module: CompiledModule
  /** What the plugin has counted so far. */
  readonly metrics: () => Readonly<Record<string, MetricSnapshot>>
  /** Whether it is for a trial, which needs one instance and no spares. */
  readonly isTrial: boolean
}

export function newRunner({ services, module, metrics, isTrial }: RunnerParts): (events: HookEvents) => HookRunner {
  const { manifest, random } = services
  if (manifest.isolation === 'worker') {
    const hasSystemRandom = random === systemRandom
    return (events) => new WorkerRunner({ services, module, metrics, events, hasSpare: !isTrial, hasSystemRandom })
  }
  const instances = isTrial ? { max: 1, spares: 0 } : manifest.instances
  return (events) => new InlineRunner({ services, module, instances, events })
}
