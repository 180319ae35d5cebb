import { describe, expect, it } from 'vitest'
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts'
import { HpackEncoder } from '../../src/http2/hpack-encoder.ts'
import { decodeHuffman } from '../../src/http2/huffman.ts'
import { HeaderList } from '../../src/index.ts'

/** What a decoder makes of hexadecimal digits. */
function decode(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
  const got: string[] = []
  decoder.decode(bytes, 0, bytes.byteLength, {
    isFull: false,
    field: ({ text }, value) => void got.push(`${text}: ${value}`),
  })
  return got
}

/** The table of the examples in appendix C.5 and C.6 holds 256 bytes: said by the encoder, ahead of the first block. */
const SMALL_TABLE = '3fe101'

const REQUEST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']
const SECOND_REQUEST = [...REQUEST, 'cache-control: no-cache']
const THIRD_REQUEST = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  ':authority: www.example.com',
  'custom-key: custom-value',
]
const REPLY = [
  ':status: 302',
  'cache-control: private',
  'date: Mon, 21 Oct 2013 20:13:21 GMT',
  'location: https://www.example.com',
]
const SECOND_REPLY = [':status: 307', ...REPLY.slice(1)]
const THIRD_REPLY = [
  ':status: 200',
  'cache-control: private',
  'date: Mon, 21 Oct 2013 20:13:22 GMT',
  'location: https://www.example.com',
  'content-encoding: gzip',
  'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
]

