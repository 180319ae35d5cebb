/** IPv4 addresses as numbers, and ranges of them (RFC 4632). */

/** Both ends belong to it. */
export class Range {
  constructor(
    readonly first: u32,
    readonly last: u32,
  ) {}
}

/** `192.0.2.1`, also as it appears within IPv6 (`::ffff:192.0.2.1`); -1 for all else. */
export function parseAddress(text: string): i64 {
  let address: i64 = 0
  let part = 0
  let digits = 0
  let dots = 0
  for (let i = text.startsWith('::ffff:') ? 7 : 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code == 0x2e) {
      if (digits == 0 || ++dots > 3) return -1
      address = (address << 8) | part
      part = digits = 0
    } else if (code >= 0x30 && code <= 0x39) {
      part = part * 10 + code - 0x30
      if (++digits > 3 || part > 255) return -1
    } else return -1
  }
  return dots == 3 && digits > 0 ? (address << 8) | part : -1
}

/** `192.0.2.0/24`. The bits behind the prefix are 0. */
export function parseRange(text: string): Range | null {
  const slash = text.indexOf('/')
  if (slash < 0) return null
  const first = parseAddress(text.substring(0, slash))
  const length = parseInt(text.substring(slash + 1))
  if (first < 0 || !(length >= 0 && length <= 32)) return null
  const rest: i64 = ((<i64>1) << (32 - <i64>length)) - 1
  return (first & rest) == 0 ? new Range(<u32>first, <u32>(first | rest)) : null
}
