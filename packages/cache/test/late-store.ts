/** A store that answers later, as one outside the process does; and one that fails whenever it is asked. */
import { memoryStore, type CacheStore, type CacheStoreFactory } from '../src/index.ts'

/** The memory store, behind promises. */
export function lateStore(): CacheStoreFactory {
  return (services) => {
    const store = memoryStore()(services)
    return {
      kind: 'late',
      get generation() {
        return store.generation
      },
      get: async (key) => await Promise.resolve(store.get(key)),
      put: store.put.bind(store),
      update: store.update.bind(store),
      delete: store.delete.bind(store),
      purge: async (selector, options) => await Promise.resolve(store.purge(selector, options)),
      snapshot: store.snapshot.bind(store),
      close: store.close.bind(store),
    }
  }
}

/** Throws, or rejects, from the calls that are named. */
export function failingStore(
  calls: readonly (keyof CacheStore | 'write' | 'commit')[],
  later = false,
): CacheStoreFactory {
  const fail = (call: (typeof calls)[number]): never | undefined => {
    if (calls.includes(call)) throw new Error(`${call} failed`)
    return undefined
  }
  return (services) => {
    const store = memoryStore()(services)
    return {
      kind: 'failing',
      generation: 0,
      get: (key) => {
        if (later && calls.includes('get')) return Promise.reject(new Error('get failed'))
        fail('get')
        return store.get(key)
      },
      put: (...args) => {
        fail('put')
        const writer = store.put(...args)!
        return {
          write: (chunk) => {
            fail('write')
            return writer.write(chunk)
          },
          commit: () => {
            fail('commit')
            return writer.commit()
          },
          abort: () => writer.abort(),
        }
      },
      update: (...args) => {
        fail('update')
        store.update(...args)
      },
      delete: (...args) => {
        fail('delete')
        store.delete(...args)
      },
      purge: (...args) => {
        if (later && calls.includes('purge')) return Promise.reject(new Error('purge failed'))
        fail('purge')
        return store.purge(...args)
      },
      snapshot: () => store.snapshot(),
      close: () => store.close(),
    }
  }
}
