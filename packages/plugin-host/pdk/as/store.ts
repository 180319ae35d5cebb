/** Keys and values that the host keeps, for all instances of the plugin. */
import { found, names, values } from './area'
import * as host from './host'
import { expectResult, LIMIT, MISSING } from './results'

/** Use it as `store`. A `ttlMs` of 0 is for ever. */
export class Store {
  get(key: string): string | null {
    const length = this.read(key)
    return length == MISSING ? null : found.utf8(length)
  }

  getBytes(key: string): Uint8Array | null {
    const length = this.read(key)
    return length == MISSING ? null : found.bytes(length)
  }

  has(key: string): bool {
    const length = names.putUtf8(key)
    return expectResult(host.kv_get(names.at, length, 0, 0), key) != MISSING
  }

  /** Gives whether there was room for it. */
  set(key: string, value: string, ttlMs: i32 = 0): bool {
    const keyLength = names.putUtf8(key)
    const valueLength = values.putUtf8(value)
    return this.hasRoom(host.kv_set(names.at, keyLength, values.at, valueLength, ttlMs), key)
  }

  /** Gives whether there was room for it. */
  setBytes(key: string, value: Uint8Array, ttlMs: i32 = 0): bool {
    const keyLength = names.putUtf8(key)
    return this.hasRoom(host.kv_set(names.at, keyLength, value.dataStart, value.length, ttlMs), key)
  }

  /** Gives whether it was there. */
  delete(key: string): bool {
    const length = names.putUtf8(key)
    return expectResult(host.kv_delete(names.at, length), key) != MISSING
  }

  /** The sum, or NaN where it is not granted, has no room or is no number. A key that is new begins with 0 and gets `ttlMs`. */
  increment(key: string, delta: f64 = 1, ttlMs: i32 = 0): f64 {
    const length = names.putUtf8(key)
    return host.kv_increment(names.at, length, delta, ttlMs)
  }

  /** Sets it where it is as expected (`null`: where it is missing), and gives whether it was. */
  compareAndSwap(key: string, expected: string | null, value: string, ttlMs: i32 = 0): bool {
    const keyLength = names.putUtf8(key)
    const expectedLength = expected === null ? -1 : found.putUtf8(expected)
    const valueLength = values.putUtf8(value)
    const result = host.kv_compare_and_swap(
      names.at,
      keyLength,
      found.at,
      expectedLength,
      values.at,
      valueLength,
      ttlMs,
    )
    return this.hasRoom(result, key) && result == 1
  }

  private read(key: string): i32 {
    const keyLength = names.putUtf8(key)
    let length = host.kv_get(names.at, keyLength, found.at, found.capacity)
    if (length > found.capacity) {
      found.room(length)
      length = host.kv_get(names.at, keyLength, found.at, found.capacity)
    }
    return expectResult(length, key)
  }

  private hasRoom(result: i32, key: string): bool {
    return result != LIMIT && expectResult(result, key) != MISSING
  }
}

/** The one there is. */
export const store: Store = new Store()
