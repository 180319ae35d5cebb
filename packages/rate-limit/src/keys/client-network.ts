/**
 * The network that a client's address stands for. One subscriber of IPv6 has a /64 or more to choose from (RFC 6177), so
 * that counting whole addresses would count nobody.
 */

const groups = new Uint16Array(8)
const MAPPED = 0xffff

/**
 * The first bits of `address`, in one spelling for each network. IPv4-mapped addresses (RFC 4291, section 2.5.5.2) count as
 * IPv4; what is no address stands for itself.
 */
export function networkOf(address: string, ipv4PrefixBits: number, ipv6PrefixBits: number): string {
  if (!address.includes(':')) return ipv4PrefixBits === 32 ? address : ipv4Network(address, ipv4PrefixBits)
  if (!readGroups(address)) return address
  if (isMapped()) {
    const [high, low] = [groups[6]!, groups[7]!]
    return ipv4Network(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`, ipv4PrefixBits)
  }
  return ipv6Network(ipv6PrefixBits)
}

function ipv4Network(address: string, bits: number): string {
  if (bits === 32) return address
  const parts = address.split('.')
  if (parts.length !== 4) return address
  let number = 0
  for (const part of parts) number = number * 256 + Number(part)
  const network = bits === 0 ? 0 : ((number >>> (32 - bits)) << (32 - bits)) >>> 0
  return `${network >>> 24}.${(network >>> 16) & 255}.${(network >>> 8) & 255}.${network & 255}/${bits}`
}

function ipv6Network(bits: number): string {
  let text = ''
  for (let i = 0; i * 16 < bits; i++) {
    const kept = Math.min(16, bits - i * 16)
    text += `${(groups[i]! & (0xffff << (16 - kept))).toString(16)}:`
  }
  return `${text}:/${bits}`
}

function isMapped(): boolean {
  return (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0 && groups[5] === MAPPED
}

/** Reads an IPv6 address into `groups`; says whether it was one. */
function readGroups(address: string): boolean {
  let count = 0
  let gap = -1
  let value = -1
  const zone = address.indexOf('%')
  const end = zone < 0 ? address.length : zone
  for (let i = 0; i < end; i++) {
    const code = address.charCodeAt(i)
    if (code === 0x3a) {
      if (value >= 0) {
        if (count === 8) return false
        groups[count++] = value
        value = -1
      } else if (i > 0) return false
      if (address.charCodeAt(i + 1) === 0x3a) {
        if (gap >= 0) return false
        gap = count
        i++
      }
    } else if (code === 0x2e) {
      return readDotted(address.slice(address.lastIndexOf(':', i) + 1, end), count) && spread(count + 2, gap)
    } else {
      const digit = hexDigit(code)
      if (digit < 0) return false
      value = (value < 0 ? 0 : value) * 16 + digit
      if (value > 0xffff) return false
    }
  }
  if (value >= 0) {
    if (count === 8) return false
    groups[count++] = value
  }
  return spread(count, gap)
}

/** The last 32 bits in the form of IPv4. */
function readDotted(text: string, count: number): boolean {
  const parts = text.split('.').map(Number)
  if (parts.length !== 4 || count > 6 || !parts.every((part) => part >= 0 && part <= 255)) return false
  groups[count] = parts[0]! * 256 + parts[1]!
  groups[count + 1] = parts[2]! * 256 + parts[3]!
  return true
}

/** Puts zeros where `::` stood. */
function spread(count: number, gap: number): boolean {
  if (gap < 0) return count === 8
  if (count === 8) return false
  const behind = count - gap
  groups.copyWithin(8 - behind, gap, count)
  groups.fill(0, gap, 8 - behind)
  return true
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
