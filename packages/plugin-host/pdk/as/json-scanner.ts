/**
 * JSON (RFC 8259) token by token, over bytes and without garbage: for bodies of which only parts are of interest. It sees to the
 * structure, also of what the plugin does not look at; that numbers and escapes are as the RFC wants them, it takes on trust.
 */

export const JSON_END: i32 = 0
/** What is there is no JSON, or is nested too deeply. Nothing comes after that. */
export const JSON_ERROR: i32 = 1
export const JSON_OBJECT: i32 = 2
export const JSON_OBJECT_END: i32 = 3
export const JSON_ARRAY: i32 = 4
export const JSON_ARRAY_END: i32 = 5
export const JSON_KEY: i32 = 6
export const JSON_STRING: i32 = 7
export const JSON_NUMBER: i32 = 8
/** `true`, `false` or `null`. */
export const JSON_LITERAL: i32 = 9

const MAX_DEPTH: i32 = 256

const VALUE: i32 = 0
const VALUE_OR_END: i32 = 1
const KEY: i32 = 2
const KEY_OR_END: i32 = 3
const COMMA_OR_END: i32 = 4
const NOTHING: i32 = 5

/** Call `next` until it gives `JSON_END` or `JSON_ERROR`. */
@final
export class JsonScanner {
  /** Offset of the token; of keys and strings, of what is between the quotes. */
  start: i32 = 0
  /** Offset behind it. */
  end: i32 = 0
  /** Whether the key or string has a backslash. */
  hasEscapes: bool = false
  /** How many objects and arrays are open. */
  depth: i32 = 0
  /** For each that is open: is it an object? */
  private stack: StaticArray<bool> = new StaticArray<bool>(MAX_DEPTH)
  private expected: i32 = VALUE
  private offset: i32 = 0

  constructor(
    /** Address of the bytes, which stay where they are. */
    readonly at: usize,
    readonly length: i32,
  ) {}

  next(): i32 {
    let byte = this.skipSpace()
    if (byte == 0x2c && this.expected == COMMA_OR_END) {
      this.offset++
      this.expected = this.stack[this.depth - 1] ? KEY : VALUE
      byte = this.skipSpace()
    } else if (this.expected == COMMA_OR_END && byte != 0x7d && byte != 0x5d) {
      return this.fail()
    }
    if (byte < 0) return this.expected == NOTHING ? JSON_END : this.fail()
    if (this.expected == NOTHING) return this.fail()
    this.start = this.offset
    if (byte == 0x22) return this.text()
    if (byte == 0x7d || byte == 0x5d) return this.close(byte == 0x7d)
    if (this.expected == KEY || this.expected == KEY_OR_END) return this.fail()
    if (byte == 0x7b) return this.open(true)
    if (byte == 0x5b) return this.open(false)
    if (byte == 0x2d || (byte >= 0x30 && byte <= 0x39)) return this.number()
    if (byte == 0x74) return this.literal(0x65757274, 4)
    if (byte == 0x6e) return this.literal(0x6c6c756e, 4)
    // Four of the five: the `f` was seen.
    if (byte == 0x66) {
      this.offset++
      return this.literal(0x65736c61, 4)
    }
    return this.fail()
  }

  private skipSpace(): i32 {
    while (this.offset < this.length) {
      const byte: i32 = load<u8>(this.at + this.offset)
      if (byte != 0x20 && byte != 0x0a && byte != 0x0d && byte != 0x09) return byte
      this.offset++
    }
    return -1
  }

  private open(isObject: bool): i32 {
    if (this.depth == MAX_DEPTH) return this.fail()
    this.stack[this.depth++] = isObject
    this.expected = isObject ? KEY_OR_END : VALUE_OR_END
    this.end = ++this.offset
    return isObject ? JSON_OBJECT : JSON_ARRAY
  }

  private close(isObject: bool): i32 {
    const mayEnd = isObject ? KEY_OR_END : VALUE_OR_END
    if (this.depth == 0 || this.stack[this.depth - 1] != isObject) return this.fail()
    if (this.expected != COMMA_OR_END && this.expected != mayEnd) return this.fail()
    this.depth--
    this.end = ++this.offset
    this.valueEnded()
    return isObject ? JSON_OBJECT_END : JSON_ARRAY_END
  }

  private text(): i32 {
    const isKey = this.expected == KEY || this.expected == KEY_OR_END
    let i = this.offset + 1
    this.start = i
    this.hasEscapes = false
    for (; ; i++) {
      if (i >= this.length) return this.fail()
      const byte = load<u8>(this.at + i)
      if (byte == 0x22) break
      if (byte < 0x20) return this.fail()
      if (byte == 0x5c) {
        this.hasEscapes = true
        i++
      }
    }
    this.end = i
    this.offset = i + 1
    if (!isKey) {
      this.valueEnded()
      return JSON_STRING
    }
    if (this.skipSpace() != 0x3a) return this.fail()
    this.offset++
    this.expected = VALUE
    return JSON_KEY
  }

  private number(): i32 {
    let i = this.offset + 1
    for (; i < this.length; i++) {
      const byte = load<u8>(this.at + i)
      const isPart =
        (byte >= 0x30 && byte <= 0x39) || byte == 0x2e || (byte | 0x20) == 0x65 || byte == 0x2b || byte == 0x2d
      if (!isPart) break
    }
    this.end = this.offset = i
    this.valueEnded()
    return JSON_NUMBER
  }

  private literal(letters: u32, length: i32): i32 {
    if (this.offset + length > this.length || load<u32>(this.at + this.offset) != letters) return this.fail()
    this.end = this.offset += length
    this.valueEnded()
    return JSON_LITERAL
  }

  private valueEnded(): void {
    this.expected = this.depth == 0 ? NOTHING : COMMA_OR_END
  }

  private fail(): i32 {
    this.offset = this.length
    this.expected = COMMA_OR_END
    return JSON_ERROR
  }
}

/** What stands between two quotes, as text. */
export function jsonText(at: usize, length: i32, hasEscapes: bool): string {
  const raw = String.UTF8.decodeUnsafe(at, length)
  return hasEscapes ? unescape(raw) : raw
}

function unescape(raw: string): string {
  let text = ''
  let from = 0
  for (let i = raw.indexOf('\\'); i >= 0; i = raw.indexOf('\\', from)) {
    text += raw.substring(from, i)
    const code = raw.charCodeAt(i + 1)
    from = i + 2
    if (code == 0x75) {
      text += String.fromCharCode(<i32>parseInt(raw.substring(from, from + 4), 16))
      from += 4
    } else if (code == 0x6e) text += '\n'
    else if (code == 0x74) text += '\t'
    else if (code == 0x72) text += '\r'
    else if (code == 0x62) text += '\b'
    else if (code == 0x66) text += '\f'
    else text += raw.charAt(i + 1)
  }
  return text + raw.substring(from)
}

/** Text as it has to stand between quotes. */
export function escapeJson(text: string): string {
  let escaped = ''
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x20 && code != 0x22 && code != 0x5c) continue
    escaped += text.substring(from, i)
    escaped += code < 0x20 ? '\\u00' + (code < 16 ? '0' : '') + code.toString(16) : '\\' + text.charAt(i)
    from = i + 1
  }
  return from == 0 ? text : escaped + text.substring(from)
}
