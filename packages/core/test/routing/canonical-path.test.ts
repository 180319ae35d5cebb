import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ambiguityMask, ambiguityNames, canonicalPath, PATH_AMBIGUITIES } from '../../src/routing/canonical-path.ts'

const read = (raw: string): [path: string, ...ambiguities: string[]] => {
  const { path, ambiguities } = canonicalPath(raw)
  return [path, ...ambiguityNames(ambiguities)]
}

describe('canonicalPath', () => {
  it.each([
    ['/', '/'],
    ['/users/1', '/users/1'],
    ['/users/', '/users/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a.b/..c/d..', '/a.b/..c/d..'],
    ['/%41%7a%30%2D%2e%5F%7e', '/Az0-._~'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a%20b%3ac', '/a%20b%3Ac'],
    ['/100%25', '/100%25'],
    ['/100%25x', '/100%25x'],
    ['/a;b=c/@(d),e', '/a;b=c/@(d),e'],
  ])('reads %s as %s, without doubt', (raw, path) => {
    expect(read(raw)).toEqual([path])
  })

  it.each([
    ['/pub/..%2fadmin', '/pub/..%2Fadmin', 'encoded-slash'],
    ['/a%2Fb', '/a%2Fb', 'encoded-slash'],
    ['/a/../b', '/b', 'dot-segment'],
    ['/a/./b', '/a/b', 'dot-segment'],
    ['/a/..', '/', 'dot-segment'],
    ['/a/b/.', '/a/b/', 'dot-segment'],
    ['/../../x', '/x', 'dot-segment'],
    ['/a/%2e%2E/b', '/b', 'dot-segment'],
    ['/a/.%2e/b', '/b', 'dot-segment'],
    ['/a//b', '/a/b', 'empty-segment'],
    ['//', '/', 'empty-segment'],
    ['/a//', '/a/', 'empty-segment'],
    ['/a\\b', '/a/b', 'backslash'],
    ['/a%5cb', '/a/b', 'backslash'],
    ['/a%5C..%5Cb', '/b', 'dot-segment', 'backslash'],
    ['/%252e%252e/x', '/%252e%252e/x', 'double-encoding'],
    ['/%25%32%65', '/%252e', 'double-encoding'],
    ['/%25%34%31', '/%2541', 'double-encoding'],
    ['/%254%31', '/%2541', 'double-encoding'],
    ['/%', '/%', 'bad-escape'],
    ['/%4', '/%4', 'bad-escape'],
    ['/%zz', '/%zz', 'bad-escape'],
    ['/%c0%af', '/%C0%AF', 'bad-escape'],
    ['/%c1%9c', '/%C1%9C', 'bad-escape'],
    ['/%e0%80%af', '/%E0%80%AF', 'bad-escape'],
    ['/%f0%80%80%af', '/%F0%80%80%AF', 'bad-escape'],
    ['/%f8%80%80%80%af', '/%F8%80%80%80%AF', 'bad-escape'],
    ['/%fc%80%80%80%80%af', '/%FC%80%80%80%80%AF', 'bad-escape'],
  ])('reads %s as %s, in doubt', (raw, path, ...ambiguities) => {
    expect(read(raw)).toEqual([path, ...ambiguities])
  })

  it.each(['/a\0', '/a%00', '/%0d%0aX:1', '/a\tb', '/a b', '/%7f', '/%1F'])(
    'finds the control character in %j',
    (raw) => {
      const { ambiguities } = canonicalPath(raw)
      expect(ambiguityNames(ambiguities)).toContain('control-character')
      // Whatever a route allows.
      expect(ambiguities & ~ambiguityMask(PATH_AMBIGUITIES)).not.toBe(0)
    },
  )

  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '%',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      '%25',
      '%2',
      '41',
      '%41',
      '%c0',
      '%e0%80',
      '%00',
      ';',
    ),
    fc.string({ unit: 'grapheme-ascii', maxLength: 3 }),
    fc.nat(255).map((byte) => `%${byte.toString(16).padStart(2, '0')}`),
  )
  const path = fc.array(piece, { maxLength: 20 }).map((pieces) => `/${pieces.join('')}`)

  it('never throws, and is the same once more where nothing was in doubt', () => {
    fc.assert(
      fc.property(fc.oneof(path, fc.string({ unit: 'binary' })), (raw) => {
        const once = canonicalPath(raw)
        const again = canonicalPath(once.path)
        return once.ambiguities !== 0 || (again.path === once.path && again.ambiguities === 0)
      }),
      { numRuns: 2_000 },
    )
  })

  it('leaves no dot segment, no empty segment, no backslash and no lower-case escape', () => {
    fc.assert(
      fc.property(path, (raw) => {
        const canonical = canonicalPath(raw).path
        expect(canonical.startsWith('/')).toBe(true)
        expect(canonical).not.toMatch(/\/\.{1,2}(?:\/|$)|\/\/|\\/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('reads what needs no escape the same with and without one', () => {
    const unreserved = fc.constantFrom(...'abzABZ019-_~'.split(''))
    fc.assert(
      fc.property(fc.array(fc.tuple(unreserved, fc.boolean(), fc.boolean()), { minLength: 1 }), (letters) => {
        const plain = letters.map(([letter]) => letter).join('')
        const escaped = letters
          .map(([letter, escape, upper]) => {
            const hex = `%${letter.charCodeAt(0).toString(16)}`
            return escape ? (upper ? hex.toUpperCase() : hex) : letter
          })
          .join('')
        expect(canonicalPath(`/${escaped}`)).toEqual({ path: `/${plain}`, ambiguities: 0 })
      }),
    )
  })

  it('agrees with a server that decodes: what is not in doubt has no separator or dots after one or two decodings', () => {
    fc.assert(
      fc.property(path, (raw) => {
        const { ambiguities, path: canonical } = canonicalPath(raw)
        if (ambiguities !== 0) return
        let decoded = canonical
        for (let pass = 1; pass <= 2; pass++) {
          decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
            String.fromCharCode(Number.parseInt(hex, 16)),
          )
          expect(decoded.split('/').length).toBe(canonical.split('/').length)
          expect(decoded).not.toMatch(/\/\.{1,2}(?:\/|$)|\\|\0/)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it.each(['/..', '%2e%2e/', '//', '\\', '%', '%25', '%2541', '/a', '/.', '%e0%80'])(
    'takes time in proportion to the length for %j repeated',
    (unit) => {
      // A hundred times the length must not take ten thousand times as long: with 1.6 MB, quadratic would be minutes.
      const raw = `/${unit.repeat(1_600_000 / unit.length)}`
      const start = performance.now()
      canonicalPath(raw)
      expect(performance.now() - start).toBeLessThan(2_000)
    },
  )
})
