/** A gateway that could not run for a while does not take its own delay for that of its targets. */
import { setImmediate as immediate } from 'node:timers/promises'
import { createProxy, createUpstream } from '@sluice/core'
import { retry } from '@sluice/resilience'
import { waitFor } from '@sluice/testing'
import { expect, it } from 'vitest'
import { closing } from '../faults/clean-up.ts'
import { Load } from './load.ts'
import { TargetProcess } from './target.ts'

const opened = closing()
const REQUESTS = 20
const TRY_TIMEOUT_MS = 500
/** As long as a full disk, a debugger or a busy neighbour may stop it. */
const STOP_MS = 800

it('answers that came while the event loop stood still are in time', async () => {
  const target = opened(await new TargetProcess('one').start())
  const upstream = createUpstream('pool', { targets: [target.url] })
  const proxy = createProxy()
    .use(retry({ tryTimeoutMs: TRY_TIMEOUT_MS, maxRetries: 0 }))
    .forward(upstream)
  opened({ close: async () => await proxy.close({ drainMs: 0 }) })
  const own = await proxy.listen({ host: '127.0.0.1' })
  const load = opened(new Load({ port: own.address.port, postShare: 0.5, pathOf: () => '/?headMs=40' }))
  // Connections and code that are warm, so that all requests get there well before the stop.
  await load.all(REQUESTS, REQUESTS)
  const all = load.all(REQUESTS, REQUESTS)
  await waitFor(() => target.received().length === 2 * REQUESTS)
  // From here timers come next, before any socket is looked at.
  await immediate()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOP_MS)
  await all
  const outcomes = load.sent.slice(REQUESTS).map(({ status, problem }) => `${status} ${problem}`)
  expect(outcomes).toEqual(Array(REQUESTS).fill('200 '))
})
