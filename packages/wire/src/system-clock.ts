/** The real clock: `performance.now`, `Date.now`, and two timer wheels for the whole process. */
// Imported: the global is an accessor, which costs more than the time itself (docs/performance.md).
import { performance } from 'node:perf_hooks'
import type { Clock } from './clock.ts'
import { TimerWheel } from './timer-wheel.ts'

const now = () => performance.now()
/** Deadlines of requests and connections: many, long, and put off all the time. It turns slowly, and so costs little. */
const coarse = new TimerWheel({ now })
/** Pauses between tries, hedges: few and short. It turns only while there are any. */
const fine = new TimerWheel({ now, tickMs: 4 })
const SHORT_MS = 1_000

/**
 * The machine's clock. Scheduled calls are never early, and late by at most 50 ms, or 4 ms where the delay is below a second.
 * They do not keep the process alive.
 */
export const systemClock: Clock = {
  now,
  wallTime: () => Date.now(),
  schedule: (delayMs, callback) => (delayMs < SHORT_MS ? fine : coarse).schedule(delayMs, callback),
}
