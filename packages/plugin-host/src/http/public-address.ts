/**
 * Whether an address belongs to the open Internet: the registries of special-purpose addresses (RFC 6890 and what IANA has
 * added since). What a plugin may not ask is everything else: the machine itself, its network, a cloud's metadata.
 */
import { BlockList, isIP } from 'node:net'

/** Two lists: in one of both families a network of IPv6 holds the IPv4 addresses that are mapped into it. */
const special = { 4: new BlockList(), 6: new BlockList() }

for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special[4].addSubnet(network, bits, 'ipv4')

// Of IPv6 only 2000::/3 is given out; of that, what carries an IPv4 address within (6to4, Teredo) or is for documents is not.
for (const [network, bits] of [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special[6].addSubnet(network, bits, 'ipv6')

/** `address` as text, without brackets. What is no address is not public. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if ((family !== 4 && family !== 6) || address.includes('%')) return false
  return !special[family].check(address, family === 4 ? 'ipv4' : 'ipv6')
}
