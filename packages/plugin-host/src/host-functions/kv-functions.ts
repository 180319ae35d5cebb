/** Keys and values. Keys are bytes; as text they are latin1, one character for each. */
import type { DENIED } from '../abi/sluice-v1.ts'
import { type HostFunctions, MISSING, OK } from '../abi/sluice-v1.ts'
import { type Guest, PRICE } from './guest.ts'

type Names = 'kv_get' | 'kv_set' | 'kv_delete' | 'kv_increment' | 'kv_compare_and_swap'

export function kvFunctions(guest: Guest): Pick<HostFunctions, Names> {
  const { memory, services } = guest
  const { kv } = services
  if (kv === undefined) return refusing(guest)
  const nameAt = (key: number, length: number): string => {
    guest.spend(PRICE.store)
    return memory.text(key, length)
  }
  return {
    kv_get: (key, keyLength, buffer, capacity) => {
      const name = nameAt(key, keyLength)
      if (!kv.mayUse(name)) return guest.denied()
      const value = kv.get(name)
      if (value === undefined) return MISSING
      guest.charge(value.length)
      return memory.writeBytes(value, buffer, capacity)
    },
    kv_set: (key, keyLength, value, valueLength, ttlMs) => {
      const name = nameAt(key, keyLength)
      if (!kv.mayUse(name)) return guest.denied()
      guest.charge(valueLength >>> 0)
      return kv.set(name, memory.copy(value, valueLength), ttlMs >>> 0)
    },
    kv_delete: (key, keyLength) => {
      const name = nameAt(key, keyLength)
      if (!kv.mayUse(name)) return guest.denied()
      return kv.delete(name) ? OK : MISSING
    },
    kv_increment: (key, keyLength, delta, ttlMs) => {
      const name = nameAt(key, keyLength)
      if (!kv.mayUse(name)) {
        guest.denied()
        return Number.NaN
      }
      return kv.increment(name, delta, ttlMs >>> 0)
    },
    kv_compare_and_swap: (key, keyLength, expected, expectedLength, value, valueLength, ttlMs) => {
      const name = nameAt(key, keyLength)
      if (!kv.mayUse(name)) return guest.denied()
      const wanted = expectedLength === -1 ? undefined : memory.part(expected, expectedLength)
      return kv.compareAndSwap(name, wanted, memory.copy(value, valueLength), ttlMs >>> 0)
    },
  }
}

/** Nobody imports these without the grant; they are here so that the list is whole. */
function refusing(guest: Guest): Pick<HostFunctions, Names> {
  const refuse = (): typeof DENIED => guest.denied()
  return {
    kv_get: refuse,
    kv_set: refuse,
    kv_delete: refuse,
    kv_increment: () => Number.NaN,
    kv_compare_and_swap: refuse,
  }
}
