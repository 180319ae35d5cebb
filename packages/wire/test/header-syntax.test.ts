import { describe, expect, it } from 'vitest'
import { isFieldValue, isToken } from '../src/index.ts'

describe('isToken', () => {
  it.each(['a', 'X-Request-Id', "!#$%&'*+-.^_`|~09azAZ", '__proto__'])('takes %j', (text) => {
    expect(isToken(text)).toBe(true)
  })

  it.each(['', ' ', 'a b', 'a:', 'a\r', 'a\n', 'a\0', 'a\t', 'a(', 'a/b', 'a"', 'é', '\u212A', 'a,b', 'a;b', 'a=b'])(
    'refuses %j',
    (text) => {
      expect(isToken(text)).toBe(false)
    },
  )
})

describe('isFieldValue', () => {
  it('takes exactly tab, visible ASCII, space and 80 to FF', () => {
    for (let code = 0; code <= 0x2ff; code++) {
      const allowed = code === 9 || (code >= 0x20 && code <= 0x7e) || (code >= 0x80 && code <= 0xff)
      expect(isFieldValue(`a${String.fromCharCode(code)}b`), `U+${code.toString(16)}`).toBe(allowed)
    }
    expect(isFieldValue('')).toBe(true)
  })

  it('refuses what becomes CR or LF when it is written as latin1', () => {
    for (const text of ['\u010a', '\u010d', '\u560a', '\ud83d\ude00']) expect(isFieldValue(text)).toBe(false)
  })
})
