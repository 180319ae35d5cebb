/** What a plugin's thread is started with: plain data, and the compiled module. */
import type { MessagePort } from 'node:worker_threads'
import { compileCapabilities } from '../manifest/capabilities.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import type { MetricSnapshot } from '../observe/plugin-metrics.ts'
import type { WasmModule } from '../wasm/engine.ts'
import type { SharedAreas } from './shared-areas.ts'

/** A manifest without what can't be sent, and without the module, which is there already. */
export type SentManifest = Omit<ResolvedManifest, 'capabilities' | 'source' | 'selfTest'>

/** The data of the thread. */
export interface ThreadStart {
  readonly manifest: SentManifest
  readonly code: WasmModule
  readonly areas: SharedAreas
  /** For frames that are too long for the areas. */
  readonly parcels: MessagePort
  /** For questions and answers that are. */
  readonly longQuestions: MessagePort
  readonly metrics: Readonly<Record<string, MetricSnapshot>>
  /** Whether the proxy's randomness is the machine's, of which the thread has its own. */
  readonly hasSystemRandom: boolean
}

export function sendManifest(manifest: ResolvedManifest): SentManifest {
  const { capabilities: _, source: _source, selfTest: _selfTest, ...sent } = manifest
  return sent
}

export function receiveManifest(sent: SentManifest): ResolvedManifest {
  return {
    ...sent,
    source: { kind: 'bytes', bytes: new Uint8Array(0) },
    selfTest: [],
    capabilities: compileCapabilities(sent.granted, sent.limits),
  }
}
