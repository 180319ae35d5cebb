import { describe, expect, it } from 'vitest'
import { compileCapabilities, isNeverWritten } from '../../src/manifest/capabilities.ts'
import { compileGlobs } from '../../src/manifest/globs.ts'
import { DEFAULT_LIMITS } from '../../src/manifest/limits.ts'

describe('globs', () => {
  it.each([
    ['x-*', 'x-user', true],
    ['x-*', 'x-', true],
    ['x-*', 'y-x-', false],
    ['*-id', 'request-id', true],
    ['*-id', 'request-ids', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['*', '', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
  ])('%s and %s: %s', (glob, name, expected) => {
    expect(compileGlobs([glob])(name)).toBe(expected)
  })

  it('of none match nothing, and of several any', () => {
    expect(compileGlobs([])('a')).toBe(false)
    const matches = compileGlobs(['a', 'b-*'])
    expect(['a', 'b-1', 'b', 'c'].map(matches)).toEqual([true, true, false, false])
  })

  it('take linear time for a name that was made to go back and forth', () => {
    const matches = compileGlobs([`${'a*'.repeat(50)}b`])
    const before = process.cpuUsage()
    expect(matches('a'.repeat(20_000))).toBe(false)
    // Backtracking over all stars would not end in this lifetime; this takes some milliseconds.
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000)
  })
})

describe('grants of header fields', () => {
  const grants = (write: string[]) =>
    compileCapabilities({ requestHeaders: { write } }, DEFAULT_LIMITS.inline).requestHeaders

  it('do not regard case', () => {
    expect(grants(['X-User']).mayWrite('x-user')).toBe(true)
  })

  it('include host only where it is named', () => {
    expect(grants(['*']).mayWrite('host')).toBe(false)
    expect(grants(['h*']).mayWrite('host')).toBe(false)
    expect(grants(['Host']).mayWrite('host')).toBe(true)
  })

  it('never include what frames a message, also in the spelling of programs that read it as variables', () => {
    for (const key of ['content-length', 'transfer-encoding', 'connection', 'te', 'upgrade', 'transfer_encoding'])
      expect(isNeverWritten(key), key).toBe(true)
    for (const key of ['content-type', 'x_user', 'via']) expect(isNeverWritten(key), key).toBe(false)
  })
})
