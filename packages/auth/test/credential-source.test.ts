/** Where credentials stand: read in one way only, and taken off without touching what else is there. */
import { describe, expect, it } from 'vitest'
import { type Credential, credentialReader, type CredentialSource, defineStrategy } from '../src/index.ts'
import { setUp } from './set-up.ts'

async function read(source: CredentialSource, headers: Record<string, string | readonly string[]>, path = '/') {
  const reader = credentialReader(source, 'from')
  let credential: Credential = { kind: 'absent' }
  const strategy = defineStrategy({
    scheme: 'test',
    authenticate: (x) => {
      credential = reader.read(x)
      return {
        kind: 'accepted',
        identity: { subject: 'a', scheme: 'test', claims: {}, scopes: [], roles: [], raw: undefined },
      }
    },
    strip: (x) => reader.strip(x),
  })
  const { inject, last } = setUp([strategy])
  const reply = await inject({ headers, path })
  expect(reply.status).toBe(200)
  const seen = credential as Credential
  return { value: seen.kind === 'found' ? seen.value : seen.kind === 'absent' ? 'absent' : seen.reason, last: last() }
}

describe('a header field', () => {
  it.each<[Record<string, string | readonly string[]>, string]>([
    [{ 'x-key': 'abc' }, 'abc'],
    [{ 'X-KEY': 'a b' }, 'a b'],
    [{}, 'absent'],
    [{ 'X-Key': '' }, 'malformed'],
    [{ 'X-Key': ['abc', 'abc'] }, 'repeated'],
  ])('%j', async (headers, expected) => {
    const { value, last } = await read({ header: 'X-Key' }, { ...headers, Other: 'stays' })
    expect(value).toBe(expected)
    expect([last.header('x-key'), last.header('other')]).toEqual([undefined, 'stays'])
  })
})

describe('a field with a scheme', () => {
  it.each<[string | readonly string[], string, string | undefined]>([
    ['Bearer abc', 'abc', undefined],
    ['bEARER   abc ', 'abc', undefined],
    ['Bearer', 'malformed', undefined],
    ['Bearer ', 'malformed', undefined],
    ['Bearer \t abc\t', 'abc', undefined],
    // White to JavaScript, and to nobody else.
    ['Bearer \xa0abc', '\xa0abc', undefined],
    // Somebody else's: left as it is.
    ['Basic abc', 'absent', 'Basic abc'],
    ['Bearerabc', 'absent', 'Bearerabc'],
    ['', 'absent', ''],
    [['Bearer abc', 'Bearer abc'], 'repeated', undefined],
    [['Basic abc', 'Bearer def'], 'repeated', undefined],
  ])('%j', async (field, expected, left) => {
    const { value, last } = await read({ header: 'Authorization', scheme: 'Bearer' }, { Authorization: field })
    expect(value).toBe(expected)
    expect(last.header('authorization')).toBe(left)
  })
})

describe('a cookie', () => {
  it.each<[string | readonly string[] | undefined, string, string | undefined]>([
    ['key=abc', 'abc', undefined],
    ['a=1; key=abc; b=2', 'abc', 'a=1; b=2'],
    ['a=1;key=abc', 'abc', 'a=1'],
    ['key="abc"', 'abc', undefined],
    ['key=a=b==', 'a=b==', undefined],
    ['Key=abc; xkey=1; keys=2', 'absent', 'Key=abc; xkey=1; keys=2'],
    ['key=abc; key=abc', 'repeated', undefined],
    [['key=abc', 'a=1; key=def'], 'repeated', 'a=1'],
    ['key', 'malformed', undefined],
    ['key=; a=1', 'malformed', 'a=1'],
    [undefined, 'absent', undefined],
    ['\xa0key=abc; key\xa0=abc', 'absent', '\xa0key=abc; key\xa0=abc'],
    ['key =\tabc\t; a=1', 'abc', 'a=1'],
    // Left exactly as it came.
    ['a=1;b=2 ;; c', 'absent', 'a=1;b=2 ;; c'],
  ])('%j', async (cookie, expected, left) => {
    const { value, last } = await read({ cookie: 'key' }, cookie === undefined ? {} : { Cookie: cookie })
    expect(value).toBe(expected)
    expect(last.header('cookie')).toBe(left)
  })
})

describe('a parameter of the query', () => {
  it.each<[string, string, string]>([
    ['/a?key=abc', 'abc', '/a'],
    ['/a?x=%41&key=a%2Bb+c&y=1+2', 'a+b c', '/a?x=%41&y=1+2'],
    ['/a?k%65y=abc&x', 'abc', '/a?x'],
    ['/a?key=abc&key=abc', 'repeated', '/a'],
    ['/a?key=abc&x=1&%6bey=def', 'repeated', '/a?x=1'],
    ['/a?key=', 'malformed', '/a'],
    ['/a?key', 'malformed', '/a'],
    ['/a?keys=1&x=key', 'absent', '/a?keys=1&x=key'],
    ['/a', 'absent', '/a'],
    ['/a?', 'absent', '/a?'],
    ['/a??key=abc&x=1', 'abc', '/a?x=1'],
    ['/a?x=1&?key=abc', 'absent', '/a?x=1&?key=abc'],
  ])('%s', async (path, expected, left) => {
    const { value, last } = await read({ query: 'key' }, {}, path)
    expect(value).toBe(expected)
    expect(last.path).toBe(left)
  })
})
