import { ConfigError, type Exchange } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { leastConnections, subset, type SubsetOptions } from '../src/index.ts'
import { exchangeOf, nameOf, Pool, triedAt } from './pool.ts'

/** a and b are v1, c is v2, d has no version. */
const VERSIONS = [
  { metadata: { version: 'v1' } },
  { metadata: { version: 'v1' } },
  { metadata: { version: 'v2' } },
  { metadata: { stage: 'canary' } },
]

const make = (options: Partial<SubsetOptions> = {}) =>
  new Pool(subset({ by: ['version'], select: { version: { header: 'x-version' } }, ...options }), VERSIONS)

/** Who gets requests for a version, all of them. */
async function chosen(pool: Pool, version?: string): Promise<string> {
  const exchange = await exchangeOf({ headers: { 'x-version': version } })
  const names = Array.from({ length: 24 }, () => nameOf(pool.pick([], exchange)))
  return [...new Set(names)].toSorted().join('')
}

describe('subsets', () => {
  it('gives requests to the targets that have what they ask for', async () => {
    const pool = make()
    expect(await chosen(pool, 'v1')).toBe('ab')
    expect(await chosen(pool, 'v2')).toBe('c')
    expect(pool.balancer.snapshot!()).toEqual([
      { values: { version: 'v1' }, targets: 2, admissible: 2 },
      { values: { version: 'v2' }, targets: 1, admissible: 1 },
    ])
  })

  it.each([
    ['any', 'abcd', 'abcd'],
    ['none', '-', '-'],
    [{ version: 'v2' }, 'c', '-'],
  ] as const)('falls back to %j where none is selected or there is none', async (fallback, expected, withoutV2) => {
    const pool = make({ fallback })
    expect(await chosen(pool)).toBe(expected)
    expect(await chosen(pool, 'v3')).toBe(expected)
    expect(await chosen(pool, '')).toBe(expected)
    pool.admit((target) => target.metadata.version === 'v2')
    expect(await chosen(pool, 'v2')).toBe(withoutV2.replace('c', ''))
  })

  it('falls back where all of a subset were tried or are full', async () => {
    const exchange = await exchangeOf({ headers: { 'x-version': 'v1' } })
    const pool = make({ fallback: { version: 'v2' } })
    const [a, b, c] = pool.targets
    expect(pool.pick(triedAt(a!), exchange)).toBe(b)
    expect(pool.pick(triedAt(a!, b!), exchange)).toBe(c)
    expect(pool.pick(triedAt(a!, b!, c!), exchange)).toBeUndefined()
    for (const target of [a!, b!]) target.maxActive = target.active = 1
    expect(pool.pick([], exchange)).toBe(c)
  })

  it('follows targets that come and go', async () => {
    const pool = make({ fallback: 'none' })
    const [a, , c] = pool.targets
    pool.targets = [a!]
    pool.admit()
    expect([await chosen(pool, 'v1'), await chosen(pool, 'v2')]).toEqual(['a', '-'])
    pool.targets = [a!, c!]
    pool.admit()
    expect([await chosen(pool, 'v1'), await chosen(pool, 'v2')]).toEqual(['a', 'c'])
  })

  it('takes several keys, in the order that it was told', async () => {
    const select = { region: { query: 'region' }, version: { cookie: 'version' } } as const
    const pool = new Pool(subset({ by: ['version', 'region'], select, fallback: 'none' }), [
      { metadata: { version: '1', region: 'eu' } },
      { metadata: { version: '1', region: 'us' } },
      { metadata: { version: 'eu', region: '1' } },
      { metadata: { version: '1' } },
    ])
    const pick = async (region: string, version: string) =>
      nameOf(pool.pick([], await exchangeOf({ path: `/?region=${region}`, headers: { cookie: `version=${version}` } })))
    expect(await pick('eu', '1')).toBe('a')
    expect(await pick('us', '1')).toBe('b')
    expect(await pick('1', 'eu')).toBe('c')
    expect(await pick('', '1')).toBe('-')
    expect(await pick('eu', '2')).toBe('-')
  })

  it('asks a function', async () => {
    const byPath = ({ request }: Exchange) => (request.path === '/' ? undefined : { version: request.path.slice(1) })
    const pool = make({ select: byPath, fallback: 'none' })
    const pick = async (path: string) => nameOf(pool.pick([], await exchangeOf({ path })))
    expect(await pick('/v2')).toBe('c')
    expect(await pick('/')).toBe('-')
    expect(await pick('/constructor')).toBe('-')
  })

  it('gives each subset its own balancer, and any target another one, and tells them what happens', async () => {
    const v1 = await exchangeOf({ headers: { 'x-version': 'v1' } })
    const pool = make({ balancer: leastConnections() })
    const first = [pool.begin([], v1)!, pool.begin([], v1)!]
    expect(new Set(first).size).toBe(2)
    // All targets together know of these two as well.
    expect(new Set([nameOf(pool.begin()), nameOf(pool.begin())])).toEqual(new Set('cd'))
    pool.end(first[0]!)
    expect(pool.pick([], v1)).toBe(first[0])
    expect(pool.pick()).toBe(first[0])
  })

  it.each<[path: string, options: object]>([
    ['by', { by: [] }],
    ['by', { by: 'version' }],
    ['by', { by: [''] }],
    ['select', { select: undefined }],
    ['select', { select: {} }],
    ['select', { select: { version: { header: 'a' }, region: { header: 'b' } } }],
    ['select.version', { select: { version: 'v1' } }],
    ['select.version.header', { select: { version: { header: ' ' } } }],
    ['fallback', { fallback: 'all' }],
    ['fallback', { fallback: { region: 'eu' } }],
    ['balancer', { balancer: 7 }],
  ])('refuses a wrong %s: %j', (path, options) => {
    expect(() => make(options)).toThrow(ConfigError)
    expect(() => make(options)).toThrow(expect.objectContaining({ path: `subset.${path}` }))
  })
})
