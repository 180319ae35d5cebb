/** The real clock: `performance.now`, `Date.now`, and one timer wheel for the whole process. */
import type { Clock } from './clock.ts'
import { TimerWheel } from './timer-wheel.ts'

const wheel = new TimerWheel({ now: () => performance.now() })

/** The machine's clock. Scheduled calls are up to 50 ms late and do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule: (delayMs, callback) => wheel.schedule(delayMs, callback),
}
