/** What is there without an exchange: lines, numbers, time and dice. */
import { type HostFunctions, INVALID, LIMIT, OK } from '../abi/sluice-v1.ts'
import { METRIC_KINDS } from '../observe/plugin-metrics.ts'
import { type Guest, LOG_LEVELS, PRICE } from './guest.ts'
import { logLine } from './log-line.ts'

type Names = 'log' | 'metric' | 'now_ms' | 'monotonic_ms' | 'random'

/** As many as `crypto.getRandomValues` gives at a time. */
const MAX_RANDOM_BYTES = 65_536

export function ambientFunctions(guest: Guest): Pick<HostFunctions, Names> {
  const { memory, services } = guest
  const { clock, random, metrics } = services
  return {
    log: (level, ptr, length) => {
      const name = LOG_LEVELS[level]
      if (name === undefined) return INVALID
      logLine(guest, name, memory.part(ptr, length))
      return OK
    },
    metric: (kind, name, nameLength, value) => {
      const type = METRIC_KINDS[kind]
      if (type === undefined || !Number.isFinite(value) || nameLength >>> 0 > 64) return INVALID
      guest.spend(PRICE.store)
      const key = memory.text(name, nameLength)
      if (!/^[a-z0-9_.]+$/.test(key)) return INVALID
      return metrics.record(type, key, value) ? OK : LIMIT
    },
    now_ms: () => clock.wallTime(),
    monotonic_ms: () => clock.now(),
    random: (ptr, length) => {
      if (length >>> 0 > MAX_RANDOM_BYTES) return INVALID
      const bytes = memory.part(ptr, length)
      guest.spend(4 * bytes.length)
      for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256
      return OK
    },
  }
}
