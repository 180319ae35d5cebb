/**
 * A store in memory. What has expired is dropped when it is asked for, when its owner has no room left, and a little
 * at each write, so that nothing has to be scheduled.
 */
import type { Clock } from '@sluice/wire'
import type { KvStore, KvUsage, KvWriter } from './kv-store.ts'

/** Entries that a write looks at in passing. */
const SWEPT_AT_ONCE = 2
const SWEEP_PAUSE_MS = 100

interface Entry {
  readonly value: Uint8Array
  readonly expiresAt: number
  readonly owner: string
}

const UNUSED: KvUsage = Object.freeze({ entries: 0, bytes: 0 })

/** Makes one; its time is the clock's. */
export function memoryKvStore(clock: Clock): KvStore {
  return new MemoryKvStore(clock)
}

class MemoryKvStore implements KvStore {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #usage = new Map<string, { entries: number; bytes: number }>()
  #sweptAt = Number.NEGATIVE_INFINITY
  #sweep: Iterator<[string, Entry]> | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(key: string): Uint8Array | undefined {
    return this.#live(key)?.value
  }

  expiresAt(key: string): number | undefined {
    return this.#live(key)?.expiresAt
  }

  set(key: string, value: Uint8Array, expiresAt: number, { owner, maxBytes, maxEntries }: KvWriter): boolean {
    this.#sweepSome()
    const before = this.#live(key)
    const isOwn = before?.owner === owner
    const bytes = key.length + value.length - (isOwn ? key.length + before.value.length : 0)
    const entries = isOwn ? 0 : 1
    const fits = () => {
      const used = this.usage(owner)
      return used.bytes + bytes <= maxBytes && used.entries + entries <= maxEntries
    }
    if (!fits()) {
      this.#sweepOwner(owner)
      if (!fits()) return false
    }
    if (before !== undefined) this.#drop(key, before)
    this.#entries.set(key, { value, expiresAt, owner })
    this.#count(owner, 1, key.length + value.length)
    return true
  }

  delete(key: string): boolean {
    const entry = this.#live(key)
    if (entry !== undefined) this.#drop(key, entry)
    return entry !== undefined
  }

  usage(owner: string): KvUsage {
    return this.#usage.get(owner) ?? UNUSED
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry
    this.#drop(key, entry)
    return undefined
  }

  #drop(key: string, { owner, value }: Entry): void {
    this.#entries.delete(key)
    this.#count(owner, -1, -key.length - value.length)
  }

  #count(owner: string, entries: number, bytes: number): void {
    const used = this.#usage.get(owner) ?? { entries: 0, bytes: 0 }
    used.entries += entries
    used.bytes += bytes
    if (used.entries === 0) this.#usage.delete(owner)
    else this.#usage.set(owner, used)
  }

  #sweepSome(): void {
    const now = this.#clock.now()
    for (let i = 0; i < SWEPT_AT_ONCE; i++) {
      this.#sweep ??= this.#entries.entries()
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = undefined
        return
      }
      const [key, entry] = next.value
      if (entry.expiresAt <= now) this.#drop(key, entry)
    }
  }

  /** Who is at its limit and writes on and on has not freed anything since a moment ago. */
  #sweepOwner(owner: string): void {
    const now = this.#clock.now()
    if (now - this.#sweptAt < SWEEP_PAUSE_MS) return
    this.#sweptAt = now
    for (const [key, entry] of this.#entries)
      if (entry.owner === owner && entry.expiresAt <= now) this.#drop(key, entry)
  }
}
