/**
 * IP addresses as bits, read in one pass without an allocation: it is done for each request that a rule on addresses looks at.
 * As strict as `net.isIP`: what it refuses (`010.0.0.1`, `1.2.3`, `::1::`) is refused here.
 */

/** Room for one address: 32 bits in each place, the most significant first. */
export type AddressWords = Uint32Array

const MAPPED_PREFIX = 0xffff

/**
 * Reads an address into `words`; gives 4, with the address in the first place, 6, or 0 for what is no address. IPv4-mapped
 * IPv6 (RFC 4291, section 2.5.5.2) is IPv4. A zone (`fe80::1%eth0`) is passed over.
 */
export function readAddress(text: string, words: AddressWords): 0 | 4 | 6 {
  if (!text.includes(':')) {
    const address = readDotted(text, 0, text.length)
    if (address < 0) return 0
    words[0] = address
    return 4
  }
  if (!readGroups(text, words)) return 0
  if (words[0] !== 0 || words[1] !== 0 || words[2] !== MAPPED_PREFIX) return 6
  words[0] = words[3]!
  return 4
}

/** Four numbers of at most 255 without leading zeros, as one of 32 bits; below 0 for anything else. */
function readDotted(text: string, from: number, to: number): number {
  let address = 0
  let number = -1
  let dots = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit >= 0 && digit <= 9) {
      if (number === 0) return -1
      number = number < 0 ? digit : number * 10 + digit
      if (number > 255) return -1
    } else {
      if (digit !== DOT || number < 0 || ++dots > 3) return -1
      address = address * 256 + number
      number = -1
    }
  }
  return dots === 3 && number >= 0 ? address * 256 + number : -1
}

const DOT = 0x2e - 0x30

/** Eight groups of 16 bits in hexadecimal; one run of zeros may be `::`, and the last two may be written as IPv4. */
function readGroups(text: string, words: AddressWords): boolean {
  const zone = text.indexOf('%')
  const end = zone < 0 ? text.length : zone
  // A zone has to have a name.
  if (zone === text.length - 1) return false
  let count = 0
  /** Where `::` stood. */
  let gap = -1
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  let start = i
  let group = 0
  for (; i < end; i++) {
    const code = text.charCodeAt(i)
    // A digit in most cases: the table has nothing for whatever is none.
    const digit = code < 128 ? DIGITS[code]! : -1
    if (digit >= 0) {
      group = (group << 4) | digit
      continue
    }
    if (code === DOT + 0x30) {
      const address = count <= 6 ? readDotted(text, start, end) : -1
      if (address < 0) return false
      groups[count++] = address >>> 16
      groups[count++] = address
      start = end
      break
    }
    if (code !== COLON || i === start || i - start > 4 || count === 8) return false
    groups[count++] = group
    group = 0
    if (text.charCodeAt(i + 1) === COLON && i + 1 < end) {
      if (gap >= 0) return false
      gap = count
      i++
    } else if (i + 1 === end) return false
    start = i + 1
  }
  if (start < end) {
    if (end - start > 4 || count === 8) return false
    groups[count++] = group
  }
  if (gap < 0 ? count < 8 : count === 8) return false
  if (gap >= 0) spread(gap, count)
  for (let word = 0; word < 4; word++) words[word] = (groups[2 * word]! << 16) | groups[2 * word + 1]!
  return true
}

const COLON = 0x3a
/** By the code of a character: its value as a hexadecimal digit. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()),
)
/** Between reading them and putting them together. */
const groups = new Uint16Array(8)

/** Moves what stood behind `::` to the end, and puts zeros in between. */
function spread(gap: number, count: number): void {
  let to = 7
  for (let from = count - 1; from >= gap; from--) groups[to--] = groups[from]!
  while (to >= gap) groups[to--] = 0
}