describe('the examples of RFC 7541, appendix C', () => {
  it.each([
    ['C.2.1', '400a637573746f6d2d6b65790d637573746f6d2d686561646572', ['custom-key: custom-header']],
    ['C.2.2', '040c2f73616d706c652f70617468', [':path: /sample/path']],
    ['C.2.3', '100870617373776f726406736563726574', ['password: secret']],
    ['C.2.4', '82', [':method: GET']],
  ])('%s', (_name, hex, expected) => {
    expect(decode(new HpackDecoder(), hex)).toEqual(expected)
  })

  it.each([
    [
      'C.3, requests without Huffman coding',
      ['828684410f7777772e6578616d706c652e636f6d', '828684be58086e6f2d6361636865'],
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    [
      'C.4, requests with it',
      ['828684418cf1e3c2e5f23a6ba0ab90f4ff', '828684be5886a8eb10649cbf'],
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
  ])('%s', (_name, [first, second], third) => {
    const decoder = new HpackDecoder()
    expect(decode(decoder, first!)).toEqual(REQUEST)
    expect(decode(decoder, second!)).toEqual(SECOND_REQUEST)
    expect(decode(decoder, third)).toEqual(THIRD_REQUEST)
  })

  it.each([
    [
      'C.5, replies without Huffman coding, which push each other out',
      `4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      '4803333037c1c0bf',
      `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
    ],
    [
      'C.6, replies with it',
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
      '4883640effc1c0bf',
      `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
    ],
  ])('%s', (_name, first, second, third) => {
    const decoder = new HpackDecoder()
    expect(decode(decoder, SMALL_TABLE + first)).toEqual(REPLY)
    expect(decode(decoder, second)).toEqual(SECOND_REPLY)
    expect(decode(decoder, third)).toEqual(THIRD_REPLY)
  })
})

describe('what is no HPACK', () => {
  it.each([
    ['an index of nothing', '80'],
    ['an index behind the table', 'be'],
    ['a name by an index behind the table', '7e0161'],
    ['an integer without an end', 'ffffffffff'],
    ['an integer that is too large', 'ffffffffff7f'],
    ['an integer of zeros without an end', 'ff80808080808080808080808000'],
    ['a name that is cut', '400a6375'],
    ['a value that is missing', '0401'],
    ['nothing behind the name', '04'],
    ['a size within a block', '8220'],
    ['a size that is too large', '3fe21f'],
    ['padding of more than seven bits', '0482ffff'],
    ['padding that is not ones', '048118'],
    ['the end of Huffman’s code in a text', '0484ffffffff'],
  ])('is refused: %s', (_what, hex) => {
    expect(() => decode(new HpackDecoder(), hex)).toThrow(expect.objectContaining({ http2Code: 9 }) as Error)
  })

  it('a size that is said twice is not: the smaller, then the last', () => {
    const decoder = new HpackDecoder()
    expect(decode(decoder, '4001610162')).toEqual(['a: b'])
    expect(decode(decoder, '203fe11f4001630164be')).toEqual(['c: d', 'c: d'])
    expect(() => decode(decoder, 'bf')).toThrow('the index stands for nothing')
  })
})

it('a table holds what it may, and the oldest go first', () => {
  const decoder = new HpackDecoder()
  // 64 bytes: one entry of 34, not two.
  expect(decode(decoder, '3f2140016101624001630164be')).toEqual(['a: b', 'c: d', 'c: d'])
  expect(() => decode(decoder, 'bf')).toThrow('the index stands for nothing')
  // One that is too large empties it (RFC 7541, section 4.4).
  decode(decoder, `40016520${'61'.repeat(32)}`)
  expect(() => decode(decoder, 'be')).toThrow('the index stands for nothing')
})

describe('Huffman’s code', () => {
  // RFC 7541, appendix B: what no field of Node's can have, and what has the longest codes.
  it.each([
    [0x00, '1111111111000'],
    [0x01, '11111111111111111011000'],
    [0x02, '1111111111111111111111100010'],
    [0x09, '111111111111111111101010'],
    [0x0a, '111111111111111111111111111100'],
    [0x0d, '111111111111111111111111111101'],
    [0x16, '111111111111111111111111111110'],
    [0x17, '1111111111111111111111110011'],
    [0x1f, '1111111111111111111111111011'],
    [0x5c, '1111111111111110000'],
    [0x7f, '1111111111111111111111111100'],
    [0x80, '11111111111111100110'],
    [0xf9, '1111111111111111111111111110'],
    [0xff, '11111111111111111111101110'],
  ] as const)('has %i', (symbol, code) => {
    const bits = code.padEnd(Math.ceil(code.length / 8) * 8, '1')
    const bytes = Buffer.from(bits.match(/.{8}/g)!.map((each) => Number.parseInt(each, 2)))
    expect(decodeHuffman(bytes, 0, bytes.byteLength)).toBe(String.fromCharCode(symbol))
  })
})

describe('an encoder', () => {
  const fields = new HeaderList({ Via: '1.1 a', 'X-Custom': 'value', 'Set-Cookie': 'a=1' })
  const texts = [':status: 200', 'via: 1.1 a', 'x-custom: value', 'set-cookie: a=1']
  const hexOf = (block: string): string => Buffer.from(block, 'latin1').toString('hex')

  it('says the same again and again, and then in few bytes', () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
    const lengths: number[] = []
    for (let i = 0; i < 4; i++) {
      const block = encoder.reply(200, fields, undefined)
      lengths.push(block.length)
      expect(decode(decoder, hexOf(block))).toEqual(texts)
    }
    // Status, two indexes, and what is never indexed.
    expect(lengths[3]).toBe(3 + 'x '.length + 'xa=1'.length)
    expect(lengths[2]).toBe(lengths[3])
  })

  it('never puts into a table what is secret', () => {
    const encoder = new HpackEncoder()
    const secret = new HeaderList({ 'Set-Cookie': 'a=1', Authorization: 'b' })
    const first = encoder.reply(200, secret, undefined)
    for (let i = 0; i < 5; i++) expect(encoder.reply(200, secret, undefined)).toBe(first)
    // 0001: never indexed (RFC 7541, section 6.2.3).
    expect([first.charCodeAt(1) & 0xf0, first.charCodeAt(7) & 0xf0]).toEqual([0x10, 0x10])
  })

  it('heeds the size of the table that its peer allows, and its changes', () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
    const say = (): string => {
      const block = encoder.reply(200, fields, undefined)
      expect(decode(decoder, hexOf(block))).toEqual(texts)
      return block
    }
    say()
    encoder.allow(0)
    // The first byte says so: 001, and the size.
    expect(say().charCodeAt(0)).toBe(0x20)
    expect(say().length).toBe(say().length)
    encoder.allow(40)
    encoder.allow(0)
    encoder.allow(100)
    expect(hexOf(say()).slice(0, 6)).toBe('203f45')
    for (let i = 0; i < 5; i++) say()
    encoder.allow(1_000_000)
    expect(hexOf(say()).slice(0, 6)).toBe('3fe11f')
    say()
    expect(say().length).toBe(9)
  })

  it('leaves out what is for connections of HTTP/1.1', () => {
    const unfit = new HeaderList({
      Connection: 'close',
      'Keep-Alive': '1',
      Upgrade: 'a',
      'Transfer-Encoding': 'chunked',
      TE: 'x',
      'HTTP2-Settings': 'x',
      'Proxy-Connection': 'x',
      'X-A': ' trimmed\t',
    })
    const block = new HpackEncoder().reply(204, unfit, 'today')
    expect(decode(new HpackDecoder(), hexOf(block))).toEqual([':status: 204', 'x-a: trimmed', 'date: today'])
  })

  it('pushes out its oldest entries as its peer’s decoder does', () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder()]
    for (let i = 0; i < 600; i++) {
      const list = new HeaderList({ [`x-${i % 40}`]: `${'v'.repeat(100)}${Math.floor(i / 120)}`, same: 'same' })
      const block = encoder.reply(418, list, undefined)
      expect(decode(decoder, hexOf(block)).slice(1)).toEqual([...list].map(([name, value]) => `${name}: ${value}`))
    }
  })
})
