import { describe, expect, it } from 'vitest'
import { ConfigError, originList } from '../src/index.ts'

describe('originList', () => {
  const isListed = originList(
    [
      'https://app.example.com',
      'http://localhost:3000/',
      'https://*.friends.example',
      'https://*.dev.example:8443',
      'null',
      'chrome-extension://abcDEF',
      'same',
    ],
    'origins',
    'same',
  )

  it.each([
    'https://app.example.com',
    'http://localhost:3000',
    'https://a.friends.example',
    'https://a.b.friends.example',
    'https://a.dev.example:8443',
    'null',
    'chrome-extension://abcDEF',
  ])('has %s', (origin) => expect(isListed(origin)).toBe(true))

  it.each([
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com/',
    'https://APP.example.com',
    'https://app.example.com.evil.example',
    'https://evilapp.example.com',
    'http://localhost',
    'http://localhost:30000',
    'https://friends.example',
    'https://.friends.example',
    'https://evilfriends.example',
    'http://a.friends.example',
    'https://evil.example/.friends.example',
    'https://evil.example#.friends.example',
    'https://user@a.friends.example',
    'https://a.friends.example:8443',
    'https://a.dev.example',
    'same',
    '',
  ])('has not %s', (origin) => expect(isListed(origin)).toBe(false))

  it.each([
    'app.example.com',
    'https://a.example/path',
    '*',
    'https://*',
    'https://*.example',
    'https://*.com:443',
    'https://a.*.example.com',
    'https://a*.example.com',
    7,
  ])('refuses %j with its path', (entry) => {
    const build = () => originList(['https://a.example', entry as string], 'origins')
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: 'origins[1]' }))
  })

  it('refuses what is no list', () => {
    expect(() => originList('https://a.example' as never, 'origins')).toThrow(
      expect.objectContaining({ path: 'origins' }),
    )
  })
})
