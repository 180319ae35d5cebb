/** The header of the PROXY protocol as bytes: what is one, what is not, and what is not yet one. */
import { assert as check, constant, integer, ipV4, ipV6, oneof, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ProxyHeader, ProxyHeaderError, readProxyHeader } from '../../src/proxy-protocol/proxy-header.ts'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

function v2(command: number, family: number, block: Uint8Array, size: number = block.byteLength): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, size >> 8, size & 0xff), block])
}

const TCP4 = Buffer.from('01020304 05060708 3039 01bb'.replaceAll(' ', ''), 'hex')
const TCP6 = Buffer.concat([
  Buffer.from(`20010db8${'0'.repeat(22)}07fe80${'0'.repeat(28)}`, 'hex'),
  Buffer.of(0, 80, 1, 187),
])

const read = (bytes: string | Buffer): ProxyHeader | undefined =>
  readProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)

describe('version 1', () => {
  it.each([
    ['PROXY TCP4 1.2.3.4 5.6.7.8 12345 443\r\n', { address: '1.2.3.4', port: 12_345 }],
    ['PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n', { address: '0.0.0.0', port: 0 }],
    ['PROXY TCP6 2001:db8::7 ::1 1 2\r\n', { address: '2001:db8::7', port: 1 }],
    ['PROXY TCP6 ::ffff:9.8.7.6 ::1 1 2\r\n', { address: '9.8.7.6', port: 1 }],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff:f...f:ffff whatever 1 2 3\r\n', undefined],
  ])('%j', (line, source) => {
    expect(read(line)).toEqual({ length: line.length, source })
    expect(read(`${line}GET / HTTP/1.1\r\n`)).toEqual({ length: line.length, source })
    for (let i = 0; i < line.length; i++) expect(read(line.slice(0, i))).toBeUndefined()
  })

  it.each([
    'GET / HTTP/1.1\r\n',
    'PROXZ',
    'proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1e3 2\r\n',
    'PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4 x 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    'PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY \r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r\n',
    `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`,
    `PROXY UNKNOWN ${'x'.repeat(93)}`,
  ])('refuses %j', (line) => {
    expect(() => read(line)).toThrow(ProxyHeaderError)
  })

  it('may be as long as 107 bytes, and no longer', () => {
    const longest = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`
    expect(longest).toHaveLength(107)
    expect(read(longest)).toEqual({ length: 107, source: undefined })
    expect(read('PROXY UNKNOWN '.padEnd(106, 'x'))).toBeUndefined()
    expect(() => read('PROXY UNKNOWN '.padEnd(107, 'x'))).toThrow(ProxyHeaderError)
  })
})

describe('version 2', () => {
  const extension = Buffer.from('04000401020304', 'hex')

  it.each<[string, Buffer, ProxyHeader['source']]>([
    ['TCP over IPv4', v2(0x21, 0x11, TCP4), { address: '1.2.3.4', port: 12_345 }],
    ['TCP over IPv6', v2(0x21, 0x21, TCP6), { address: '2001:db8::7', port: 80 }],
    [
      'extensions behind the addresses',
      v2(0x21, 0x11, Buffer.concat([TCP4, extension])),
      { address: '1.2.3.4', port: 12_345 },
    ],
    ['a Unix socket', v2(0x21, 0x31, Buffer.alloc(216)), undefined],
    ['what is unspecified', v2(0x21, 0x00, extension), undefined],
    ['the sender itself', v2(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['the sender itself, with addresses', v2(0x20, 0x11, TCP4), undefined],
    ['the sender itself, with whatever', v2(0x20, 0x99, Buffer.alloc(3)), undefined],
  ])('knows %s', (_what, bytes, source) => {
    expect(read(bytes)).toEqual({ length: bytes.byteLength, source })
    expect(read(Buffer.concat([bytes, Buffer.from('GET /')]))).toEqual({ length: bytes.byteLength, source })
    for (let i = 0; i < bytes.byteLength; i++) expect(read(bytes.subarray(0, i))).toBeUndefined()
  })

  it.each<[string, Buffer]>([
    ['another signature', Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.of(0)])],
    ['version 1 in its place', v2(0x11, 0x11, TCP4)],
    ['an unknown command', v2(0x22, 0x11, TCP4)],
    ['datagrams', v2(0x21, 0x12, TCP4)],
    ['an unknown family', v2(0x21, 0x41, TCP4)],
    ['a family without a transport', v2(0x21, 0x10, TCP4)],
    ['addresses that are too short', v2(0x21, 0x11, TCP4.subarray(1))],
    ['addresses of the other family', v2(0x21, 0x21, TCP4)],
    ['a Unix path that is too short', v2(0x21, 0x31, Buffer.alloc(215))],
    ['a length beyond the limit, before it has come', v2(0x21, 0x11, TCP4, 16_385)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => read(bytes)).toThrow(ProxyHeaderError)
  })

  it('takes extensions up to the limit', () => {
    const bytes = v2(0x21, 0x11, Buffer.concat([TCP4, Buffer.alloc(16_384 - TCP4.byteLength)]))
    expect(read(bytes)?.length).toBe(16_400)
  })
})

describe('whatever comes', () => {
  it('an address goes in and comes out', () => {
    const port = integer({ min: 0, max: 65_535 })
    check(
      property(ipV4(), ipV4(), port, port, (from, to, fromPort, toPort) => {
        const header = read(`PROXY TCP4 ${from} ${to} ${fromPort} ${toPort}\r\n`)
        expect(header?.source).toEqual({ address: from, port: fromPort })
      }),
    )
    check(
      property(uint8Array({ minLength: 36, maxLength: 36 }), (block) => {
        const { address, port: found } = read(v2(0x21, 0x21, block))!.source!
        expect(found).toBe((block[32]! << 8) | block[33]!)
        // The text names the same address, in the form that URLs have.
        const groups = Array.from({ length: 8 }, (_, i) => ((block[2 * i]! << 8) | block[2 * i + 1]!).toString(16))
        const isMapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff'
        expect(`[${isMapped ? `::ffff:${address}` : address}]`).toBe(new URL(`http://[${groups.join(':')}]`).hostname)
      }),
    )
    check(
      property(ipV6(), (from) => {
        expect(read(`PROXY TCP6 ${from} ::1 1 2\r\n`)?.source?.port).toBe(1)
      }),
    )
  })

  it('bytes are a header, none yet, or none: never anything else, and more of them change no answer', () => {
    const bytes = uint8Array({ maxLength: 300 })
    const beginnings = oneof(
      constant(Buffer.alloc(0)),
      constant(Buffer.from('PROXY TCP4 1.2.3.4 ')),
      constant(Buffer.from('PROXY UNKNOWN')),
      constant(SIGNATURE),
      constant(v2(0x21, 0x11, TCP4).subarray(0, 14)),
    )
    check(
      property(beginnings, bytes, bytes, (beginning, rest, more) => {
        const first = Buffer.concat([beginning, rest])
        const outcome = outcomeOf(first)
        if (outcome === undefined) return
        expect(outcomeOf(Buffer.concat([first, more]))).toEqual(outcome)
        if (typeof outcome === 'object') expect(outcome.length).toBeLessThanOrEqual(first.byteLength)
      }),
      { numRuns: 2_000 },
    )
  })
})

function outcomeOf(bytes: Buffer): ProxyHeader | undefined | 'refused' {
  try {
    return readProxyHeader(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(ProxyHeaderError)
    return 'refused'
  }
}
