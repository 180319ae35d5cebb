/** Character classes as tables: one array read decides what a regular expression would take a call for. */

/** 1 where the code may stand in a token (RFC 9110, section 5.6.2). */
export const TOKEN: Uint8Array = tableOf(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
)

/**
 * 1 where the code may stand in a method: a token without lower-case letters. Methods are case-sensitive (RFC 9110, section
 * 9.1); `get` is no method that anybody defines, and is GET to some and unknown to others.
 */
export const METHOD: Uint8Array = tableOf("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

/** 1 where the code may stand in a field value: visible, space, tab, or beyond ASCII (RFC 9110, section 5.5). */
export const FIELD_VALUE: Uint8Array = rangesOf([0x09, 0x09], [0x20, 0x7e], [0x80, 0xff])

/** 1 where the code may stand in a request target: visible ASCII (RFC 9112, section 3.2). */
export const TARGET: Uint8Array = rangesOf([0x21, 0x7e])

/** The value of a hexadecimal digit, or 255. */
export const HEX_VALUE: Uint8Array = hexTable()

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const EQUALS = 0x3d
export const QUOTE = 0x22
export const BACKSLASH = 0x5c

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}

function rangesOf(...ranges: readonly (readonly [from: number, to: number])[]): Uint8Array {
  const table = new Uint8Array(256)
  for (const [from, to] of ranges) table.fill(1, from, to + 1)
  return table
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255)
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16)
    table[digit.charCodeAt(0)] = value
    table[digit.toUpperCase().charCodeAt(0)] = value
  }
  return table
}
