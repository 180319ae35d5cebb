/** What is kept, for how long, and what is forgotten. */
import type { Identity } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { authCache, type AuthCacheOptions, cacheAsked, type CachedVerdict, type Verdict } from '../../src/index.ts'
import { record } from '../set-up.ts'

function identityOf(subject: string, scheme = 'test'): Identity {
  return { subject, scheme, claims: {}, scopes: [], roles: [], raw: undefined }
}

function acceptedAs(subject: string): Verdict {
  return { kind: 'accepted', identity: identityOf(subject) }
}

const wrong: Verdict = { kind: 'refused', status: 401, reason: 'wrong' }
const away: Verdict = { kind: 'refused', status: 503, reason: 'away' }
const START = 1_000_000

function counted(options: AuthCacheOptions = {}) {
  const cache = authCache(options)
  let loads = 0
  const ask = (key: string, now: number, found: CachedVerdict | (() => Promise<CachedVerdict>)) =>
    cache.through(key, now, async () => {
      loads++
      return typeof found === 'function' ? await found() : found
    })
  return { cache, ask, loads: () => loads }
}

describe('a verdict', () => {
  it('is given again at once, without a promise, until its time is over', async () => {
    const { ask, loads } = counted({ ttlMs: 10_000 })
    expect(await ask('a', START, { verdict: acceptedAs('ada') })).toMatchObject({ kind: 'accepted' })
    expect(ask('a', START + 9_999, { verdict: wrong })).toMatchObject({ kind: 'accepted' })
    expect(loads()).toBe(1)
    expect(ask('a', START + 10_000, { verdict: acceptedAs('ada') })).toBeInstanceOf(Promise)
    expect(loads()).toBe(2)
  })

  it('is never kept beyond what the credential says', async () => {
    const { ask, loads } = counted({ ttlMs: 60_000 })
    await ask('a', START, { verdict: acceptedAs('ada'), expiresAt: START + 5_000 })
    expect(ask('a', START + 4_999, { verdict: wrong })).toMatchObject({ kind: 'accepted' })
    expect(await ask('a', START + 5_000, { verdict: wrong })).toEqual(wrong)
    await ask('b', START, { verdict: acceptedAs('ada'), expiresAt: START })
    await ask('b', START, { verdict: acceptedAs('ada'), expiresAt: START })
    expect(loads()).toBe(4)
  })

  it('of a refusal is kept for a shorter time, and not at all where nobody could say', async () => {
    const { ask, loads } = counted({ refusedTtlMs: 1_000 })
    await ask('a', START, { verdict: wrong })
    expect(ask('a', START + 999, { verdict: acceptedAs('ada') })).toEqual(wrong)
    expect(await ask('a', START + 1_000, { verdict: acceptedAs('ada') })).toMatchObject({ kind: 'accepted' })
    for (const verdict of [away, { kind: 'absent' } as const]) {
      await ask('b', START, { verdict })
      await ask('b', START, { verdict })
    }
    expect(loads()).toBe(6)
  })

  it('of a refusal is kept no longer than it is one', async () => {
    const { ask, loads } = counted({ refusedTtlMs: 1_000 })
    await ask('a', START, { verdict: wrong, expiresAt: START + 10 })
    expect(ask('a', START + 9, { verdict: acceptedAs('ada') })).toEqual(wrong)
    expect(await ask('a', START + 10, { verdict: acceptedAs('ada') })).toMatchObject({ kind: 'accepted' })
    expect(loads()).toBe(2)
  })

  it('of a refusal is not kept where its time is 0', async () => {
    const { ask, loads, cache } = counted({ refusedTtlMs: 0 })
    await ask('a', START, { verdict: wrong })
    await ask('a', START, { verdict: wrong })
    expect([loads(), cache.snapshot().refusedEntries]).toEqual([2, 0])
  })

  it('is looked for again where the clock was set back', async () => {
    const { ask, loads } = counted()
    await ask('a', START, { verdict: acceptedAs('ada') })
    await ask('a', START - 1, { verdict: acceptedAs('ada') })
    expect(loads()).toBe(2)
  })
})

describe('several who ask at once', () => {
  it('have one who finds out, and each gets the verdict', async () => {
    const { ask, loads, cache } = counted()
    const verdicts = await Promise.all([1, 2, 3].map(async () => await ask('a', START, { verdict: acceptedAs('ada') })))
    expect(verdicts).toHaveLength(3)
    expect(new Set(verdicts).size).toBe(1)
    expect(loads()).toBe(1)
    expect(cache.snapshot()).toMatchObject({ hits: 0, misses: 1, joined: 2, entries: 1 })
  })

  it('do not wait for one that hangs, and what it finds at last overwrites nothing', async () => {
    const { ask, loads } = counted()
    let finish!: (found: CachedVerdict) => void
    const hanging = new Promise<CachedVerdict>((resolve) => (finish = resolve))
    const first = ask('a', START, () => hanging)
    const second = ask('a', START + 4_999, { verdict: wrong })
    expect(second).toBe(first)
    expect(await ask('a', START + 5_000, { verdict: wrong })).toEqual(wrong)
    finish({ verdict: acceptedAs('ada') })
    expect(await first).toMatchObject({ kind: 'accepted' })
    expect(ask('a', START + 5_001, { verdict: acceptedAs('ada') })).toEqual(wrong)
    expect(loads()).toBe(2)
  })

  it('all fail with the one, and the next tries anew', async () => {
    const { ask, loads } = counted()
    const fail = async (): Promise<CachedVerdict> => {
      throw new Error('away')
    }
    const both = [ask('a', START, fail), ask('a', START, fail)]
    await expect(both[0]).rejects.toThrow('away')
    await expect(both[1]).rejects.toThrow('away')
    expect(await ask('a', START, { verdict: acceptedAs('ada') })).toMatchObject({ kind: 'accepted' })
    expect(loads()).toBe(2)
  })
})

