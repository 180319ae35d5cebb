/** What personal data looks like in the middle of a text: e-mail addresses, and numbers of payment cards (ISO/IEC 7812). */

/** Finds one after the other. It looks at each byte a few times at most, whatever the text is. */
@final
export class PersonalData {
  /** Where the last one was found. */
  start: i32 = 0
  end: i32 = 0

  /** Whether there is one between two offsets. */
  find(at: usize, from: i32, to: i32): bool {
    for (let i = from; i < to; i++) {
      const byte = load<u8>(at + i)
      if (byte == 0x40) {
        if (this.isAddress(at, from, i, to)) return true
      } else if (isDigit(byte)) {
        if (this.isCardNumber(at, i, to)) return true
        // Not again with the digits behind it: those of a longer number are none of a card.
        i = this.end - 1
      }
    }
    return false
  }

  /** `sign` is where an `@` stands. */
  private isAddress(at: usize, from: i32, sign: i32, to: i32): bool {
    let start = sign
    while (start > from && isLocalPart(load<u8>(at + start - 1))) start--
    let end = sign + 1
    let lastDot = -1
    while (end < to && isDomain(load<u8>(at + end))) {
      if (load<u8>(at + end) == 0x2e) lastDot = end
      end++
    }
    // A full stop behind it belongs to the sentence.
    if (lastDot == end - 1) {
      end--
      lastDot = end - 1
      while (lastDot > sign && load<u8>(at + lastDot) != 0x2e) lastDot--
    }
    if (start == sign || lastDot <= sign + 1 || end - lastDot < 3) return false
    this.start = start
    this.end = end
    return true
  }

  /** 13 to 19 digits, in groups or not, with a right check digit. Leaves `end` behind the digits in any case. */
  private isCardNumber(at: usize, start: i32, to: i32): bool {
    let digits = 0
    let end = start
    // Luhn: every second digit counts twice, from the right. Both ways of counting are kept, until the end says which it was.
    let even = 0
    let odd = 0
    for (let i = start; i < to; i++) {
      const byte = load<u8>(at + i)
      if (isDigit(byte)) {
        const digit = <i32>byte - 0x30
        const doubled = digit < 5 ? digit * 2 : digit * 2 - 9
        const sum = even + digit
        even = odd + doubled
        odd = sum
        digits++
        end = i + 1
      } else if ((byte != 0x20 && byte != 0x2d) || end != i) break
    }
    this.start = start
    this.end = end
    return digits >= 13 && digits <= 19 && odd % 10 == 0
  }
}

function isDigit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39
}

function isLocalPart(byte: u8): bool {
  return isDomain(byte) || byte == 0x2b || byte == 0x5f || byte == 0x25 || byte == 0x27
}

/** Letters of other scripts come as bytes from 0x80 on. */
function isDomain(byte: u8): bool {
  const lower = byte | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || isDigit(byte) || byte == 0x2d || byte == 0x2e || byte >= 0x80
}
