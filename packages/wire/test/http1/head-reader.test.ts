import { describe, expect, it } from 'vitest'
import { HeadReader } from '../../src/http1/head-reader.ts'
import { MessageError } from '../../src/http1/message-error.ts'

/** A buffer that counts how many of its bytes are read by index, and copied. */
function counting(bytes: Buffer): { bytes: Buffer; touched: () => number } {
  let touched = 0
  const proxied = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && /^[0-9]+$/.test(key)) touched++
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { bytes: proxied, touched: () => touched }
}

function drip(reader: HeadReader, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const behind = reader.read(Buffer.from(text[i]!, 'latin1'), 0, 1)
    if (behind >= 0) return i
  }
  return -1
}

const LARGE = `GET / HTTP/1.1\r\n${'X-Padding: 0123456789012345678901234567890123456789\r\n'.repeat(300)}\r\n`

describe('a head that comes byte by byte', () => {
  it('is found at its last byte, and is what was sent', () => {
    const reader = new HeadReader(65_536)
    expect(drip(reader, LARGE)).toBe(LARGE.length - 1)
    expect(reader.text.slice(0, reader.end)).toBe(LARGE.slice(0, -2))
    expect(reader.isPartial).toBe(false)
  })

  it('costs work in proportion to its bytes', () => {
    // Bytes that are copied into what was gathered, or decoded: all that a large head could make expensive.
    const work = (text: string): number => {
      let bytes = 0
      const { copy, toString } = Buffer.prototype
      Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<Buffer['copy']>) {
        const copied = copy.apply(this, args)
        bytes += copied
        return copied
      }
      Buffer.prototype.toString = function (this: Buffer, ...args: Parameters<Buffer['toString']>) {
        const decoded = toString.apply(this, args)
        bytes += decoded.length
        return decoded
      }
      try {
        drip(new HeadReader(65_536), text)
      } finally {
        Buffer.prototype.copy = copy
        Buffer.prototype.toString = toString
      }
      return bytes
    }
    expect(work(LARGE)).toBeLessThan(6 * LARGE.length)
  })

  it('is looked at once more at most, wherever its bytes are', () => {
    const { bytes, touched } = counting(Buffer.from(LARGE, 'latin1'))
    const reader = new HeadReader(65_536)
    for (let at = 0; at < LARGE.length; at++) reader.read(bytes, at, at + 1)
    expect(touched()).toBeLessThan(3 * LARGE.length)
  })
})

describe('a head that can not become one', () => {
  const faultOf = (read: () => void): string => {
    try {
      read()
    } catch (error) {
      if (error instanceof MessageError) return error.fault
    }
    return 'none'
  }

  it.each([
    ['at its first line', 'GET / HTTP/1.1\n'],
    ['at a later line', 'GET / HTTP/1.1\r\nHost: a\n'],
    ['at its first byte', '\n'],
  ])('is refused for LF alone, %s, before the rest has come', (_where, text) => {
    expect(faultOf(() => drip(new HeadReader(1_000, { skipsEmptyLine: true }), text))).toBe('malformed')
    expect(faultOf(() => new HeadReader(1_000, { skipsEmptyLine: true }).read(Buffer.from(text), 0, text.length))).toBe(
      'malformed',
    )
  })

  it('is refused once it is too large, not once it ends', () => {
    const endless = `GET / HTTP/1.1\r\nX: ${'x'.repeat(200)}`
    expect(faultOf(() => drip(new HeadReader(100), endless))).toBe('head-too-large')
    expect(faultOf(() => new HeadReader(100).read(Buffer.from(endless), 0, endless.length))).toBe('head-too-large')
  })

  it('is refused for a second empty line before it, which keeps nobody waiting', () => {
    const reader = new HeadReader(1_000, { skipsEmptyLine: true })
    expect(reader.read(Buffer.from('\r\n'), 0, 2)).toBe(-1)
    expect(reader.isPartial).toBe(true)
    expect(faultOf(() => reader.read(Buffer.from('\r'), 0, 1))).toBe('malformed')
  })
})

it('leaves what is behind a head alone', () => {
  const reader = new HeadReader(1_000)
  const first = Buffer.from('GET / HTTP/1.1\r\nHost: a\r')
  const second = Buffer.from('\n\r\n\n bare LF \n in a body')
  expect(reader.read(first, 0, first.length)).toBe(-1)
  expect(reader.read(second, 0, second.length)).toBe(3)
})
