/** Several strategies: who decides, who is challenged, whose credentials go on. */
import { identity, type Identity, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { allOf, anyOf, apiKey, apiKeyDigest, basic, defineStrategy, optional, refused } from '../../src/index.ts'
import { basicField, record, setUp } from '../set-up.ts'

const KEY = 'k'.repeat(32)
const key = () => apiKey({ keys: [{ sha256: apiKeyDigest(KEY), subject: 'shop', roles: ['machine'] }] })
const password = () => basic({ users: { ada: { password: 'secret', roles: ['person'] } } })
const GOOD = basicField('ada', 'secret')
const BAD = basicField('ada', 'wrong')
/** One that always takes its time, and is absent. */
const slow = defineStrategy<Identity>({ scheme: 'slow', authenticate: async () => ({ kind: 'absent' }) })
const whoever = async (use: Parameters<typeof setUp>[0], headers: Record<string, string>) => {
  const { inject } = setUp([...use, (x) => Reply.json(x.peek(identity) ?? null)])
  const reply = await inject({ headers })
  return reply.status === 200 ? ((await reply.json()) as { subject: string } | null) : reply.status
}

describe('anyOf', () => {
  it('takes the first whose credentials are there', async () => {
    const either = anyOf(slow, password(), slow, key())
    expect(await whoever([either], GOOD)).toMatchObject({ subject: 'ada', scheme: 'basic' })
    expect(await whoever([either], { 'X-API-Key': KEY })).toMatchObject({ subject: 'shop', scheme: 'api-key' })
    expect(await whoever([either], { ...GOOD, 'X-API-Key': 'wrong' })).toMatchObject({ subject: 'ada' })
  })

  it('lets the first refuse as well: what else is there does not make up for it', async () => {
    expect(await whoever([anyOf(password(), key())], { ...BAD, 'X-API-Key': KEY })).toBe(401)
    expect(await whoever([anyOf(key(), password())], { ...BAD, 'X-API-Key': KEY })).toMatchObject({ subject: 'shop' })
  })

  it.each([
    ['without credentials', {}],
    ['with bad ones', BAD],
  ])('challenges by all, each in a line of its own, %s', async (_, headers) => {
    const { inject } = setUp([anyOf(password(), slow, key())])
    const reply = await inject({ headers })
    expect(reply.status).toBe(401)
    expect(reply.headers.getAll('www-authenticate')).toEqual([
      'Basic realm="restricted", charset="UTF-8"',
      'ApiKey realm="restricted", header="X-API-Key"',
    ])
  })

  it('puts what a refusal says in the place of that one challenge', async () => {
    const token = defineStrategy<Identity>({
      scheme: 'jwt',
      authenticate: async () => ({ kind: 'refused', status: 401, reason: 'expired', challenge: 'Bearer error="x"' }),
      challenge: () => 'Bearer',
    })
    const { inject } = setUp([anyOf(key(), token, password())])
    expect((await inject()).headers.getAll('www-authenticate')).toEqual([
      'ApiKey realm="restricted", header="X-API-Key"',
      'Bearer error="x"',
      'Basic realm="restricted", charset="UTF-8"',
    ])
  })

  it('does not challenge with 403 or 503', async () => {
    for (const status of [403, 503] as const) {
      const closed = defineStrategy<Identity>({
        scheme: 'closed',
        authenticate: () => ({ kind: 'refused', status, reason: 'closed' }),
      })
      const reply = await setUp([anyOf(closed, password())]).inject()
      expect([reply.status, reply.headers.has('www-authenticate')]).toEqual([status, false])
    }
  })

  it('takes the credentials of all of them off', async () => {
    const { inject, last } = setUp([anyOf(password(), key())])
    await inject({ headers: { ...GOOD, 'X-API-Key': 'nobody has looked at this' } })
    expect([last().header('authorization'), last().header('x-api-key')]).toEqual([undefined, undefined])
  })

  it('counts for itself and for each', async () => {
    const either = anyOf(password(), key())
    const { status } = setUp([either])
    const events = record(refused)
    for (const headers of [GOOD, BAD, { 'X-API-Key': KEY }, {}]) await status(headers)
    expect(either.snapshot()).toMatchObject({
      name: 'anyOf(basic, api-key)',
      scheme: 'basic api-key',
      accepted: 2,
      refused: 1,
      absent: 1,
      strategies: [
        { name: 'basic', accepted: 1, refused: 1, absent: 2 },
        { name: 'api-key', accepted: 1, refused: 0, absent: 1 },
      ],
    })
    expect(events.map(({ strategy, reason }) => [strategy, reason])).toEqual([
      ['anyOf(basic, api-key)', 'wrong'],
      ['anyOf(basic, api-key)', 'missing'],
    ])
  })
})

describe('allOf', () => {
  it('asks for all, and gives the identity of the first with all of them', async () => {
    const both = allOf(password(), slowly(key()))
    expect(await whoever([both], { ...GOOD, 'X-API-Key': KEY })).toMatchObject({
      subject: 'ada',
      scheme: 'basic',
      roles: ['person'],
      all: [
        { subject: 'ada', scheme: 'basic' },
        { subject: 'shop', scheme: 'api-key', roles: ['machine'] },
      ],
    })
  })

  it.each([
    ['one is missing', GOOD],
    ['the other is missing', { 'X-API-Key': KEY }],
    ['one is wrong', { ...BAD, 'X-API-Key': KEY }],
    ['the other is wrong', { ...GOOD, 'X-API-Key': 'wrong' }],
    ['both are missing', {}],
  ])('refuses where %s', async (_, headers: Record<string, string>) => {
    expect(await whoever([allOf(password(), key())], headers)).toBe(401)
    expect(await whoever([allOf(key(), slowly(password()))], headers)).toBe(401)
  })

  it('challenges by the one that was wrong, or by all', async () => {
    const { inject } = setUp([allOf(password(), key())])
    expect((await inject()).headers.getAll('www-authenticate')).toHaveLength(2)
    const wrong = await inject({ headers: { ...GOOD, 'X-API-Key': 'wrong' } })
    expect(wrong.headers.getAll('www-authenticate')).toEqual(['ApiKey realm="restricted", header="X-API-Key"'])
  })

  it('gives the same object for the same identities, and never that of others', async () => {
    const keys = [KEY, 'l'.repeat(32)].map((each, i) => ({ sha256: apiKeyDigest(each), subject: `shop ${i}` }))
    const { inject } = setUp([allOf(password(), apiKey({ keys }))])
    const ask = async (each: string) =>
      (await inject({ headers: { ...GOOD, 'X-API-Key': each } })).exchange.peek(identity) as Identity & {
        all: Identity[]
      }
    const [one, again, other] = [await ask(KEY), await ask(KEY), await ask('l'.repeat(32))]
    expect(again).toBe(one)
    expect([one.all[1]!.subject, other.all[1]!.subject]).toEqual(['shop 0', 'shop 1'])
  })

  it('is passed over by an anyOf around it where it is not complete', async () => {
    const either = anyOf(allOf(key(), slow), password())
    expect(await whoever([either], { ...GOOD, 'X-API-Key': KEY })).toMatchObject({ subject: 'ada' })
  })

  it('takes the credentials of all of them off', async () => {
    const { inject, last } = setUp([allOf(password(), key())])
    expect((await inject({ headers: { ...GOOD, 'X-API-Key': KEY } })).status).toBe(200)
    expect([last().header('authorization'), last().header('x-api-key')]).toEqual([undefined, undefined])
  })
})

describe('optional', () => {
  it('goes on without an identity where there are no credentials', async () => {
    expect(await whoever([optional(password())], {})).toBeNull()
    expect(await whoever([optional(slow)], {})).toBeNull()
    expect(await whoever([optional(password())], GOOD)).toMatchObject({ subject: 'ada' })
  })

  it('refuses bad ones', async () => {
    const { inject, fake } = setUp([optional(anyOf(password(), key()))])
    const reply = await inject({ headers: BAD })
    expect([reply.status, reply.headers.getAll('www-authenticate')]).toMatchObject([401, { length: 2 }])
    expect(fake.requests).toHaveLength(0)
  })

  it('ignores bad ones where it is told to, and takes them off', async () => {
    const strategy = optional(slowly(password()), { onRefused: 'ignore' })
    const { inject, last } = setUp([strategy])
    expect((await inject({ headers: BAD })).status).toBe(200)
    expect(last().header('authorization')).toBeUndefined()
    expect(await whoever([strategy], BAD)).toBeNull()
    expect(strategy.snapshot()).toMatchObject({ refused: 2 })
  })
})

/** The same, with a wait. */
function slowly<I extends Identity>(strategy: ReturnType<typeof defineStrategy<I>>) {
  return defineStrategy<I>({
    scheme: strategy.scheme,
    authenticate: async (x) => await strategy.authenticate(x),
    challenge: (x) => strategy.challenge(x),
    strip: (x) => strategy.strip(x),
  })
}