describe('forgetting', () => {
  it('a subject leaves the others, and refusals are looked at again', async () => {
    const { cache, ask, loads } = counted()
    await ask('a1', START, { verdict: acceptedAs('ada') })
    await ask('a2', START, { verdict: acceptedAs('ada') })
    await ask('b', START, { verdict: acceptedAs('bob') })
    await ask('c', START, { verdict: wrong })
    cache.invalidate('ada')
    expect(cache.snapshot()).toMatchObject({ entries: 1, refusedEntries: 0 })
    expect(ask('b', START, { verdict: wrong })).toMatchObject({ kind: 'accepted' })
    expect(await ask('a1', START, { verdict: wrong })).toEqual(wrong)
    expect(await ask('c', START, { verdict: acceptedAs('cy') })).toMatchObject({ kind: 'accepted' })
    expect(loads()).toBe(6)
  })

  it('a subject of one scheme leaves the same name of another', async () => {
    const { cache, ask } = counted()
    await ask('a', START, { verdict: { kind: 'accepted', identity: identityOf('ada', 'basic') } })
    await ask('b', START, { verdict: { kind: 'accepted', identity: identityOf('ada', 'jwt') } })
    cache.invalidate('ada', 'jwt')
    expect(ask('a', START, { verdict: wrong })).toMatchObject({ kind: 'accepted' })
    expect(ask('b', START, { verdict: wrong })).toBeInstanceOf(Promise)
  })

  it.each(['invalidate', 'clear'] as const)('also concerns what is being found out just now (%s)', async (how) => {
    const { cache, ask, loads } = counted()
    let finish = (): void => {}
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const before = ask('a', START, async () => {
      await gate
      return { verdict: acceptedAs('ada') }
    })
    if (how === 'clear') cache.clear()
    else cache.invalidate('ada')
    // Who comes now does not wait for what may be out of date.
    expect(await ask('a', START, { verdict: wrong })).toEqual(wrong)
    finish()
    expect(await before).toMatchObject({ kind: 'accepted' })
    expect(ask('a', START, { verdict: acceptedAs('ada') })).toEqual(wrong)
    expect(loads()).toBe(2)
  })

  it('everything empties it', async () => {
    const { cache, ask } = counted()
    await ask('a', START, { verdict: acceptedAs('ada') })
    await ask('b', START, { verdict: wrong })
    cache.clear()
    expect(cache.snapshot()).toMatchObject({ entries: 0, refusedEntries: 0 })
  })
})

describe('the room', () => {
  it('is bounded, and who was used last stays', async () => {
    const { cache, ask } = counted({ maxEntries: 100, maxRefused: 10 })
    for (let i = 0; i < 1_000; i++) {
      await ask(`good ${i}`, START, { verdict: acceptedAs('ada') })
      await ask('always', START, { verdict: acceptedAs('bob') })
      await ask(`bad ${i}`, START, { verdict: wrong })
    }
    const { entries, refusedEntries, misses } = cache.snapshot()
    expect(entries).toBeGreaterThanOrEqual(100)
    expect(entries).toBeLessThanOrEqual(200)
    expect(refusedEntries).toBeLessThanOrEqual(20)
    expect(misses).toBe(2_001)
  })

  it('of those who were accepted is not taken by those who guess', async () => {
    const { ask } = counted({ maxEntries: 10, maxRefused: 10 })
    await ask('ada', START, { verdict: acceptedAs('ada') })
    for (let i = 0; i < 1_000; i++) await ask(`guess ${i}`, START, { verdict: wrong })
    expect(ask('ada', START, { verdict: wrong })).toMatchObject({ kind: 'accepted' })
  })
})

describe('keys', () => {
  it('are digests of scheme and credential, of another secret in each cache and for each strategy', () => {
    const cache = authCache()
    const key = cache.keyOf('basic', 'ada\0secret')
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(cache.keyOf('basic', 'ada\0secret')).toBe(key)
    const others = [
      cache.keyOf('jwt', 'ada\0secret'),
      cache.keyOf('basic', 'ada\0secret2'),
      authCache().keyOf('basic', 'ada\0secret'),
      cache.forStrategy().keyOf('basic', 'ada\0secret'),
    ]
    expect(new Set([key, ...others]).size).toBe(5)
  })

  it('of two strategies share the room, and one invalidation reaches both', async () => {
    const cache = authCache()
    const [one, two] = [cache.forStrategy(), cache.forStrategy()]
    await one.through(one.keyOf('a', 'x'), START, async () => ({ verdict: acceptedAs('ada') }))
    expect(two.through(two.keyOf('a', 'x'), START, async () => ({ verdict: wrong }))).toBeInstanceOf(Promise)
    cache.invalidate('ada')
    expect(cache.snapshot().entries).toBe(0)
  })
})

describe('the event', () => {
  it('says what became of each question', async () => {
    const events = record(cacheAsked)
    const { ask } = counted({ name: 'mine' })
    await Promise.all([ask('a', START, { verdict: wrong }), ask('a', START, { verdict: wrong })])
    await ask('a', START, { verdict: wrong })
    expect(events).toEqual(['miss', 'joined', 'hit'].map((outcome) => ({ cache: 'mine', outcome })))
  })
})
