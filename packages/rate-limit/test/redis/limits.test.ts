import { virtualClock } from '@sluice/testing'
/** Limits that are shared through a real Redis. */
import { systemClock } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { type Decision, type LimitAccount, type PolicyOptions, type RedisClient, redisStore } from '../../src/index.ts'
import { policyOf } from '../set-up.ts'
import { localRedis } from './local-redis.ts'

const HOUR = 3_600_000

/** A busy machine must not look like a Redis that is away. */
const PATIENT = { storeTimeoutMs: 10_000 }

function open(client: RedisClient, policies: readonly PolicyOptions[]): LimitAccount {
  return redisStore({ client, ...PATIENT }).openLimits(policies.map(policyOf))
}

/** How many of so many requests pass, all at once. */
async function admitted(account: LimitAccount, count: number, cost = 1): Promise<number> {
  const decisions = await Promise.all(
    Array.from({ length: count }, async () => await account.check(['key'], [cost], systemClock)),
  )
  return decisions.filter((decision) => decision.admitted).length
}

describe.each(['token-bucket', 'sliding-window'] as const)('%s', (algorithm) => {
  const hourly: PolicyOptions = { algorithm, limit: 50, windowMs: HOUR }

  it('is one limit for all who share it', async () => {
    const redis = await localRedis()
    const accounts = await Promise.all([1, 2, 3].map(async () => open(await redis.client(), [hourly])))
    const counts = await Promise.all(accounts.map((account) => admitted(account, 40)))
    expect(counts.reduce((sum, count) => sum + count)).toBe(50)
  })

  it('says what is left, and when to come back', async () => {
    const redis = await localRedis()
    const account = open(await redis.client(), [{ algorithm, limit: 10, windowMs: 60_000 }])
    const first = await account.check(['key'], [4], systemClock)
    expect(first.outcomes[0]).toMatchObject({ admitted: true, remaining: 6, retryAfterMs: 0 })
    expect(first.outcomes[0]!.resetMs).toBeCloseTo(algorithm === 'token-bucket' ? 24_000 : 60_000, -2)
    // Asked by somebody who has spent nothing so far: Redis itself has to refuse.
    const other = open(await redis.client(), [{ algorithm, limit: 10, windowMs: 60_000 }])
    const { admitted, outcomes } = await other.check(['key'], [8], systemClock)
    expect(admitted).toBe(false)
    expect(outcomes[0]!.remaining).toBeCloseTo(6, 1)
    const retryAfterMs = algorithm === 'token-bucket' ? 12_000 : 60_000
    expect(outcomes[0]!.retryAfterMs).toBeGreaterThan(retryAfterMs - 2_000)
    expect(outcomes[0]!.retryAfterMs).toBeLessThanOrEqual(retryAfterMs)
  })

  it('gives units back with time, and holds to its rate', async () => {
    const redis = await localRedis()
    const [limit, windowMs] = [20, 200]
    const account = open(await redis.client(), [{ algorithm, limit, windowMs }])
    const start = performance.now()
    let count = 0
    while (count < 3 * limit) count += await admitted(account, 10)
    const elapsed = performance.now() - start
    expect(count).toBeLessThanOrEqual(limit + (elapsed * limit) / windowMs + 1)
    if (algorithm === 'sliding-window') expect(elapsed).toBeGreaterThanOrEqual(2 * windowMs * 0.99)
  })

  it('keeps no key for longer than it owes something', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, [{ algorithm, limit: 100, windowMs: 100 }])
    expect(await admitted(account, 30)).toBe(30)
    expect(await client.keys('*')).toHaveLength(1)
    await expect.poll(async () => await client.keys('*')).toEqual([])
  })

  it('charges what is known afterwards, and gives back', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, [hourly])
    expect(await admitted(account, 30)).toBe(30)
    account.charge(['key'], [30], systemClock)
    expect(await admitted(account, 1)).toBe(0)
    account.charge(['key'], [-20], systemClock)
    const other = open(await redis.client(), [hourly])
    expect(await admitted(other, 20)).toBe(10)
  })

  it('counts many units in few entries, exactly', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, [{ algorithm, limit: 1_000, windowMs: HOUR }])
    for (let i = 0; i < 12; i++) expect(await admitted(account, 100)).toBe(i < 10 ? 100 : 0)
    const [key] = await client.keys('*')
    expect(await client.strlen(key!)).toBeLessThan(3_000)
  })
})

describe('several policies', () => {
  it('are one call, and all are charged or none', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = redisStore({ client, ...PATIENT }).openLimits([
      policyOf({ name: 'a', limit: 5, windowMs: HOUR }),
      policyOf({ name: 'b', limit: 3, windowMs: HOUR, algorithm: 'sliding-window' }),
      policyOf({ name: 'c', limit: 2, windowMs: HOUR, shadow: true }),
    ])
    // Each from another store, so that nobody knows the answer before.
    const others = await Promise.all(
      Array.from({ length: 5 }, async () =>
        redisStore({ client: await redis.client(), ...PATIENT }).openLimits([
          policyOf({ name: 'a', limit: 5, windowMs: HOUR }),
          policyOf({ name: 'b', limit: 3, windowMs: HOUR, algorithm: 'sliding-window' }),
          policyOf({ name: 'c', limit: 2, windowMs: HOUR, shadow: true }),
        ]),
      ),
    )
    const seen: Decision[] = []
    for (const other of others) seen.push(await other.check(['1', 'all', '1'], [1, 1, 1], systemClock))
    expect(seen.map((decision) => decision.admitted)).toEqual([true, true, true, false, false])
    expect(seen.map(({ outcomes }) => outcomes.map((each) => each!.admitted))).toEqual([
      [true, true, true],
      [true, true, true],
      [true, true, false],
      [true, false, false],
      [true, false, false],
    ])
    // Of what was refused by `b`, nothing was taken from `a`; and a policy can be left out.
    const decision = await account.check(['1', undefined, undefined], [1, 1, 1], systemClock)
    expect([decision.admitted, Math.floor(decision.outcomes[0]!.remaining)]).toEqual([true, 1])
    expect(decision.outcomes.slice(1)).toEqual([undefined, undefined])
  })
})

