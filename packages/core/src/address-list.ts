/** Lists of addresses and CIDR ranges, as options name the peers that are trusted. */
import { BlockList, isIP } from 'node:net'
import { ConfigError } from './errors.ts'

/**
 * Says whether an address is in the list.
 * @throws {ConfigError} where an entry is neither an address nor a range; `at` is the option's place
 */
export function addressList(entries: 'all' | readonly string[], at: string): (address: string) => boolean {
  if (entries === 'all') return () => true
  if (!Array.isArray(entries)) throw new ConfigError(at, 'must be "all" or a list of addresses and CIDR ranges')
  if (entries.length === 0) return () => false
  const list = new BlockList()
  entries.forEach((entry, index) => addRange(list, entry, `${at}[${index}]`))
  return (address) => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

function addRange(list: BlockList, entry: string, at: string): void {
  const [address = '', bits, rest] = typeof entry === 'string' ? entry.split('/') : []
  const version = isIP(address)
  const width = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits)
  const isWidth = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && width <= (version === 4 ? 32 : 128))
  if (version === 0 || rest !== undefined || !isWidth) {
    throw new ConfigError(at, `"${entry}" is neither an IP address nor a CIDR range`)
  }
  list.addSubnet(address, width, version === 4 ? 'ipv4' : 'ipv6')
}
