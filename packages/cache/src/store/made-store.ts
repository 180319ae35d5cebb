/** A store of what the options give. */
import { madeOption } from '@sluice/core/options'
import type { CacheStore, CacheStoreServices } from './store.ts'

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` where that is no store */
export function madeStore<S extends CacheStore>(
  create: (services: CacheStoreServices) => S,
  services: CacheStoreServices,
  at: string,
): S {
  return madeOption(create, services, (made) => typeof made?.get === 'function', at, 'a store, such as memoryStore()')
}
