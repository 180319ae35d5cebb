import { describe, expect, it } from 'vitest'
import { parseAuthority } from '../../src/routing/authority.ts'

describe('parseAuthority', () => {
  it.each([
    ['example.com', 'example.com', undefined],
    ['EXAMPLE.com', 'example.com', undefined],
    ['example.com.', 'example.com', undefined],
    ['example.com:', 'example.com', undefined],
    ['example.com:8080', 'example.com', 8080],
    ['localhost:1', 'localhost', 1],
    ['127.0.0.1:65535', '127.0.0.1', 65_535],
    ['my_service.internal', 'my_service.internal', undefined],
    ['[::1]', '[::1]', undefined],
    ['[2001:DB8::1]:443', '[2001:db8::1]', 443],
    ['[::ffff:1.2.3.4]', '[::ffff:1.2.3.4]', undefined],
  ])('reads %s', (text, host, port) => {
    expect(parseAuthority(text)).toEqual({ host, port })
  })

  it.each([
    '',
    ' ',
    'a b',
    'a, b',
    'a,b',
    'user@example.com',
    'example.com/path',
    'example.com?x',
    'example.com#x',
    'http://example.com',
    'example.com:0',
    'example.com:65536',
    'example.com:8a',
    'example.com:-1',
    'example.com:+1',
    'example.com: 80',
    'example.com:80:80',
    ':80',
    '.',
    '.example.com',
    '-example.com',
    'example.com..',
    '[::1',
    '::1',
    '[]',
    '[::1]x',
    '[::1]x:80',
    '[::::]',
    '[1.2.3.4]',
    '[fe80::1%eth0]',
    'exämple.com',
    'example.com\u00a0',
    'example.com\r\n',
    'example.com\0',
    '*.example.com',
  ])('refuses %j', (text) => {
    expect(parseAuthority(text)).toBeUndefined()
  })

  it('reads each by itself, whatever came before', () => {
    const texts = [
      'example.com',
      'a.example',
      'b.example',
      'bad host',
      'a.example',
      'bad host',
      'bad host',
      'a.example',
      'a.example',
    ]
    expect(texts.map((text) => parseAuthority(text)?.host)).toEqual(
      texts.map((text) => (text.includes(' ') ? undefined : text)),
    )
  })

  it('takes time in proportion to the length', () => {
    const start = performance.now()
    parseAuthority(`${'a.'.repeat(500_000)}!`)
    parseAuthority(`a${'.'.repeat(1_000_000)}`)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})
