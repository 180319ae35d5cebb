/**
 * Hashes of IP addresses by prefix, without building one. A client with IPv6 owns a /64 at least and changes the rest as
 * it likes (RFC 8981), so what is meant to stay with a client goes by the prefix.
 */
import { finish, hashText, mixIn } from './murmur3.ts'

/** The eight groups of the IPv6 address that was parsed last. */
const groups = new Uint16Array(8)

/** What is no IPv4 address: those are whole numbers of 32 bits with a sign, which V8 keeps without a box. */
const NONE = 2 ** 32

/** The hash of an address, in any of its spellings, cut to a prefix. What is no address is hashed as the text it is. */
export function hashAddress(address: string, ipv4Bits: number, ipv6Bits: number, seed: number): number {
  const dotted = parseIpv4(address, 0)
  if (dotted !== NONE) return hashIpv4(dotted, ipv4Bits, seed)
  if (!parseIpv6(address)) return hashText(address, 0, address.length, seed)
  if (isMapped()) return hashIpv4((groups[6]! << 16) | groups[7]!, ipv4Bits, seed)
  let hash = seed
  for (let word = 0; word < 4; word++) {
    const bits = Math.min(32, Math.max(0, ipv6Bits - 32 * word))
    hash = mixIn(hash, ((groups[2 * word]! << 16) | groups[2 * word + 1]!) & mask(bits))
  }
  return finish(hash ^ 16)
}

function hashIpv4(address: number, bits: number, seed: number): number {
  return finish(mixIn(seed, address & mask(bits)))
}

/** The upper bits of a word; a shift by 32 would be one by 0. */
function mask(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits)
}

/** Dotted decimals from `start` to the end. */
function parseIpv4(text: string, start: number): number {
  let word = 0
  let byte = -1
  let dots = 0
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) {
      byte = (byte < 0 ? 0 : byte) * 10 + code - 48
      if (byte > 255) return NONE
    } else if (code === 46 && byte >= 0 && dots < 3) {
      word = (word << 8) | byte
      byte = -1
      dots++
    } else return NONE
  }
  return dots === 3 && byte >= 0 ? (word << 8) | byte : NONE
}

/**
 * RFC 4291, section 2.2, in one pass. What is in front of a zone (`%`) counts. Malformed ones have a hash as well: listeners
 * hand on only well-formed ones. `false` where there is no colon in it.
 */
function parseIpv6(text: string): boolean {
  let count = 0
  let gap = -1
  let colons = 0
  let start = 0
  let value = 0
  for (let i = 0; ; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 37
    if (code === 58) {
      colons++
      if (i > start && count < 8) groups[count++] = value
      else if (i === start && i > 0) gap = count
      start = i + 1
      value = 0
    } else if (code === 37) {
      if (i > start && count < 8) groups[count++] = value
      break
    } else if (code === 46) {
      const dotted = count < 7 ? parseIpv4(text, start) : NONE
      if (dotted !== NONE) {
        groups[count++] = dotted >>> 16
        groups[count++] = dotted
      }
      break
    } else value = (value << 4) | ((code & 15) + (code > 57 ? 9 : 0))
  }
  if (colons === 0) return false
  moveToEnd(gap < 0 ? count : gap, count)
  return true
}

/** What follows the `::` belongs at the end, and what is between is 0. */
function moveToEnd(gap: number, count: number): void {
  for (let i = 7; i >= gap; i--) {
    const from = i - 8 + count
    groups[i] = from >= gap ? groups[from]! : 0
  }
}

/** `::ffff:192.0.2.1` is the IPv4 address in it. */
function isMapped(): boolean {
  return groups[5] === 0xffff && (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0
}
