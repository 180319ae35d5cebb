/**
 * Caches of a number of entries, each as `{ ask(key): boolean }`: whether it was there, and it is there then. `memoryStore` is
 * the store itself; W-TinyLFU (Einziger, Friedman, Manes, 2017) stands here in its usual proportions to compare with.
 */
import { memoryStore } from '@sluice/cache'
import QuickLRU from 'quick-lru'

/** Of its entries all are of the same size, so that bytes are numbers. */
const MAX_BYTES = 4 * 1024 * 1024

export const policies = {
  memoryStore: () => sluiceStore(),
  'W-TinyLFU': (size) => tinyLfu(size),
  LRU: (size) => lru(size),
  // By its own account it holds up to twice as many.
  'quick-lru': (size) => quickLru(size),
  'quick-lru, half': (size) => quickLru(Math.ceil(size / 2)),
  FIFO: (size) => fifo(size),
}

/** How many entries `memoryStore` holds on average while it runs through a trace: what was asked for takes more room than what was not. */
export function sizeOfStore(trace, from) {
  const { ask, entries } = sluiceStore()
  let sum = 0
  trace.forEach((key, i) => {
    ask(key)
    if (i >= from) sum += entries()
  })
  return Math.round(sum / (trace.length - from))
}

function sluiceStore() {
  const clock = { now: () => 0, wallTime: () => 1e12, schedule: () => ({ cancel() {} }) }
  const store = memoryStore({ maxBytes: MAX_BYTES })({ clock, random: () => 0.5 })
  const common = { id: 'id', status: 200, headers: [], requestedAt: 1, respondedAt: 1, initialAgeMs: 0, freshMs: 1 }
  const body = Buffer.alloc(1_000)
  return {
    entries: () => store.snapshot().entries,
    ask(number) {
      const key = `k${String(number).padStart(8, '0')}`
      if (store.get(key) !== undefined) return true
      const writer = store.put(key, { ...common, expiresAt: 2e12, url: key, tags: [], notes: {} }, 1_000)
      writer.write(body)
      writer.commit()
      return false
    },
  }
}

function lru(size) {
  const keys = new Map()
  return {
    ask(key) {
      const isHit = keys.delete(key)
      keys.set(key, true)
      if (keys.size > size) keys.delete(keys.keys().next().value)
      return isHit
    },
  }
}

function fifo(size) {
  const keys = new Set()
  return {
    ask(key) {
      if (keys.has(key)) return true
      keys.add(key)
      if (keys.size > size) keys.delete(keys.values().next().value)
      return false
    },
  }
}

function quickLru(maxSize) {
  const cache = new QuickLRU({ maxSize })
  return {
    ask(key) {
      if (cache.get(key) !== undefined) return true
      cache.set(key, true)
      return false
    },
  }
}

/** A window of 1 % by LRU, and a main space of two LRU segments (20 % on probation) that a newcomer enters where it is the more frequent one. */
function tinyLfu(size) {
  const windowSize = Math.max(1, Math.round(size * 0.01))
  const protectedSize = Math.round((size - windowSize) * 0.8)
  const [window, probation, kept] = [new Map(), new Map(), new Map()]
  const sketch = frequencySketch(size)
  const oldest = (map) => map.keys().next().value
  const renew = (map, key) => map.delete(key) && map.set(key, true)
  return {
    ask(key) {
      sketch.add(key)
      if (renew(window, key) || renew(kept, key)) return true
      if (probation.delete(key)) {
        kept.set(key, true)
        if (kept.size > protectedSize) move(kept, probation, oldest(kept))
        return true
      }
      window.set(key, true)
      if (window.size <= windowSize) return false
      const candidate = oldest(window)
      window.delete(candidate)
      if (probation.size + kept.size < size - windowSize) probation.set(candidate, true)
      else {
        const victim = probation.size > 0 ? oldest(probation) : oldest(kept)
        if (sketch.of(candidate) > sketch.of(victim)) {
          if (!probation.delete(victim)) kept.delete(victim)
          probation.set(candidate, true)
        }
      }
      return false
    },
  }

  function move(from, to, key) {
    from.delete(key)
    to.set(key, true)
  }
}

/** Count-min of four rows with counters up to 15, all halved after ten times as many additions as there are entries. */
function frequencySketch(size) {
  const width = 2 ** Math.ceil(Math.log2(size * 4))
  const rows = Array.from({ length: 4 }, () => new Uint8Array(width))
  let additions = 0
  const place = (key, row) => {
    let hash = Math.imul(key ^ (row * 0x9e3779b9), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return (hash ^ (hash >>> 16)) & (width - 1)
  }
  return {
    add(key) {
      rows.forEach((row, i) => {
        const at = place(key, i)
        if (row[at] < 15) row[at]++
      })
      if (++additions < size * 10) return
      additions = 0
      for (const row of rows) for (let i = 0; i < width; i++) row[i] >>= 1
    },
    of: (key) => Math.min(...rows.map((row, i) => row[place(key, i)])),
  }
}
