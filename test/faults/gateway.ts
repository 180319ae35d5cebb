/** A gateway of one route in front of given targets, and what its gates were told. */
import {
  createProxy,
  createUpstream,
  type Attempt,
  type ForwardOptions,
  type GateFactory,
  type Middleware,
  type Proxy,
  type Upstream,
} from '@sluice/core'
import { waitFor } from '@sluice/testing'
import type { TransportBounds, TransportKind } from './combinations.ts'

export interface GatewayOptions {
  readonly targets: readonly string[]
  readonly transport: TransportKind
  readonly bounds?: TransportBounds
  readonly forward?: ForwardOptions
  readonly use?: Middleware
}

/** An outcome as a gate was told of it. */
export interface Verdict {
  readonly target: string
  readonly phase: Attempt['phase']
  readonly code: string | undefined
}

export interface Gateway {
  readonly proxy: Proxy
  readonly upstream: Upstream
  readonly verdicts: readonly Verdict[]
  /** Resolves once nothing is under way any more, and says so where that does not come about. */
  settled(): Promise<void>
  /** Closes the proxy, and checks that it left no attempt behind. */
  close(): Promise<void>
}

export function gateway(options: GatewayOptions): Gateway {
  const verdicts: Verdict[] = []
  const recorder: GateFactory = () => ({
    name: 'recorder',
    admits: () => true,
    observe: (target, { phase, error }) => verdicts.push({ target: target.url.origin, phase, code: error?.code }),
  })
  const upstream = createUpstream('targets', {
    targets: options.targets,
    transport: options.transport.create(options.bounds ?? {}),
    gates: [recorder],
  })
  const proxy = createProxy({ name: 'gateway' })
  if (options.use !== undefined) proxy.use(options.use)
  proxy.forward(upstream, options.forward)
  const settled = async (): Promise<void> => {
    await waitFor(() => proxy.inFlight === 0, { what: 'no exchange to be under way' })
    await waitFor(() => upstream.targets.every((target) => target.active === 0), {
      what: 'no attempt to be under way',
    })
  }
  return {
    proxy,
    upstream,
    verdicts,
    settled,
    async close() {
      await settled()
      await proxy.close({ drainMs: 0 })
    },
  }
}
