import { describe, expect, it } from 'vitest'
import { HeadReader } from '../../src/http1/head-reader.ts'
import { MessageError } from '../../src/http1/message-error.ts'

/** Runs `act`; returns how many bytes it has read by index, copied or decoded, in buffers made meanwhile as well. */
function touchedBy(act: (counted: (bytes: Buffer) => Buffer) => void): number {
  let touched = 0
  const originals = new WeakMap<object, Buffer>()
  const methods = {
    copy: (of: Buffer, to: Buffer, ...rest: number[]) => {
      const copied = of.copy(originals.get(to) ?? to, ...rest)
      touched += copied
      return copied
    },
    latin1Slice: (of: Buffer, from: number, to: number) => {
      touched += to - from
      return of.toString('latin1', from, to)
    },
  }
  const counted = (bytes: Buffer): Buffer => {
    const proxy = new Proxy(bytes, {
      get(of, key) {
        if (typeof key === 'string' && /^[0-9]+$/.test(key)) touched++
        if (key === 'copy' || key === 'latin1Slice')
          return (methods[key] as (...all: unknown[]) => unknown).bind(undefined, of)
        return Reflect.get(of, key, of) as unknown
      },
    })
    originals.set(proxy, bytes)
    return proxy
  }
  const { allocUnsafe } = Buffer
  Buffer.allocUnsafe = ((size: number) => counted(allocUnsafe(size))) as typeof Buffer.allocUnsafe
  try {
    act(counted)
  } finally {
    Buffer.allocUnsafe = allocUnsafe
  }
  return touched
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
    const work = (text: string): number =>
      touchedBy((counted) => {
        const reader = new HeadReader(65_536)
        const bytes = counted(Buffer.from(text, 'latin1'))
        for (let at = 0; at < text.length; at++) reader.read(bytes, at, at + 1)
        expect(reader.text).toBe(text)
      })
    expect(work(LARGE)).toBeLessThan(12 * LARGE.length)
    expect(work(LARGE)).toBeGreaterThan(LARGE.length)
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
