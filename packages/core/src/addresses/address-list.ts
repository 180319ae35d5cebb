/** Lists of addresses and CIDR ranges, as options name the peers that are trusted. */
import { ConfigError } from '../errors.ts'
import { AddressSet } from './address-set.ts'

/**
 * Says whether an address is in the list.
 * @throws {ConfigError} where an entry is neither an address nor a range; `at` is the option's place
 */
export function addressList(entries: 'all' | readonly string[], at: string): (address: string) => boolean {
  if (entries === 'all') return () => true
  if (!Array.isArray(entries)) throw new ConfigError(at, 'must be "all" or a list of addresses and CIDR ranges')
  if (entries.length === 0) return () => false
  const set = new AddressSet(entries as readonly string[], (index) => `${at}[${index}]`)
  return (address) => set.has(address)
}
