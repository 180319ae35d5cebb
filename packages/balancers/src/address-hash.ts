/**
 * Hashes of IP addresses by prefix, without building one. A client with IPv6 owns a /64 at least and changes the rest as
 * it likes (RFC 8981), so what is meant to stay with a client goes by the prefix.
 */
import { finish, hashText, mixIn } from './murmur3.ts'

/** The eight groups of the address that was parsed last; an IPv4 address stands in the last two. */
const groups = new Uint16Array(8)

/** The hash of an address, in any of its spellings, cut to a prefix. What is no address is hashed as the text it is. */
export function hashAddress(address: string, ipv4Bits: number, ipv6Bits: number, seed: number): number {
  groups.fill(0)
  if (parseIpv4(address, 0, 6) || (parseIpv6(address) && isMapped())) {
    return finish(mixIn(seed, ((groups[6]! << 16) | groups[7]!) & mask(ipv4Bits)))
  }
  if (!address.includes(':')) return hashText(address, 0, address.length, seed)
  let hash = seed
  for (let word = 0; word < 4; word++) {
    const bits = Math.min(32, Math.max(0, ipv6Bits - 32 * word))
    hash = mixIn(hash, ((groups[2 * word]! << 16) | groups[2 * word + 1]!) & mask(bits))
  }
  return finish(hash ^ 16)
}

/** The upper bits of a word; a shift by 32 would be one by 0. */
function mask(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits)
}

/** Dotted decimals from `start` to the end, into two groups. */
function parseIpv4(text: string, start: number, at: number): boolean {
  let word = 0
  let byte = -1
  let dots = 0
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) {
      byte = (byte < 0 ? 0 : byte) * 10 + code - 48
      if (byte > 255) return false
    } else if (code === 46 && byte >= 0 && dots < 3) {
      word = (word << 8) | byte
      byte = -1
      dots++
    } else return false
  }
  if (dots !== 3 || byte < 0) return false
  groups[at] = word >>> 8
  groups[at + 1] = (word << 8) | byte
  return true
}

/** RFC 4291, section 2.2. Malformed ones have a hash as well: listeners hand on only well-formed ones. */
function parseIpv6(text: string): boolean {
  groups.fill(0)
  const zone = text.indexOf('%')
  const end = zone < 0 ? text.length : zone
  let count = 0
  let gap = -1
  for (let i = 0; i < end && count < 8;) {
    if (text.charCodeAt(i) === 58) {
      if (i + 1 < end && text.charCodeAt(i + 1) === 58) {
        gap = count
        i++
      }
      i++
      continue
    }
    let stop = text.indexOf(':', i)
    if (stop < 0 || stop > end) stop = end
    if (count < 7 && stop === end && text.includes('.', i) && parseIpv4(text, i, count)) count += 2
    else groups[count++] = hexadecimal(text, i, stop)
    i = stop
  }
  if (count === 0 && gap < 0) return false
  if (gap >= 0) moveToEnd(gap, count)
  return true
}

function hexadecimal(text: string, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    value = (value << 4) | ((code & 15) + (code > 57 ? 9 : 0))
  }
  return value
}

/** What follows the `::` belongs at the end. */
function moveToEnd(gap: number, count: number): void {
  for (let i = 1; i <= count - gap; i++) {
    groups[8 - i] = groups[count - i]!
    if (count - i < 8 - i) groups[count - i] = 0
  }
}

/** `::ffff:192.0.2.1` is the IPv4 address in it. */
function isMapped(): boolean {
  return groups[5] === 0xffff && (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0
}
