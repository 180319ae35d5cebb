/** What RFC 9111 asks of a shared cache, each requirement with its section. */
import { describe, it } from 'vitest'
import { lateStore } from '../late-store.ts'
import { play, row } from './steps.ts'

const FRESH = { 'Cache-Control': 'max-age=100' }
const first = { is: 'miss', answer: FRESH } as const

describe.each([
  // Section 2: the key.
  row('2', 'the key includes the target with its query', [
    first,
    { ...first, path: '/?a=1' },
    { is: 'hit' },
    { is: 'hit', path: '/?a=1' },
  ]),
  row('2', 'the key includes the authority', [
    first,
    { ...first, host: 'b.test' },
    { is: 'hit' },
    { is: 'hit', host: 'b.test' },
  ]),
  row('2', 'the authority is compared without regard to case and default port', [
    first,
    { is: 'hit', host: 'A.Test:80' },
  ]),
  row('2', 'the key includes the method', [first, { is: 'miss', method: 'OPTIONS' }, { is: 'hit' }]),

  // Section 3: storing.
  row('3', 'MUST NOT store with no-store', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, no-store' } },
    { is: 'miss' },
  ]),
  row('3', 'MUST NOT store with NO-STORE in any case', [
    { is: 'miss', answer: { 'Cache-Control': 'Max-Age=100, No-StorE' } },
    { is: 'miss' },
  ]),
  row('3', 'MUST NOT store with private', [
    { is: 'miss', answer: { 'Cache-Control': 'private, max-age=100' } },
    { is: 'miss' },
  ]),
  row('3', 'MUST NOT store what states no lifetime, has no validator, and is no guess', [
    { is: 'miss' },
    { is: 'miss' },
  ]),
  row('3', 'MUST NOT store a status that it does not understand with must-understand', [
    { is: 'miss', answerStatus: 599, answer: { 'Cache-Control': 'max-age=100, no-store, must-understand' } },
    { is: 'miss' },
  ]),
  row('3', 'ignores no-store beside must-understand for a status that it understands', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, no-store, must-understand' } },
    { is: 'hit' },
  ]),
  ...[200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599].flatMap((status) => [
    row('3', `may store ${status} with a lifetime`, [
      { is: 'miss', answerStatus: status, answer: FRESH, status },
      { is: 'hit', status },
    ]),
    row('4.2', `does not use ${status} once it is stale`, [
      { is: 'miss', answerStatus: status, answer: { Date: 0, Expires: -5_000, 'Last-Modified': -100_000 } },
      { is: 'miss', answerStatus: status },
    ]),
  ]),
  row('3', 'does not store 206', [
    {
      is: 'miss',
      answerStatus: 206,
      answer: { ...FRESH, 'Content-Range': 'bytes 0-7/100' },
      send: { Range: 'bytes=0-7' },
      status: 206,
    },
    { is: 'miss', send: { Range: 'bytes=0-7' } },
  ]),
  row('3', 'does not store the answer to an unsafe method', [
    { ...first, method: 'PUT', content: 'x' },
    { is: 'miss' },
  ]),
  row('3', 'does not store the answer to a GET with a body', [{ ...first, content: 'x' }, { is: 'miss' }]),
  row('3.1', 'MUST NOT store hop-by-hop fields, nor those that Connection names', [
    {
      is: 'miss',
      answer: { ...FRESH, Connection: 'a, b', a: '1', b: '2', c: '3', 'Keep-Alive': 'x', 'Proxy-Authenticate': 'x' },
    },
    {
      is: 'hit',
      has: {
        connection: undefined,
        a: undefined,
        b: undefined,
        c: '3',
        'keep-alive': undefined,
        'proxy-authenticate': undefined,
      },
    },
  ]),
  row('3.1', 'MUST NOT store Proxy-Authentication-Info', [
    { is: 'miss', answer: { ...FRESH, 'Proxy-Authentication-Info': 'x' } },
    { is: 'hit', has: { 'proxy-authentication-info': undefined } },
  ]),
  row('3.1', 'MUST store all other fields', [
    {
      is: 'miss',
      answer: {
        ...FRESH,
        'X-A': 'a',
        'Content-Type': 'a/b',
        'Content-Foo': 'f',
        Link: ['<a>', '<b>'],
        'Content-Location': '/z',
      },
    },
    {
      is: 'hit',
      has: { 'x-a': 'a', 'content-type': 'a/b', 'content-foo': 'f', link: '<a>, <b>', 'content-location': '/z' },
    },
  ]),
  row('3.2', 'MUST update stored fields from a 304', [
    {
      is: 'miss',
      answer: { 'Cache-Control': 'max-age=2', ETag: '"1"', 'X-A': '1', 'X-B': '1', Date: 0 },
      text: 'reply 1',
    },
    {
      is: 'confirmed',
      after: 3,
      answer: { 'Cache-Control': 'max-age=50', ETag: '"1"', 'X-A': '2', Date: 0 },
      has: { 'x-a': '2', 'x-b': '1', 'cache-control': 'max-age=50' },
      text: 'reply 1',
      status: 200,
    },
    { is: 'hit', after: 40, has: { 'x-a': '2', 'x-b': '1' }, text: 'reply 1' },
  ]),
  row('3.2', 'MUST NOT update Content-Length from a 304', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"1"' } },
    {
      is: 'confirmed',
      after: 3,
      answer: { 'Cache-Control': 'max-age=9', ETag: '"1"', 'Content-Length': 99 },
      has: { 'content-length': '7' },
    },
    { is: 'hit', has: { 'content-length': '7' } },
  ]),
  row('3.2', 'counts anew from a 304, also from one without a Date', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=10', ETag: '"1"' } },
    { is: 'confirmed', after: 15, answer: { ETag: '"1"' }, has: { age: '0' } },
    { is: 'hit', after: 9, has: { age: '9' } },
    { is: 'confirmed', after: 2 },
  ]),
  row('3.2', 'replaces all lines of a field', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"1"', 'X-A': ['1', '2'] } },
    { is: 'confirmed', after: 3, answer: { 'Cache-Control': 'max-age=9', 'X-A': '3' }, has: { 'x-a': '3' } },
  ]),
  row('3.4', 'does not take a part for the whole', [
    {
      is: 'miss',
      answerStatus: 206,
      answer: { ...FRESH, 'Content-Range': 'bytes 0-3/8' },
      send: { Range: 'bytes=0-3' },
    },
    { is: 'miss', asked: { range: undefined } },
  ]),
  row('3.5', 'MUST NOT use a response to a request with Authorization for others', [
    { ...first, send: { Authorization: 'Basic x' }, asked: { authorization: 'Basic x' } },
    { is: 'miss' },
  ]),
  ...['public', 'must-revalidate', 's-maxage=100'].map((directive) =>
    row('3.5', `may do so with ${directive}`, [
      { is: 'miss', send: { Authorization: 'Basic x' }, answer: { 'Cache-Control': `max-age=100, ${directive}` } },
      { is: 'hit' },
    ]),
  ),
  row('3.5', 'may answer a request with Authorization from the store', [
    first,
    { is: 'hit', send: { Authorization: 'Basic x' } },
  ]),

  // Section 4: reuse.
  row('4', 'MUST generate Age', [first, { is: 'hit', after: 3, has: { age: '3' } }]),
  row('4', 'MUST NOT use what does not match', [first, { is: 'miss', path: '/other' }]),
  row('4', 'writes unsafe requests through', [
    { is: 'miss', method: 'POST', content: 'x' },
    { is: 'miss', method: 'POST', content: 'x' },
  ]),
  row('4', 'uses the response to a GET for a HEAD', [
    first,
    { is: 'hit', method: 'HEAD', text: '', has: { 'content-length': '7' } },
  ]),
  row('4.1', 'uses a variant whose fields match', [
    { is: 'miss', send: { Foo: '1' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'hit', send: { Foo: '1', Other: '2' }, text: 'reply 1' },
  ]),
  row('4.1', 'MUST NOT use one whose fields do not match', [
    { is: 'miss', send: { Foo: '1' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'miss', send: { Foo: '2' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'hit', send: { Foo: '1' }, text: 'reply 1' },
    { is: 'hit', send: { Foo: '2' }, text: 'reply 2' },
  ]),
  row('4.1', 'MUST NOT use one where the request omits a field', [
    { is: 'miss', send: { Foo: '1' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'miss' },
  ]),
  row('4.1', 'tells a missing field from an empty one', [
    { is: 'miss', answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'miss', send: { Foo: '' } },
  ]),
  row('4.1', 'uses one where both requests omit a field', [
    { is: 'miss', send: { Foo: '1', Baz: '3' }, answer: { ...FRESH, Vary: 'Foo, Bar, Baz' } },
    { is: 'hit', send: { Foo: '1', Baz: '3' } },
    { is: 'miss', send: { Foo: '1', Bar: '2', Baz: '3' } },
  ]),
  ...['*', '*, *', ', *', '*, Foo', 'Foo, *'].map((vary) =>
    row('4.1', `never matches Vary: ${vary}`, [
      { is: 'miss', send: { Foo: '1' }, answer: { ...FRESH, Vary: vary } },
      { is: 'miss', send: { Foo: '1' } },
    ]),
  ),
  row('4.1', 'never matches a * on a second line', [
    { is: 'miss', answer: { ...FRESH, Vary: ['', '*'] } },
    { is: 'miss' },
  ]),
  row('4.1', 'normalises whitespace and lines of selecting fields', [
    { is: 'miss', send: { Foo: '1,2' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'hit', send: { Foo: ' 1,  2 ' } },
    { is: 'hit', send: { Foo: ['1', '2'] } },
  ]),
  row('4.1', 'normalises the order of languages', [
    { is: 'miss', send: { 'Accept-Language': 'en, de' }, answer: { ...FRESH, Vary: 'Accept-Language' } },
    { is: 'hit', send: { 'Accept-Language': 'de,EN' } },
  ]),
  row('4.1', 'uses the latest of several that match', [
    { is: 'miss', send: { A: '1', B: '1' }, answer: { ...FRESH, Vary: 'A' } },
    { is: 'miss', after: 1, send: { A: '2', B: '1' }, answer: { ...FRESH, Vary: 'B' } },
    { is: 'hit', send: { A: '1', B: '1' }, text: 'reply 2' },
  ]),

  // Section 4.2: freshness.
  row('4.2.1', 'uses max-age', [first, { is: 'hit', after: 99 }, { is: 'miss', after: 1 }]),
  row('4.2.1', 's-maxage comes before max-age', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, s-maxage=2' } },
    { is: 'miss', after: 3, answer: { 'Cache-Control': 'max-age=1', 'X-A': '1' } },
  ]),
  row('4.2.1', 's-maxage comes before max-age on other lines', [
    { is: 'miss', answer: { 'Cache-Control': ['max-age=1', 's-maxage=100'] } },
    { is: 'hit', after: 3 },
  ]),
  row('4.2.1', 'max-age comes before Expires', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100', Date: 0, Expires: -100 } },
    { is: 'hit', after: 3 },
  ]),
  row('4.2.1', 'max-age=0 comes before Expires', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=0', Date: 0, Expires: 100 } },
    { is: 'miss' },
  ]),
  row('4.2.1', 'uses Expires less Date', [
    { is: 'miss', answer: { Date: 0, Expires: 10 } },
    { is: 'hit', after: 8 },
    { is: 'miss', after: 3 },
  ]),
  row('4.2.1', 'Expires before Date is past, also where both are to come', [
    { is: 'miss', answer: { Date: 400, Expires: 300 } },
    { is: 'miss' },
  ]),
  row('4.2.1', 'an invalid lifetime is none', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=a100' } },
    { is: 'miss' },
  ]),
  ...["max-age='100'", 'max-age =100', 'max-age= 100', 'max-age=100a', 'max-age=-100', 'max-age=100.0', 'max-age'].map(
    (value) =>
      row('4.2.1', `${value} is no lifetime`, [{ is: 'miss', answer: { 'Cache-Control': value } }, { is: 'miss' }]),
  ),
  row('4.2.1', 'of two values the first counts', [
    { is: 'miss', answer: { 'Cache-Control': ['max-age=1', 'max-age=100'] } },
    { is: 'miss', after: 2 },
  ]),
  ...[
    'max-age=100',
    'MaX-AgE=100',
    'max-age="100"',
    'foobar, max-age=100',
    'max-age=00100',
    'max-age=2147483648',
    'max-age=99999999999',
  ].map((value) =>
    row('4.2.1', `${value} is a lifetime`, [
      { is: 'miss', answer: { 'Cache-Control': value } },
      { is: 'hit', after: 3 },
    ]),
  ),
  ...['x="max-age=100", max-age=1', 'max-age=1, x="max-age=100"', 'x="a\\", max-age=100", max-age=1'].map((value) =>
    row('5.2', `what stands in a quoted string is no directive: ${value}`, [
      { is: 'miss', answer: { 'Cache-Control': value } },
      { is: 'miss', after: 3 },
    ]),
  ),
  row('4.2.2', 'MUST NOT guess where a lifetime is stated', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=1', 'Last-Modified': -100_000 } },
    { is: 'confirmed', after: 3 },
  ]),
  ...[200, 203, 204, 404, 405, 410, 414, 501].map((status) =>
    row('4.2.2', `may guess for ${status}`, [
      { is: 'miss', answerStatus: status, answer: { Date: 0, 'Last-Modified': -86_400 } },
      { is: 'hit', after: 3 },
    ]),
  ),
  ...[201, 202, 403, 502, 503, 504, 599].map((status) =>
    row('4.2.2', `MUST NOT guess for ${status}`, [
      { is: 'miss', answerStatus: status, answer: { Date: 0, 'Last-Modified': -86_400 } },
      { is: 'miss' },
    ]),
  ),
  row('4.2.2', 'may guess for any status with public', [
    { is: 'miss', answerStatus: 599, answer: { Date: 0, 'Last-Modified': -86_400, 'Cache-Control': 'public' } },
    { is: 'hit', after: 3 },
  ]),
  row('4.2.2', 'guesses a tenth of its age', [
    { is: 'miss', answer: { Date: 0, 'Last-Modified': -1_000 } },
    { is: 'hit', after: 99 },
    { is: 'confirmed', after: 2 },
  ]),
  row('4.2.2', 'does not guess for a request with a cookie', [
    { is: 'miss', send: { Cookie: 'a=b' }, answer: { Date: 0, 'Last-Modified': -1_000 } },
    { is: 'confirmed' },
  ]),
  row('4.2.3', 'counts the Age that it came with', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100', Age: '95', Date: 0 } },
    { is: 'hit', after: 3, has: { age: '98' } },
    { is: 'miss', after: 3 },
  ]),
  row('4.2.3', 'counts the time since Date', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100', Date: -50 } },
    { is: 'hit', has: { age: '50' } },
  ]),
  row('4.2.3', 'a Date to come makes nothing younger', [
    { is: 'miss', answer: { Date: 10, Expires: 20, Age: '15' } },
    { is: 'miss' },
  ]),
  row('4.2.3', 'a slow Date and Age', [{ is: 'miss', answer: { Date: -10, Expires: 10, Age: '25' } }, { is: 'miss' }]),
  row('4.2.4', 'MUST NOT use what is stale without asking', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"a"' } },
    { is: 'confirmed', after: 3 },
  ]),
  ...['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'].map((directive) =>
    row('4.2.4', `MUST NOT serve stale with ${directive}, even where nobody can be asked`, [
      { is: 'miss', answer: { 'Cache-Control': `max-age=2, ${directive}, stale-if-error=100` } },
      { is: 'miss', after: 3, fails: true, status: 502 },
    ]),
  ),

  // Section 4.3: validation.
  row('4.3.1', 'MUST send the stored entity tag', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"a"' } },
    { is: 'confirmed', after: 3, asked: { 'if-none-match': '"a"' }, status: 200, text: 'reply 1' },
  ]),
  row('4.3.1', 'sends a weak one as well', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: 'W/"a"' } },
    { is: 'confirmed', after: 3, asked: { 'if-none-match': 'W/"a"' } },
  ]),
  row('4.3.1', 'SHOULD send Last-Modified', [
    {
      is: 'miss',
      answer: { 'Cache-Control': 'max-age=2', 'Last-Modified': 'Mon, 03 Jan 2000 17:45:57 GMT', ETag: '"a"' },
    },
    {
      is: 'confirmed',
      after: 3,
      asked: { 'if-modified-since': 'Mon, 03 Jan 2000 17:45:57 GMT', 'if-none-match': '"a"' },
    },
  ]),
  row('4.3.1', "puts its own conditions in place of the client's", [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"a"' } },
    {
      is: 'confirmed',
      after: 3,
      send: { 'If-None-Match': '"z"', 'If-Modified-Since': -5 },
      asked: { 'if-none-match': '"a"', 'if-modified-since': undefined },
      status: 200,
      text: 'reply 1',
    },
  ]),
  row('4.3.1', 'MUST send the fields that selected the response', [
    { is: 'miss', send: { Abc: '1' }, answer: { 'Cache-Control': 'max-age=2', ETag: '"a"', Vary: 'Abc' } },
    { is: 'confirmed', after: 3, send: { Abc: '1' }, asked: { abc: '1' } },
  ]),
  row('4.3.1', 'asks for whichever of its variants it is', [
    { is: 'miss', send: { Abc: '1' }, answer: { ...FRESH, ETag: '"a"', Vary: 'Abc' } },
    {
      is: 'miss',
      send: { Abc: '2' },
      answer: { ...FRESH, ETag: '"b"', Vary: 'Abc' },
      asked: { 'if-none-match': '"a"' },
    },
    {
      is: 'confirmed',
      send: { Abc: '3' },
      answer: { ...FRESH, ETag: '"b"', Vary: 'Abc' },
      asked: { 'if-none-match': '"a", "b"' },
      text: 'reply 2',
      status: 200,
    },
    { is: 'hit', send: { Abc: '3' }, text: 'reply 2' },
    { is: 'hit', send: { Abc: '1' }, text: 'reply 1' },
  ]),
  row('4.3.2', 'answers If-None-Match with 304', [
    { is: 'miss', answer: { ...FRESH, ETag: '"a"', 'X-A': '1' } },
    {
      is: 'hit',
      send: { 'If-None-Match': '"a"' },
      status: 304,
      text: '',
      has: { etag: '"a"', 'cache-control': 'max-age=100', 'x-a': undefined },
    },
    { is: 'hit', send: { 'If-None-Match': 'W/"a"' }, status: 304 },
    { is: 'hit', send: { 'If-None-Match': '"x", "y,z", "a"' }, status: 304 },
    { is: 'hit', send: { 'If-None-Match': '*' }, status: 304 },
    { is: 'hit', send: { 'If-None-Match': '"b"' }, status: 200, text: 'reply 1' },
  ]),
  row('4.3.2', 'If-None-Match MUST come before If-Modified-Since', [
    { is: 'miss', answer: { ...FRESH, ETag: '"a"', 'Last-Modified': -5_000 } },
    { is: 'hit', send: { 'If-None-Match': '"a"', 'If-Modified-Since': -9_000 }, status: 304 },
    { is: 'hit', send: { 'If-None-Match': '"b"', 'If-Modified-Since': 0 }, status: 200 },
  ]),
  row('4.3.2', 'SHOULD answer If-Modified-Since with 304', [
    { is: 'miss', answer: { ...FRESH, 'Last-Modified': 'Mon, 03 Jan 2000 17:45:57 GMT' } },
    { is: 'hit', send: { 'If-Modified-Since': 'Mon, 03 Jan 2000 17:45:57 GMT' }, status: 304 },
    { is: 'hit', send: { 'If-Modified-Since': 'Monday, 03-Jan-00 17:45:58 GMT' }, status: 304 },
    { is: 'hit', send: { 'If-Modified-Since': 'Mon Jan  3 17:45:56 2000' }, status: 200 },
    { is: 'hit', send: { 'If-Modified-Since': 'yesterday' }, status: 200 },
  ]),
  row('4.3.2', 'compares with Date where there is no Last-Modified', [
    { is: 'miss', answer: { ...FRESH, Date: 0 } },
    { is: 'hit', send: { 'If-Modified-Since': 10 }, status: 304 },
    { is: 'hit', send: { 'If-Modified-Since': -10 }, status: 200 },
  ]),
  row('4.3.2', 'MUST NOT decide on If-Match and If-Unmodified-Since', [
    { is: 'miss', answer: { ...FRESH, ETag: '"a"' } },
    { is: 'miss', send: { 'If-Match': '"b"' }, asked: { 'if-match': '"b"' } },
    { is: 'miss', send: { 'If-Unmodified-Since': -9 } },
  ]),
  row('4.3.2', 'forwards conditions where nothing is stored', [
    { is: 'miss', send: { 'If-None-Match': '"q"' }, asked: { 'if-none-match': '"q"' }, answerStatus: 304, status: 304 },
    { is: 'miss', asked: { 'if-none-match': undefined } },
  ]),
  row('4.3.2', "evaluates the client's conditions once what is stored was confirmed", [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', 'Last-Modified': 'Mon, 03 Jan 2000 17:45:57 GMT' } },
    { is: 'confirmed', after: 3, send: { 'If-Modified-Since': 'Mon, 03 Jan 2000 17:45:57 GMT' }, status: 304 },
  ]),
  row('4.3.3', 'uses a full response in place of what was stored', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"a"' } },
    { is: 'miss', after: 3, answer: { ...FRESH, ETag: '"b"' }, text: 'reply 2' },
    { is: 'hit', text: 'reply 2', has: { etag: '"b"' } },
  ]),
  row('4.3.3', "forwards a server's failure", [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"a"' } },
    { is: 'miss', after: 3, answerStatus: 503, status: 503 },
  ]),
  row('4.3.4', 'MUST NOT use a 304 about something else', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', ETag: '"a"' } },
    { is: 'confirmed', after: 3, answer: { ...FRESH, ETag: '"b"' }, status: 200, text: 'reply 2' },
    { is: 'hit', text: 'reply 2' },
  ]),
  row('4.3.5', 'SHOULD update what is stored from a HEAD', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=2', 'X-A': '1', ETag: '"a"' } },
    {
      is: 'miss',
      after: 3,
      method: 'HEAD',
      answer: { 'Cache-Control': 'max-age=100', 'X-A': '2', ETag: '"a"', 'Content-Length': 7 },
    },
    { is: 'hit', text: 'reply 1', has: { 'x-a': '2' } },
  ]),
  ...[{ ETag: '"b"' }, { 'Content-Length': 9 }].map((other) =>
    row('4.3.5', `SHOULD take it for stale where a HEAD differs in ${Object.keys(other)[0]}`, [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=100', ETag: '"a"' } },
      { is: 'miss', method: 'HEAD', send: { 'Cache-Control': 'no-cache' }, answer: { ...FRESH, ...other } },
      { is: 'miss', answer: FRESH, text: 'reply 3' },
    ]),
  ),

  // Section 4.4: invalidation.
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH'].flatMap((method) => [
    row('4.4', `MUST invalidate after ${method}`, [first, { is: 'miss', method, content: 'x' }, { is: 'miss' }]),
    row('4.4', `does not invalidate after a ${method} that failed`, [
      first,
      { is: 'miss', method, content: 'x', answerStatus: 500 },
      { is: 'hit' },
    ]),
    row('4.4', `invalidates what Location and Content-Location name after ${method}`, [
      { ...first, path: '/l' },
      { ...first, path: '/c' },
      {
        is: 'miss',
        path: '/x/y',
        method,
        content: 'x',
        answer: { Location: 'http://a.test/l', 'Content-Location': '../c' },
      },
      { is: 'miss', path: '/l' },
      { is: 'miss', path: '/c' },
    ]),
  ]),
  row('4.4', 'invalidates all variants', [
    { is: 'miss', send: { Foo: '1' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'miss', send: { Foo: '2' }, answer: { ...FRESH, Vary: 'Foo' } },
    { is: 'miss', method: 'DELETE' },
    { is: 'miss', send: { Foo: '1' } },
    { is: 'miss', send: { Foo: '2' } },
  ]),
  row('4.4', 'MUST NOT invalidate on another origin', [
    { ...first, host: 'b.test' },
    {
      is: 'miss',
      method: 'POST',
      content: 'x',
      answer: { Location: 'http://b.test/', 'Content-Location': 'https://a.test/' },
    },
    { is: 'hit', host: 'b.test' },
  ]),
  row('4.4', 'does not invalidate after a safe method', [
    first,
    { is: 'miss', method: 'OPTIONS' },
    { is: 'miss', method: 'QUERY', content: 'x' },
    { is: 'hit' },
  ]),

  // Section 5.1: Age.
  ...[
    ['abc', 'hit'],
    ['-7200', 'hit'],
    ['7200.0', 'hit'],
    ['7200, 0', 'miss'],
    ['0, 7200', 'hit'],
  ].map(([age, is]) =>
    row('5.1', `Age: ${age}`, [
      { is: 'miss', answer: { 'Cache-Control': 'max-age=3600', Age: age!, Date: 0 } },
      { is: is as 'hit' | 'miss', after: 3 },
    ]),
  ),
  row('5.1', 'of two lines of Age the first counts', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=3600', Age: ['7200', '0'] } },
    { is: 'miss' },
  ]),

  // Section 5.2.1: what requests ask for.
  row('5.2.1.1', 'max-age: nothing older', [
    first,
    { is: 'hit', after: 5, send: { 'Cache-Control': 'max-age=10' } },
    { is: 'miss', after: 6, send: { 'Cache-Control': 'max-age=10' } },
  ]),
  row('5.2.1.1', 'max-age=0 asks', [first, { is: 'miss', send: { 'Cache-Control': 'max-age=0' } }]),
  row('5.2.1.1', 'max-age counts the Age that it came with', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=3600', Age: '1800' } },
    { is: 'miss', send: { 'Cache-Control': 'max-age=600' } },
  ]),
  row('5.2.1.2', 'max-stale: stale by no more', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=10' } },
    { is: 'hit', after: 15, send: { 'Cache-Control': 'max-stale=10' } },
    { is: 'hit', send: { 'Cache-Control': 'max-stale' } },
    { is: 'miss', send: { 'Cache-Control': 'max-stale=1' } },
  ]),
  row('5.2.1.2', 'max-stale does not make what must be revalidated usable', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=10, must-revalidate' } },
    { is: 'miss', after: 15, send: { 'Cache-Control': 'max-stale' } },
  ]),
  row('5.2.1.3', 'min-fresh: fresh for that long', [
    first,
    { is: 'hit', after: 50, send: { 'Cache-Control': 'min-fresh=40' } },
    { is: 'miss', send: { 'Cache-Control': 'min-fresh=60' } },
  ]),
  row('5.2.1.4', 'no-cache asks, and confirms what is stored', [
    { is: 'miss', answer: { ...FRESH, ETag: '"a"' } },
    { is: 'confirmed', send: { 'Cache-Control': 'no-cache' }, text: 'reply 1' },
  ]),
  row('5.2.1.5', 'no-store MUST NOT store', [{ ...first, send: { 'Cache-Control': 'no-store' } }, { is: 'miss' }]),
  row('5.2.1.7', 'only-if-cached: SHOULD answer 504', [
    { is: 'hit', send: { 'Cache-Control': 'only-if-cached' }, status: 504 },
    first,
    { is: 'hit', send: { 'Cache-Control': 'only-if-cached' }, status: 200 },
  ]),
  row(
    '5.2.1',
    'what clients ask for can be ignored',
    [first, { is: 'hit', send: { 'Cache-Control': 'no-cache', Pragma: 'no-cache' } }],
    { requestDirectives: 'ignore' },
  ),

  // Section 5.2.2: what responses say.
  row('5.2.2.2', 'must-revalidate: fresh ones are used', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' } },
    { is: 'hit', after: 5 },
    { is: 'confirmed', after: 6 },
  ]),
  row('5.2.2.4', 'no-cache MUST NOT be used without asking', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, no-cache', ETag: '"a"' } },
    { is: 'confirmed', answer: { 'Cache-Control': 'max-age=100, no-cache' } },
    { is: 'confirmed' },
  ]),
  row('5.2.2.4', 'No-CaChE in any case', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, No-CaChE' } },
    { is: 'miss' },
  ]),
  row('5.2.2.4', 'no-cache="field": that field is not sent without asking', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, no-cache="x-a, X-B"', 'X-A': '1', 'X-B': '2', 'X-C': '3' } },
    { is: 'hit', has: { 'x-a': undefined, 'x-b': undefined, 'x-c': '3' } },
  ]),
  row('5.2.2.7', 'private="field": the rest is stored', [
    {
      is: 'miss',
      answer: { 'Cache-Control': 'max-age=100, private="x-a"', 'X-A': '1', 'X-C': '3' },
      has: { 'x-a': '1' },
    },
    { is: 'hit', has: { 'x-a': undefined, 'x-c': '3' } },
  ]),
  row('5.2.2.7', 'private in quotes that never close is private', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, private="x' } },
    { is: 'miss' },
  ]),
  row('5.2.3', 'unknown directives are ignored', [
    { is: 'miss', answer: { 'Cache-Control': 'max-age=100, community="UCI", x' } },
    { is: 'hit' },
  ]),

  // Section 5.3: Expires.
  ...[
    '0',
    'Thu, 18 Aug 2050 02:01:18 UTC',
    'Thu, 18 Aug 50 02:01:18 GMT',
    'Thu 18 Aug 2050 02:01:18 GMT',
    'Thu, 18  Aug  2050 02:01:18 GMT',
    'Thu, 18-Aug-2050 02:01:18 GMT',
    'Thu, 18 Aug 2050 02.01.18 GMT',
    'Thu, 18 Aug 2050 2:01:18 GMT',
    'Thu, 31 Feb 2050 02:01:18 GMT',
    '',
  ].map((expires) =>
    row('5.3', `MUST take Expires: ${expires} for past`, [
      { is: 'miss', answer: { Expires: expires, Date: 0 } },
      { is: 'miss' },
    ]),
  ),
  ...[
    'Thu, 18 Aug 2050 02:01:18 GMT',
    'THU, 18 AUG 2050 02:01:18 gmt',
    'Thursday, 18-Aug-50 02:01:18 GMT',
    'Thu Aug 18 02:01:18 2050',
  ].map((expires) =>
    row('5.3', `takes Expires: ${expires}`, [
      { is: 'miss', answer: { Expires: expires, Date: 0 } },
      { is: 'hit', after: 3 },
    ]),
  ),
  row('5.3', 'of two lines the first counts', [
    { is: 'miss', answer: { Expires: [`Mon, 03 Jan 2000 17:45:57 GMT`, 'Thu, 18 Aug 2050 02:01:18 GMT'], Date: 0 } },
    { is: 'miss' },
  ]),
  row('5.3', 'counts from when it came where Date is invalid', [
    { is: 'miss', answer: { Date: 'foo', Expires: 10 } },
    { is: 'hit', after: 8 },
    { is: 'miss', after: 3 },
  ]),

  // Section 5.4: Pragma.
  row('5.4', 'Pragma: no-cache counts where there is no Cache-Control', [
    first,
    { is: 'miss', answer: FRESH, send: { Pragma: 'no-cache' } },
    { is: 'hit', send: { Pragma: 'no-cache', 'Cache-Control': 'x' } },
    { is: 'hit', send: { Pragma: 'foo' } },
  ]),
  row('5.4', 'Pragma of a response means nothing', [
    { is: 'miss', answer: { ...FRESH, Pragma: 'no-cache' } },
    { is: 'hit' },
  ]),

  // Section 7 and beyond.
  row('7.3', 'a response that sets a cookie is not stored', [
    { is: 'miss', answer: { ...FRESH, 'Set-Cookie': 'a=b' }, has: { 'set-cookie': 'a=b' } },
    { is: 'miss' },
  ]),
  row(
    '7.3',
    'may be stored without the cookie',
    [
      { is: 'miss', answer: { ...FRESH, 'Set-Cookie': 'a=b' }, has: { 'set-cookie': 'a=b' } },
      { is: 'hit', has: { 'set-cookie': undefined } },
    ],
    { setCookie: 'strip' },
  ),
  row(
    '7.3',
    'or with it, as the RFC would have it',
    [
      { is: 'miss', answer: { ...FRESH, 'Set-Cookie': 'a=b' } },
      { is: 'hit', has: { 'set-cookie': 'a=b' } },
    ],
    { setCookie: 'store' },
  ),
  row('7.3', 'a cookie of the request does not matter', [first, { is: 'hit', send: { Cookie: 'a=b' } }]),
  row('RFC 9110, 6.6.1', 'leaves Date as it was, and adds one where there is none', [
    { is: 'miss', answer: { ...FRESH, Date: 'Sat, 03 Feb 2001 04:05:06 GMT' } },
    { is: 'hit', after: 3, has: { date: 'Sat, 03 Feb 2001 04:05:06 GMT' } },
    { ...first, path: '/b' },
    { is: 'hit', path: '/b', has: { date: /GMT$/ } },
  ]),
  row('RFC 9110, 9.3.3', 'a POST whose Content-Location is its own URL answers later GETs', [
    { is: 'miss', method: 'POST', content: 'x', answer: { ...FRESH, 'Content-Location': 'http://a.test/' } },
    { is: 'hit', text: 'reply 1' },
  ]),
  row('RFC 9110, 9.3.3', 'but not where it names another', [
    { is: 'miss', method: 'POST', content: 'x', answer: { ...FRESH, 'Content-Location': '/other' } },
    { is: 'miss' },
    { is: 'miss', path: '/other' },
  ]),
  row('RFC 9110, 14', 'serves ranges of what is stored', [
    { is: 'miss', answer: { ...FRESH, ETag: '"a"' }, answerBody: '0123456789' },
    {
      is: 'hit',
      send: { Range: 'bytes=0-1' },
      status: 206,
      text: '01',
      has: { 'content-range': 'bytes 0-1/10', 'content-length': '2' },
    },
    { is: 'hit', send: { Range: 'bytes=8-' }, status: 206, text: '89' },
    { is: 'hit', send: { Range: 'bytes=-3' }, status: 206, text: '789' },
    { is: 'hit', send: { Range: 'bytes=5-99' }, status: 206, text: '56789' },
    { is: 'hit', send: { Range: 'bytes=10-' }, status: 416, has: { 'content-range': 'bytes */10' } },
    { is: 'hit', send: { Range: 'bytes=0-1,4-5' }, status: 200, text: '0123456789' },
    { is: 'hit', send: { Range: 'lines=0-1' }, status: 200 },
    { is: 'hit', send: { Range: 'bytes=0-1', 'If-Range': '"a"' }, status: 206 },
    { is: 'hit', send: { Range: 'bytes=0-1', 'If-Range': '"b"' }, status: 200 },
    { is: 'hit', send: { Range: 'bytes=0-1', 'If-None-Match': '"a"' }, status: 304 },
    { is: 'hit', method: 'HEAD', send: { Range: 'bytes=0-1' }, status: 200 },
  ]),
])('RFC 9111, section $section', (each) => {
  it(each.must, async () => await play(each))

  // The same behind promises, as with a store outside the process.
  it(`${each.must} (late store)`, async () => await play({ ...each, options: { ...each.options, store: lateStore() } }))
})
