import { leastConnections } from '@sluice/balancers'
/**
 * Every target is restarted in turn while requests go on, as a deployment does: drained, ended, started, used again. Nothing
 * tries again here, so that what is lost shows.
 */
import { createProxy, createUpstream } from '@sluice/core'
import { Load } from './load.ts'
import { startTargets } from './target.ts'

export interface RollingRestartOptions {
  readonly requests: number
  readonly concurrency: number
}

export interface RollingRestartReport {
  readonly requests: number
  readonly restarts: number
  /** What should not be; empty where all is well. */
  readonly problems: readonly string[]
}

/** Quick ones, slow heads and slow bodies: what a drain has to wait for. */
const PATHS = ['/', '/', '/?headMs=8', '/?bodyMs=15', '/?headMs=3&bodyMs=3']

export async function rollingRestart({ requests, concurrency }: RollingRestartOptions): Promise<RollingRestartReport> {
  const targets = await startTargets()
  const upstream = createUpstream('pool', { targets: targets.map(({ url }) => url), balancer: leastConnections() })
  const proxy = createProxy().forward(upstream, { maxConnectAttempts: 1 })
  const own = await proxy.listen({ host: '127.0.0.1' })
  const load = new Load({
    port: own.address.port,
    postShare: 0.4,
    bodyBytes: 20_000,
    pathOf: (index) => PATHS[index % PATHS.length]!,
  })
  const problems: string[] = []
  let restarts = 0
  const restartAll = async (): Promise<void> => {
    while (load.sent.length < requests || restarts < targets.length) {
      const target = targets[restarts % targets.length]!
      await upstream.drain(target.url)
      await target.terminate()
      await target.start()
      upstream.update(target.url, { state: 'up' })
      restarts++
    }
  }
  try {
    await Promise.all([restartAll(), load.all(requests, concurrency)])
    for (const { method, id, status, problem } of load.sent)
      if (status !== 200) problems.push(`${method} ${id} failed with ${status} ${problem}`)
    for (const target of targets)
      for (const line of target.received()) if (line.startsWith('cut ')) problems.push(`${target.name}: ${line}`)
    const received = targets.reduce((sum, target) => sum + target.received().length, 0)
    if (received !== requests) problems.push(`${requests} requests were received ${received} times`)
    return { requests: load.sent.length, restarts, problems }
  } finally {
    load.close()
    await proxy.close({ drainMs: 0 })
    await Promise.all(targets.map((target) => target.close()))
  }
}
