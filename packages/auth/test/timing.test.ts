/**
 * Guessing teaches nothing: a user or a key that is not there costs what a wrong one costs. The work is counted, which is exact; and its time is
 * measured too, as the median of pairs that are taken in turns, with a bound that only a missing hash breaks.
 */
import { timingSafeEqual } from 'node:crypto'
import { hashSync } from '@node-rs/bcrypt'
import type { Exchange } from '@sluice/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { apiKey, apiKeyDigest, basic, type BasicOptions, type Strategy } from '../src/index.ts'
import { basicField, setUp } from './set-up.ts'

// The real one, counted.
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>()
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) }
})
const compared = vi.mocked(timingSafeEqual)
const lengths = () => compared.mock.calls.map(([one, other]) => [one.byteLength, other.byteLength])
beforeEach(() => void compared.mockClear())

/** An exchange with these fields, for asking a strategy without a gateway around it. */
async function exchangeWith(headers: Record<string, string>): Promise<Exchange> {
  return (await setUp([]).inject({ headers })).exchange
}

async function refuse(strategy: Strategy, exchange: Exchange, times: number): Promise<void> {
  for (let i = 0; i < times; i++)
    expect(await strategy.authenticate(exchange)).toMatchObject({ kind: 'refused', reason: 'wrong' })
}

/** How many times as much CPU the one takes as the other: the median of pairs. */
async function ratio(one: () => Promise<void>, other: () => Promise<void>, pairs: number): Promise<number> {
  const cost = async (run: () => Promise<void>): Promise<number> => {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  await one()
  await other()
  const ratios: number[] = []
  for (let i = 0; i < pairs; i++) {
    const isTurned = i % 2 === 1
    const first = await cost(isTurned ? other : one)
    const second = await cost(isTurned ? one : other)
    ratios.push(isTurned ? second / first : first / second)
  }
  return ratios.toSorted((a, b) => a - b)[Math.floor(pairs / 2)]!
}

describe('Basic', () => {
  const [CHEAP, DEAR] = [hashSync('a', { cost: 4 }), hashSync('a', { cost: 5 })]

  it.each<[string, (verify: (password: string, hash: string) => boolean) => BasicOptions]>([
    ['a list', (bcrypt) => ({ users: { ada: CHEAP, bob: CHEAP }, verifiers: { bcrypt } })],
    ['a function', (bcrypt) => ({ users: (name) => (name === 'ada' ? CHEAP : undefined), verifiers: { bcrypt } })],
  ])('verifies one hash for an unknown user, as for a wrong password (%s)', async (_, optionsOf) => {
    const calls: string[] = []
    const strategy = basic(
      optionsOf((password, hash) => {
        calls.push(`${password} ${hash}`)
        return password === 'right'
      }),
    )
    const unknown = await exchangeWith(basicField('eve', 'wrong'))
    const wrong = await exchangeWith(basicField('ada', 'wrong'))
    await refuse(strategy, wrong, 1)
    await refuse(strategy, unknown, 1)
    expect(calls).toEqual([`wrong ${CHEAP}`, `wrong ${CHEAP}`])
    // Also where what is sent is the password of whoever is compared with.
    await refuse(strategy, await exchangeWith(basicField('eve', 'right')), 1)
    expect(calls).toHaveLength(3)
  })

  it('takes unknown users for known ones of each kind, and each always for the same', async () => {
    const seen = new Map<string, Set<string>>()
    let name = ''
    const strategy = basic({
      users: { ada: CHEAP, bob: DEAR },
      verifiers: { bcrypt: (_, hash) => (seen.set(name, (seen.get(name) ?? new Set()).add(hash)), false) },
    })
    for (let i = 0; i < 40; i++) {
      name = `user ${i}`
      await refuse(strategy, await exchangeWith(basicField(name, 'a')), 3)
    }
    expect([...seen.values()].every((hashes) => hashes.size === 1)).toBe(true)
    expect(new Set([...seen.values()].flatMap((hashes) => [...hashes]))).toEqual(new Set([CHEAP, DEAR]))
  })

  it('compares digests of one length in constant time, whoever it is and however long the password', async () => {
    const strategy = basic({ users: { ada: { password: 'a password' } } })
    for (const [user, password] of [
      ['ada', 'b'],
      ['ada', 'b'.repeat(1_000)],
      ['eve', 'a password'],
    ] as const)
      await refuse(strategy, await exchangeWith(basicField(user, password)), 1)
    expect(lengths()).toEqual([
      [32, 32],
      [32, 32],
      [32, 32],
    ])
  })

  it('takes as long for an unknown user as for a wrong password', async () => {
    const strategy = basic({ users: { ada: CHEAP } })
    const unknown = await exchangeWith(basicField('eve', 'wrong'))
    const wrong = await exchangeWith(basicField('ada', 'wrong'))
    const found = await ratio(
      async () => await refuse(strategy, unknown, 5),
      async () => await refuse(strategy, wrong, 5),
      15,
    )
    expect(found).toBeGreaterThan(0.5)
    expect(found).toBeLessThan(2)
  })
})

describe('API keys', () => {
  const keysOf = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ sha256: apiKeyDigest(`key ${i}`), subject: `owner ${i}` }))

  it('are compared once, digest with digest, found or not', async () => {
    const strategy = apiKey({ keys: keysOf(100) })
    const from = { 'X-API-Key': 'nearly-a-key' }
    await refuse(strategy, await exchangeWith(from), 1)
    expect(lengths()).toEqual([[32, 32]])
    const known = apiKey({ keys: [{ sha256: apiKeyDigest('nearly-a-key'), subject: 'a', expiresAt: 1 }] })
    expect(await known.authenticate(await exchangeWith(from))).toMatchObject({ reason: 'expired' })
    expect(lengths()).toEqual([
      [32, 32],
      [32, 32],
    ])
  })

  it('take as long to refuse among ten thousand as among ten', async () => {
    const [few, many] = [apiKey({ keys: keysOf(10) }), apiKey({ keys: keysOf(10_000) })]
    const exchange = await exchangeWith({ 'X-API-Key': 'k'.repeat(32) })
    const ask = (strategy: Strategy) => async () => {
      for (let i = 0; i < 500; i++) void strategy.authenticate(exchange)
    }
    const found = await ratio(ask(many), ask(few), 21)
    expect(found).toBeGreaterThan(0.3)
    expect(found).toBeLessThan(3)
  })
})
