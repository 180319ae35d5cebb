import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS, type MessageLimits } from '../../src/http1/limits.ts'
import { cut, readPieces, readText } from './wire-text.ts'

const request = (lines: string, behind = '') => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${behind}`
const chunked = (body: string) => request('Transfer-Encoding: chunked\r\n', body)
const reply = (lines: string, behind = '') => `HTTP/1.1 200 OK\r\n${lines}\r\n${behind}`

describe.each<readonly [group: string, texts: Readonly<Record<string, string>>]>([
  [
    'framing in more than one way',
    {
      'both length and coding': request('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      'both, in the other order': request('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
      'a length twice': request('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
      'two lengths': request('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'),
      'a length twice, in two spellings': request('Content-Length: 5\r\ncontent-LENGTH: 5\r\n', 'hello'),
      'a list of lengths': request('Content-Length: 5, 5\r\n', 'hello'),
      'a length with a plus': request('Content-Length: +5\r\n', 'hello'),
      'a length with a minus': request('Content-Length: -5\r\n', 'hello'),
      'a length with a blank in it': request('Content-Length: 1 2\r\n', 'hello'),
      'an empty length': request('Content-Length:\r\n'),
      'a blank length': request('Content-Length:  \t\r\n'),
      'a hexadecimal length': request('Content-Length: 0x5\r\n', 'hello'),
      'a length with a fraction': request('Content-Length: 5.0\r\n', 'hello'),
      'a length of 16 digits': request(`Content-Length: ${'9'.repeat(16)}\r\n`),
      'a blank before the colon of a length': request('Content-Length : 5\r\n', 'hello'),
      'a tab before the colon of a coding': request('Transfer-Encoding\t: chunked\r\n', '0\r\n\r\n'),
      'a coding that is not chunked': request('Transfer-Encoding: gzip\r\n'),
      'a coding before chunked': request('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
      'a coding behind chunked': request('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
      'chunked twice': request('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'),
      'chunked in two fields': request('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      'an empty coding': request('Transfer-Encoding:\r\n'),
      'an empty coding beside a length': request('Transfer-Encoding:\r\nContent-Length: 5\r\n', 'hello'),
      'chunked with a parameter': request('Transfer-Encoding: chunked;a=b\r\n', '0\r\n\r\n'),
      'chunked in quotes': request('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'),
      'chunked behind a vertical tab': request('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'),
      'a coding in HTTP/1.0': 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    },
  ],
  [
    'lines',
    {
      'a folded line': request('X: a\r\n b\r\n'),
      'a first line that is folded': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
      'LF for CRLF behind a field': 'GET / HTTP/1.1\r\nHost: a\n\r\n\r\n',
      'LF for CRLF everywhere': 'GET / HTTP/1.1\nHost: a\n\n',
      'LF for CRLF behind the request line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
      'CR alone within a value': request('X: a\rb\r\n'),
      'CR alone behind a value': request('X: a\r\r\n'),
      'NUL within a value': request('X: a\0b\r\n'),
      'NUL within a name': request('X\0: a\r\n'),
      'DEL within a value': request('X: a\x7fb\r\n'),
      'a name that is empty': request(': a\r\n'),
      'a line without a colon': request('X\r\n'),
      'a blank within a name': request('X Y: a\r\n'),
      'a name beyond ASCII': request('X\xe9: a\r\n'),
      'two empty lines before the request': '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'a bare LF before the request': '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'a bare CR before the request': '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    },
  ],
  [
    'request lines',
    {
      'no method': ' / HTTP/1.1\r\n\r\n',
      'a method with a separator': 'GE(T / HTTP/1.1\r\n\r\n',
      'a method with a control character': 'GE\x01T / HTTP/1.1\r\n\r\n',
      'a method in lower case': 'get / HTTP/1.1\r\n\r\n',
      'no target': 'GET  HTTP/1.1\r\n\r\n',
      'two blanks before the target': 'GET  / HTTP/1.1\r\n\r\n',
      'two blanks behind the target': 'GET /  HTTP/1.1\r\n\r\n',
      'a tab for a blank': 'GET\t/ HTTP/1.1\r\n\r\n',
      'a blank in the target': 'GET /a b HTTP/1.1\r\n\r\n',
      'a target beyond ASCII': 'GET /\xe9 HTTP/1.1\r\n\r\n',
      'NUL in the target': 'GET /\0 HTTP/1.1\r\n\r\n',
      'no version': 'GET /\r\n\r\n',
      'a version in lower case': 'GET / http/1.1\r\n\r\n',
      'a version with two digits': 'GET / HTTP/1.10\r\n\r\n',
      'a version of one number': 'GET / HTTP/1\r\n\r\n',
      'a blank behind the version': 'GET / HTTP/1.1 \r\n\r\n',
      'another protocol': 'GET / HTCP/1.1\r\n\r\n',
    },
  ],
  [
    'chunks',
    {
      'no size': chunked('\r\n\r\n'),
      'an extension that ends in LF': chunked('3;\nabc\r\n0\r\n\r\n'),
      'an extension without a name': chunked('3;\r\nabc\r\n0\r\n\r\n'),
      'a blank before an extension': chunked('3 ;a\r\nabc\r\n0\r\n\r\n'),
      'a blank behind a size': chunked('3 \r\nabc\r\n0\r\n\r\n'),
      'a blank before a size': chunked(' 3\r\nabc\r\n0\r\n\r\n'),
      'a size with 0x': chunked('0x3\r\nabc\r\n0\r\n\r\n'),
      'a signed size': chunked('+3\r\nabc\r\n0\r\n\r\n'),
      'a negative size': chunked('-3\r\nabc\r\n0\r\n\r\n'),
      'a size of 17 digits': chunked(`${'0'.repeat(16)}3\r\nabc\r\n0\r\n\r\n`),
      'a size of 13 digits': chunked(`${'0'.repeat(12)}3\r\nabc\r\n0\r\n\r\n`),
      'a size with an underscore': chunked('1_0\r\nabc\r\n0\r\n\r\n'),
      'a size that ends in LF': chunked('3\nabc\r\n0\r\n\r\n'),
      'a size that ends in CR': chunked('3\rabc\r\n0\r\n\r\n'),
      'data that ends in LF': chunked('3\r\nabc\n0\r\n\r\n'),
      'data longer than its size': chunked('3\r\nabcd\r\n0\r\n\r\n'),
      'data shorter than its size': chunked('4\r\nabc\r\n0\r\n\r\n'),
      'a quote that does not end': chunked('3;a="b\r\nabc\r\n0\r\n\r\n'),
      'a value without a quote behind it': chunked('3;a="b"c\r\nabc\r\n0\r\n\r\n'),
      'an extension with NUL': chunked('3;a=\0\r\nabc\r\n0\r\n\r\n'),
      'the end in LF': chunked('0\r\n\n'),
      'a trailer that ends in LF': chunked('0\r\nX: a\n\r\n'),
      'a trailer that is folded': chunked('0\r\nX: a\r\n b\r\n\r\n'),
      'a trailer that frames': chunked('0\r\nContent-Length: 5\r\n\r\n'),
    },
  ],
])('a request is refused for its %s', (_group, texts) => {
  it.each(Object.entries(texts))('%s', (_name, text) => {
    expect(readText('request', text)).toEqual({ messages: [], end: 'malformed' })
  })
})

describe('a reply is refused', () => {
  it.each<readonly [string, string]>([
    ['for both length and coding', reply('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['for two lengths', reply('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello')],
    ['for a coding that is not chunked', reply('Transfer-Encoding: gzip\r\n')],
    ['for a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['for a folded line', reply('X: a\r\n b\r\nContent-Length: 0\r\n')],
    ['for a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['for an empty line before it', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['for a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['for a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['for a status that is no number', 'HTTP/1.1 2x0 OK\r\n\r\n'],
    ['for a status below 100', 'HTTP/1.1 099 Low\r\n\r\n'],
    ['for a status above 599', 'HTTP/1.1 600 High\r\n\r\n'],
    ['for two blanks before the status', 'HTTP/1.1  200 OK\r\n\r\n'],
    ['for a NUL in its reason', 'HTTP/1.1 200 O\0K\r\n\r\n'],
    ['for another protocol', 'ICY 200 OK\r\n\r\n'],
  ])('%s', (_name, text) => {
    expect(readText('reply', text)).toEqual({ messages: [], end: 'malformed' })
  })

  it('but not for leaving out its reason and the blank before it', () => {
    const text = 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'
    expect(readText('reply', text)).toMatchObject({ messages: [{ start: '200 1.1' }], end: 'whole' })
  })
})

describe('what is unusual but sound is read', () => {
  it.each<readonly [string, string, string]>([
    ['one empty line before a request', '\r\nGET / HTTP/1.1\r\n\r\n', 'GET / 1.1'],
    ['an odd method', 'M-SEARCH * HTTP/1.1\r\n\r\n', 'M-SEARCH * 1.1'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 'GET / 1.0'],
    ['chunked in capitals', request('Transfer-Encoding: CHUNKED\r\n', '0\r\n\r\n'), 'POST / 1.1'],
    ['leading zeros of a size', chunked('00003\r\nabc\r\n0\r\n\r\n'), 'POST / 1.1'],
    ['a semicolon within quotes', chunked('3;a=";\\""\r\nabc\r\n0\r\n\r\n'), 'POST / 1.1'],
  ])('%s', (_name, text, start) => {
    expect(readText('request', text)).toMatchObject({ messages: [{ start }], end: 'whole' })
  })

  it('calls a version of the right form what it is', () => {
    for (const version of ['HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2']) {
      expect(readText('request', `GET / ${version}\r\n\r\n`).end).toBe('version')
    }
  })
})

describe('a limit', () => {
  const limits = (some: Partial<MessageLimits>): MessageLimits => ({ ...DEFAULT_LIMITS, ...some })
  const HEAD = 'GET /12345 HTTP/1.1\r\nX: a\r\n'

  it.each<readonly [keyof MessageLimits, number, string, string]>([
    ['maxTargetBytes', 6, `${HEAD}\r\n`, 'target-too-long'],
    ['maxHeadBytes', HEAD.length, `${HEAD}\r\n`, 'head-too-large'],
    ['maxFields', 2, `${HEAD}Y: b\r\n\r\n`, 'too-many-fields'],
    ['maxFields', 2, chunked('0\r\nA: b\r\nC: d\r\n\r\n'), 'too-many-fields'],
    ['maxChunkLineBytes', 7, chunked('3;abc=d\r\nabc\r\n0\r\n\r\n'), 'chunk-line-too-long'],
    ['maxTrailerBytes', 6, chunked('0\r\nX: a\r\n\r\n'), 'trailers-too-large'],
  ])('%s: %i is allowed and one more is not', (name, bound, text, fault) => {
    const bytes = Buffer.from(text, 'latin1')
    const splits = Array.from(bytes, (_, place) => cut(bytes, [place]))
    for (const pieces of [...splits, Array.from(bytes, (byte) => Buffer.from([byte]))]) {
      const allowed = readPieces('request', pieces, limits({ [name]: bound }))
      expect(allowed).toMatchObject({ messages: [{}], end: 'whole' })
      expect(readPieces('request', pieces, limits({ [name]: bound - 1 })).end).toBe(fault)
    }
  })
})
