/**
 * A set of addresses and CIDR ranges (RFC 4632) that is asked for each request: two tries, one for each version of IP, and
 * no allocation per look-up. `net.BlockList` goes through its ranges one by one: with 100,000 of them that takes a
 * millisecond.
 */
import { ConfigError } from '../errors.ts'
import { PrefixList, type PrefixTrie } from './prefix-trie.ts'
import { readAddress } from './read-address.ts'

/** Where the address that is asked for is read into: look-ups are synchronous, so that one is enough for all. */
const words = new Uint32Array(4)

/**
 * An immutable set. IPv4-mapped IPv6 addresses and ranges count as IPv4, and no other range of IPv6 has any address of IPv4
 * in it: `::/0` is all of IPv6.
 */
export class AddressSet {
  /** How many entries it was made of. */
  readonly size: number
  readonly #v4: PrefixTrie
  readonly #v6: PrefixTrie

  /**
   * `entries` are addresses (`192.0.2.1`) and ranges (`192.0.2.0/24`, `2001:db8::/32`); bits behind the prefix are passed over.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG` at `placeOf(index)` where one is neither
   */
  constructor(entries: readonly string[], placeOf: (index: number) => string) {
    const v4 = new PrefixList(1)
    const v6 = new PrefixList(4)
    entries.forEach((entry, index) => addEntry(entry, v4, v6, placeOf, index))
    this.size = entries.length
    this.#v4 = v4.build()
    this.#v6 = v6.build()
  }

  /** The memory of its tables, in bytes. */
  get bytes(): number {
    return this.#v4.bytes + this.#v6.bytes
  }

  /** Whether an address is in it. What is no address, such as the empty string of a Unix socket, is in no set. */
  has(address: string): boolean {
    const version = readAddress(address, words)
    return version === 4 ? this.#v4.has(words) : version === 6 && this.#v6.has(words)
  }
}

function addEntry(
  entry: string,
  v4: PrefixList,
  v6: PrefixList,
  placeOf: (index: number) => string,
  index: number,
): void {
  const slash = typeof entry === 'string' ? entry.indexOf('/') : -1
  const address = slash < 0 ? entry : entry.slice(0, slash)
  // A zone means nothing to another machine, and so nothing in a list.
  const version = typeof address === 'string' && !address.includes('%') ? readAddress(address, words) : 0
  const isMapped = version === 4 && address.includes(':')
  const most = version === 4 && !isMapped ? 32 : 128
  const length = slash < 0 ? most : lengthOf(entry.slice(slash + 1))
  if (version === 0 || !(length <= most))
    throw new ConfigError(placeOf(index), `${JSON.stringify(entry)} is neither an IP address nor a CIDR range`)
  if (isMapped && length < 96)
    throw new ConfigError(placeOf(index), `"${entry}" is more than the IPv4-mapped addresses, which begin at /96`)
  const list = version === 4 ? v4 : v6
  if (list.isFull) throw new ConfigError(placeOf(index), 'is one entry too many: there is room for eight million')
  list.add(words, isMapped ? length - 96 : length)
}

/** NaN for what is no number of bits. */
function lengthOf(text: string): number {
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : Number.NaN
}