describe('the way to Redis', () => {
  it('takes all checks of a turn in one write', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const batches: number[] = []
    const counted: RedisClient = {
      get status() {
        return client.status
      },
      pipeline: (commands) => {
        batches.push(commands.length)
        return client.pipeline(commands)
      },
    }
    const account = open(counted, [{ limit: 100, windowMs: HOUR }])
    await admitted(account, 1)
    batches.length = 0
    expect(await admitted(account, 60)).toBe(60)
    expect(batches).toEqual([60])
  })

  it('brings the script where Redis has forgotten it', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, [{ limit: 10, windowMs: HOUR }])
    expect(await admitted(account, 3)).toBe(3)
    await client.script('FLUSH')
    expect(await admitted(account, 9)).toBe(7)
    expect(account.snapshot()).toMatchObject({ kind: 'redis', state: 'up', keys: 1 })
  })

  it('asks nobody about a key that this process alone has brought to its limit', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, [{ limit: 5, windowMs: HOUR }])
    await admitted(account, 5)
    const decision = account.check(['key'], [1], systemClock)
    expect(decision).not.toBeInstanceOf(Promise)
    expect(decision).toMatchObject({ admitted: false })
  })

  it('does not hold against a process what Redis has refused it', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const [one, two] = [open(client, [{ limit: 5, windowMs: HOUR }]), open(client, [{ limit: 5, windowMs: HOUR }])]
    expect([await admitted(one, 5), await admitted(two, 20)]).toEqual([5, 0])
    await client.flushall()
    expect(await admitted(two, 20)).toBe(5)
  })

  it('keeps long and secret keys short', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = open(client, [{ limit: 5, windowMs: HOUR }])
    await account.check(['x'.repeat(5_000)], [1], systemClock)
    await account.check(['192.0.2.1'], [1], systemClock)
    const keys = await client.keys('*')
    expect(keys.toSorted((a, b) => a.length - b.length)).toEqual([
      'sluice:limit:bucket:test:192.0.2.1',
      expect.stringMatching(/^sluice:limit:bucket:test:[\w-]{43}$/),
    ])
  })
})

describe('blocks', () => {
  const policy: PolicyOptions = { limit: 1_000, windowMs: HOUR }
  const leasing = (client: RedisClient) =>
    redisStore({ client, leaseUnits: 50, leaseMs: 1_000, ...PATIENT }).openLimits([policyOf(policy)])

  it('spare a hot key most of its round trips', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    const account = leasing(client)
    const clock = virtualClock()
    await client.config('RESETSTAT')
    let [count, waited] = [0, 0]
    for (let i = 0; i < 1_200; i++) {
      const decision = account.check(['key'], [1], clock)
      if (decision instanceof Promise) waited++
      if ((await decision).admitted) count++
      clock.advance(0.5)
    }
    expect(count).toBe(1_000)
    expect(waited).toBeLessThan(60)
  })

  it('never let more pass than the limit, whoever holds them', async () => {
    const redis = await localRedis()
    const accounts = await Promise.all([1, 2, 3, 4].map(async () => leasing(await redis.client())))
    let count = 0
    for (let round = 0; round < 40; round++) for (const account of accounts) count += await admitted(account, 10)
    expect(count).toBeLessThanOrEqual(1_000)
    // What is missing is held by the others, each at most a block.
    expect(count).toBeGreaterThan(1_000 - 4 * 50)
  })

  it('are at most a tenth of a burst', async () => {
    const redis = await localRedis()
    const small: PolicyOptions = { limit: 100, windowMs: HOUR }
    const client = await redis.client()
    const account = redisStore({ client, leaseUnits: 50, ...PATIENT }).openLimits([policyOf(small)])
    for (let i = 0; i < 40; i++) await account.check(['key'], [1], systemClock)
    const other = await open(await redis.client(), [small]).check(['key'], [0], systemClock)
    expect(other.outcomes[0]!.remaining).toBeGreaterThanOrEqual(50)
  })

  it('are given back when nobody has spent them', async () => {
    const redis = await localRedis()
    const [one, two] = [
      leasing(await redis.client()),
      redisStore({ client: await redis.client(), ...PATIENT }).openLimits([policyOf(policy)]),
    ]
    const clock = virtualClock()
    for (let i = 0; i < 30; i++) await one.check(['key'], [1], clock)
    const during = await two.check(['key'], [0], systemClock)
    expect(during.outcomes[0]!.remaining).toBeLessThan(969)
    clock.advance(1_000)
    await expect
      .poll(async () => Math.round((await two.check(['key'], [0], systemClock)).outcomes[0]!.remaining))
      .toBe(970)
  })

  it('cost a key that is asked for once no more than its request', async () => {
    const redis = await localRedis()
    const client = await redis.client()
    await leasing(client).check(['key'], [1], systemClock)
    const other = await leasing(client).check(['key'], [0], systemClock)
    expect(other.outcomes[0]!.remaining).toBeCloseTo(999, 0)
  })
})
