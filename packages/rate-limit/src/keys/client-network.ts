/**
 * The network that a client's address stands for. One subscriber of IPv6 has a /64 or more to choose from (RFC 6177), so
 * that counting whole addresses would count nobody.
 */
import { readAddress } from '@sluice/core'

/** Where an address is read into: it is done at once, so that one is enough for all. */
const words = new Uint32Array(4)

/**
 * The first bits of `address`, in one spelling for each network. IPv4-mapped addresses (RFC 4291, section 2.5.5.2) count as
 * IPv4; what is no address stands for itself.
 */
export function networkOf(address: string, ipv4PrefixBits: number, ipv6PrefixBits: number): string {
  // As most are: nothing to cut off.
  if (ipv4PrefixBits === 32 && !address.includes(':')) return address
  const version = readAddress(address, words)
  if (version === 4) return ipv4Network(words[0]!, ipv4PrefixBits)
  return version === 6 ? ipv6Network(ipv6PrefixBits) : address
}

/** `bits` is at least 1. */
function ipv4Network(address: number, bits: number): string {
  const network = (address >>> (32 - bits)) << (32 - bits)
  const text = `${network >>> 24}.${(network >>> 16) & 255}.${(network >>> 8) & 255}.${network & 255}`
  return bits === 32 ? text : `${text}/${bits}`
}

function ipv6Network(bits: number): string {
  let text = ''
  for (let i = 0; i * 16 < bits; i++) {
    const kept = Math.min(16, bits - i * 16)
    const group = (words[i >> 1]! >>> (i & 1 ? 0 : 16)) & 0xffff
    text += `${(group & (0xffff << (16 - kept))).toString(16)}:`
  }
  return `${text}:/${bits}`
}
