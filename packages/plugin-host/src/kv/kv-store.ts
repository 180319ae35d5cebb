/** Where plugins keep keys and values. In one process; a shared one is a copy of this that somebody keeps in step. */

/** Who writes an entry, and how much that plugin may hold. */
export interface KvWriter {
  /** The plugin's name. */
  readonly owner: string
  /** Of keys and values together. */
  readonly maxBytes: number
  readonly maxEntries: number
}

/** What one plugin holds. */
export interface KvUsage {
  readonly entries: number
  readonly bytes: number
}

/** A store. Synchronous, so that a plugin's read and write are one step. */
export interface KvStore {
  /** The value, not to be written into; `undefined` where there is none or its time is over. */
  get(key: string): Uint8Array | undefined
  /** Until when it is kept, by the clock; Infinity for ever; `undefined` where there is none. */
  expiresAt(key: string): number | undefined
  /** Whether there was room. `expiresAt` is by the clock. The store keeps the array. */
  set(key: string, value: Uint8Array, expiresAt: number, writer: KvWriter): boolean
  /** Whether there was one. */
  delete(key: string): boolean
  usage(owner: string): KvUsage
}
