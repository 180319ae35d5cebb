/**
 * By how much Node's event loop is behind: the first thing that grows when a process has more to do than it can. One monitor
 * for the whole process, started at first use; it does not keep the process alive.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

/** What is read of a monitor: how many samples it has taken, and their mean in nanoseconds. */
export type DelayHistogram = Pick<IntervalHistogram, 'count' | 'mean'>

/** How often the monitor looks, in milliseconds; its samples are from one look to the next, so they hold that time too. */
const RESOLUTION_MS = 20
const NANOSECONDS_PER_MS = 1_000_000

let processMonitor: IntervalHistogram | undefined

/** A source that gives the mean delay, in milliseconds, since its last call. Each source reads for itself. */
export function eventLoopDelay(monitor: () => DelayHistogram = sharedMonitor): () => number {
  let lastCount = 0
  let lastSum = 0
  let lastMean = 0
  return () => {
    const { count, mean } = monitor()
    // Without a new sample in the meantime the last one holds: a loop that stands still takes none.
    if (count > lastCount) {
      const sum = mean * count
      lastMean = Math.max(0, (sum - lastSum) / (count - lastCount) / NANOSECONDS_PER_MS - RESOLUTION_MS)
      lastCount = count
      lastSum = sum
    }
    return lastMean
  }
}

function sharedMonitor(): DelayHistogram {
  if (processMonitor === undefined) {
    processMonitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    processMonitor.enable()
  }
  return processMonitor
}
