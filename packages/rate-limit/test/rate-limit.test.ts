/** The middleware in a gateway: who passes, what is answered, what clients are told. */
import { UpstreamError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { limitRefused, rateLimit } from '../src/index.ts'
import { record, setUp } from './set-up.ts'

describe('a limit', () => {
  it('lets a burst pass, refuses what is beyond, and fills again with time', async () => {
    const { statuses, clock, fake } = setUp([rateLimit({ limit: 3, windowMs: 3_000 })])
    expect(await statuses(5)).toEqual([200, 200, 200, 429, 429])
    clock.advance(1_000)
    expect(await statuses(2)).toEqual([200, 429])
    clock.advance(60_000)
    expect(await statuses(5)).toEqual([200, 200, 200, 429, 429])
    expect(fake.requests).toHaveLength(7)
  })

  it('spaces requests evenly with gcra', async () => {
    const { statuses, clock } = setUp([rateLimit({ limit: 10, windowMs: 1_000, algorithm: 'gcra' })])
    expect(await statuses(2)).toEqual([200, 429])
    clock.advance(99.5)
    expect(await statuses(1)).toEqual([429])
    clock.advance(0.5)
    expect(await statuses(2)).toEqual([200, 429])
  })

  it('answers 429 with Retry-After, the problem that was exceeded, and nothing that can be cached', async () => {
    const { statuses, inject } = setUp([rateLimit({ name: 'minute', limit: 2 })])
    await statuses(2, '127.0.0.1')
    const reply = await inject()
    expect(reply.headers.toJSON()).toMatchObject({
      'content-type': 'application/problem+json',
      'retry-after': '30',
      ratelimit: '"minute";r=0;t=30',
      'ratelimit-policy': '"minute";q=2;w=60',
      'cache-control': 'no-store',
      'proxy-status': 'sluice; error=http_request_denied',
    })
    expect(await reply.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      'violated-policies': ['minute'],
    })
  })

  it('keeps the promise of Retry-After', async () => {
    const { statuses, inject, clock } = setUp([rateLimit({ limit: 7, windowMs: 20_000 })])
    await statuses(7, '127.0.0.1')
    const refused = await inject()
    clock.advance(Number(refused.headers.get('retry-after')) * 1_000)
    expect((await inject()).status).toBe(200)
  })

  it('is one for all the routes that it stands in', async () => {
    const limit = rateLimit({ limit: 1 })
    const one = setUp([limit])
    const two = setUp([limit])
    expect([...(await one.statuses(1)), ...(await two.statuses(1))]).toEqual([200, 429])
  })

  it('counts a tunnel, a reply and an error alike, and tells each of them', async () => {
    const { inject, errors } = setUp([rateLimit({ limit: 5 })], () => ({ refuse: true }))
    const reply = await inject()
    expect([reply.status, reply.headers.get('ratelimit')]).toEqual([502, '"default";r=4;t=12'])
    expect(((await reply.json()) as { code: string }).code).toBe('ERR_SLUICE_CONNECT_REFUSED')
    expect(errors).toEqual([])
  })

  it('leaves faults of the code behind it to the proxy', async () => {
    const { inject, errors } = setUp([
      rateLimit({ limit: 5 }),
      () => {
        throw new TypeError('a fault')
      },
    ])
    expect((await inject()).status).toBe(500)
    expect(errors).toMatchObject([{ message: 'a fault' }])
    const thrown = setUp([
      rateLimit({ limit: 5 }),
      () => {
        throw new UpstreamError('ERR_SLUICE_BODY_IDLE')
      },
    ])
    expect((await thrown.inject()).headers.get('ratelimit')).toBe('"default";r=4;t=12')
  })
})

describe('several policies', () => {
  const policies = [
    { name: 'second', limit: 2, windowMs: 1_000 },
    { name: 'minute', limit: 3, windowMs: 60_000, key: 'global' },
  ] as const

  it('all have to have room, and a refusal is charged to none', async () => {
    const { statuses, clock, from } = setUp([rateLimit({ policies })])
    expect(await statuses(5, '192.0.2.1')).toEqual([200, 200, 429, 429, 429])
    // Of what was refused by the one nothing was taken from the other.
    const third = await from('192.0.2.2')
    expect([third.status, third.headers.get('ratelimit')]).toEqual([200, '"second";r=1;t=1, "minute";r=0;t=60'])
    const fourth = await from('192.0.2.2')
    expect(await fourth.json()).toMatchObject({ 'violated-policies': ['minute'] })
    clock.advance(20_000)
    expect(await statuses(2, '192.0.2.3')).toEqual([200, 429])
  })

  it('are told of together, and the longest wait counts', async () => {
    const { statuses, from } = setUp([rateLimit({ policies: [policies[0], { ...policies[1], limit: 2 }] })])
    await statuses(2)
    const reply = await from('192.0.2.1')
    expect(await reply.json()).toMatchObject({ 'violated-policies': ['second', 'minute'] })
    expect(reply.headers.toJSON()).toMatchObject({
      'retry-after': '30',
      'ratelimit-policy': '"second";q=2;w=1, "minute";q=2;w=60',
      ratelimit: '"second";r=0;t=1, "minute";r=0;t=30',
    })
  })

  it('take what stands beside them for a default', async () => {
    const limit = rateLimit({
      algorithm: 'sliding-window',
      key: 'global',
      policies: [{ limit: 1 }, { limit: 5, key: 'client' }],
    })
    const { statuses } = setUp([limit])
    expect([...(await statuses(1, '192.0.2.1')), ...(await statuses(1, '192.0.2.2'))]).toEqual([200, 429])
    expect(limit.snapshot().policies).toMatchObject([
      { name: '1-per-60s', algorithm: 'sliding-window' },
      { name: '5-per-60s', algorithm: 'sliding-window' },
    ])
  })
})

describe('keys', () => {
  it('are the client as far as it can be trusted, and a /64 of IPv6', async () => {
    const { statuses, inject } = setUp([rateLimit({ limit: 1 })], undefined, ['10.0.0.0/8'])
    expect(await statuses(1, '2001:db8::1')).toEqual([200])
    expect(await statuses(1, '2001:db8::2:0:0:9')).toEqual([429])
    expect(await statuses(1, '2001:db8:0:1::1')).toEqual([200])
    const forwarded = async (peer: string, by: string) =>
      (await inject({ peer: { address: peer }, headers: { 'X-Forwarded-For': by } })).status
    expect(await forwarded('10.0.0.1', '192.0.2.1')).toBe(200)
    expect(await forwarded('10.0.0.2', '192.0.2.1')).toBe(429)
    // From somebody who is not trusted it is a forgery: the peer itself is counted.
    expect(await forwarded('192.0.2.9', '192.0.2.50')).toBe(200)
    expect(await forwarded('192.0.2.9', '192.0.2.51')).toBe(429)
  })

  it('are networks as wide as one says', async () => {
    const { statuses } = setUp([rateLimit({ limit: 1, ipv4PrefixBits: 24, ipv6PrefixBits: 48 })])
    expect([...(await statuses(1, '192.0.2.1')), ...(await statuses(1, '192.0.2.200'))]).toEqual([200, 429])
    expect([...(await statuses(1, '2001:db8:0:1::1')), ...(await statuses(1, '2001:db8:0:2::1'))]).toEqual([200, 429])
  })

  it.each([{ header: 'X-Tenant' }, { apiKey: 'x-tenant' }])('are a field: %o', async (key) => {
    const { inject } = setUp([rateLimit({ limit: 1, key })])
    const with_ = async (tenant: string, address = '192.0.2.1') =>
      (await inject({ headers: tenant === '' ? {} : { 'X-Tenant': tenant }, peer: { address } })).status
    expect([await with_('a'), await with_('a'), await with_('a', '192.0.2.2'), await with_('b')]).toEqual([
      200, 429, 429, 200,
    ])
    // Whoever leaves the field out is counted all the same, and can't pass for an address by sending one.
    expect([await with_(''), await with_(''), await with_('', '192.0.2.2')]).toEqual([200, 429, 200])
    expect([await with_('192.0.2.3'), await with_('', '192.0.2.3')]).toEqual([200, 200])
  })

  it('are what a function says, which may leave requests out', async () => {
    const key = (x: { request: { path: string } }) => (x.request.path === '/free' ? undefined : x.request.path)
    const { inject } = setUp([rateLimit({ limit: 1, key })])
    const get = async (path: string) => await inject({ path })
    expect([(await get('/a')).status, (await get('/a')).status, (await get('/b')).status]).toEqual([200, 429, 200])
    const free = [await get('/free'), await get('/free')]
    expect(free.map(({ status, headers }) => [status, headers.has('ratelimit')])).toEqual([
      [200, false],
      [200, false],
    ])
  })

  it('that are no text are a fault of the code, and not a limit for everybody', async () => {
    const { inject, errors } = setUp([rateLimit({ limit: 1, key: (() => 7) as unknown as () => string })])
    expect((await inject()).status).toBe(500)
    expect(errors).toMatchObject([{ message: 'the key of a limit must be a string' }])
  })
})

describe('costs', () => {
  it('are a number or a function', async () => {
    const { inject } = setUp([
      rateLimit({
        policies: [
          { name: 'fixed', limit: 10, cost: 3 },
          { name: 'computed', limit: 10, cost: (x) => Number(x.request.query.get('cost')) },
        ],
      }),
    ])
    const left = async (cost: string) => (await inject({ path: `/?cost=${cost}` })).headers.get('ratelimit')
    expect(await left('2.5')).toBe('"fixed";r=7;t=18, "computed";r=7;t=15')
    expect(await left('0')).toBe('"fixed";r=4;t=36, "computed";r=7;t=15')
    expect(await left('8')).toBe('"fixed";r=4;t=36, "computed";r=7;t=3')
    expect(await left('7.5')).toBe('"fixed";r=1;t=54, "computed";r=0;t=60')
  })

  it.each([
    { costs: 'a number', limit: 2, options: { cost: 0.5 } },
    { costs: 'a function', limit: 2, options: { cost: () => 0.5 } },
    { costs: 'what the reply gives back', limit: 2.5, options: { replyCost: () => -0.5 } },
  ])('may be parts of a unit in a window of few: $costs', async ({ limit, options }) => {
    const { statuses } = setUp([rateLimit({ limit, algorithm: 'sliding-window', ...options })])
    expect(await statuses(5)).toEqual([200, 200, 200, 200, 429])
  })

  it.each(['-1', 'nothing', 'Infinity'])('of %s are a fault of the code', async (cost) => {
    const { inject, errors, fake } = setUp([
      rateLimit({ name: 'odd', limit: 1, cost: (x) => Number(x.request.query.get('cost')) }),
    ])
    expect((await inject({ path: `/?cost=${cost}` })).status).toBe(500)
    expect(errors).toMatchObject([{ message: `the cost of the limit "odd" gave ${Number(cost)}` }])
    expect(fake.requests).toHaveLength(0)
  })

  it('of a reply are charged afterwards, and may leave a debt', async () => {
    const { inject, clock } = setUp(
      [rateLimit({ limit: 10, windowMs: 10_000, replyCost: { header: 'x-tokens' } })],
      (x) => ({
        headers: { 'X-Tokens': x.header('want') ?? '' },
      }),
    )
    const ask = async (want: string) => {
      const { status, headers } = await inject({ headers: { want } })
      return [status, headers.get('ratelimit')]
    }
    expect(await ask('4')).toEqual([200, '"default";r=5;t=5'])
    expect(await ask('nonsense')).toEqual([200, '"default";r=4;t=6'])
    expect(await ask('13')).toEqual([200, '"default";r=0;t=20'])
    // 10 owed, and one to have.
    expect(await ask('0')).toEqual([429, '"default";r=0;t=11'])
    clock.advance(10_999)
    expect((await ask('0'))[0]).toBe(429)
    clock.advance(1)
    expect(await ask('0')).toEqual([200, '"default";r=0;t=10'])
  })

  it('of a reply can be given back, but no more than was taken', async () => {
    const limit = rateLimit({ limit: 5, replyCost: (_x, reply) => (reply.status === 404 ? -100 : undefined) })
    const { statuses } = setUp([limit], () => ({ status: 404 }))
    expect(await statuses(8)).toEqual(Array.from({ length: 8 }, () => 404))
    const found = setUp([limit])
    expect(await found.statuses(3)).toEqual([200, 200, 200])
    const missing = setUp([limit], () => ({ status: 404 }))
    expect((await missing.from('192.0.2.1')).headers.get('ratelimit')).toBe('"default";r=2;t=36')
    expect(await found.statuses(3)).toEqual([200, 200, 429])
  })

  it('of a reply that are a fault give up the reply', async () => {
    const { inject, errors } = setUp([rateLimit({ limit: 5, replyCost: () => Number.NaN })])
    expect((await inject()).status).toBe(500)
    expect(errors).toMatchObject([{ message: 'the replyCost of the limit "default" gave NaN' }])
  })
})

describe('a bypass', () => {
  it('is an address, a secret or a predicate', async () => {
    const limit = rateLimit({
      limit: 1,
      key: 'global',
      bypass: {
        addresses: ['192.0.2.0/24', '2001:db8::/32'],
        header: { name: 'X-Internal', secrets: ['the old secret, long', 'the new secret, long'] },
        when: (x) => x.request.path === '/health',
      },
    })
    const { inject, statuses, fake } = setUp([limit])
    expect(await statuses(3, '192.0.2.9')).toEqual([200, 200, 200])
    expect(await statuses(2, '2001:db8::1')).toEqual([200, 200])
    const peer = { address: '198.51.100.1' }
    const secret = async (value: string) => (await inject({ peer, headers: { 'X-Internal': value } })).status
    expect([await secret('the old secret, long'), await secret('the new secret, long')]).toEqual([200, 200])
    expect((await inject({ peer, path: '/health' })).status).toBe(200)
    expect([await secret('a wrong secret, long'), await secret('the old secret')]).toEqual([200, 429])
    expect(fake.requests.filter((request) => request.header('x-internal') !== undefined)).toEqual([])
    expect(limit.snapshot()).toMatchObject({ bypassed: 8, policies: [{ admitted: 1, refused: 1 }] })
  })

  it('is no promise, as a predicate without types may give', async () => {
    const when = (async () => false) as unknown as () => boolean
    const { statuses } = setUp([rateLimit({ limit: 1, bypass: { when } })])
    expect(await statuses(2, '192.0.2.9')).toEqual([200, 429])
  })

  it('says nothing of limits', async () => {
    const { from } = setUp([rateLimit({ limit: 1, bypass: { addresses: ['192.0.2.1'] } })])
    expect((await from('192.0.2.1')).headers.has('ratelimit')).toBe(false)
  })
})

describe('a shadow', () => {
  it('counts and tells, and refuses nobody', async () => {
    const events = record(limitRefused)
    const limit = rateLimit({ name: 'new', limit: 2, shadow: true })
    const { statuses, from } = setUp([limit])
    expect(await statuses(4)).toEqual([200, 200, 200, 200])
    expect((await from('192.0.2.1')).headers.has('ratelimit')).toBe(false)
    expect(limit.snapshot().policies).toMatchObject([{ shadow: true, admitted: 2, refused: 3 }])
    expect(events.map(({ policies, shadow }) => [...policies, shadow])).toEqual([
      ['new', true],
      ['new', true],
      ['new', true],
    ])
  })

  it('beside others is not counted for what they refuse', async () => {
    const limit = rateLimit({
      policies: [
        { name: 'now', limit: 1 },
        { name: 'next', limit: 2, shadow: true },
      ],
    })
    const { statuses, clock, from } = setUp([limit])
    expect(await statuses(5)).toEqual([200, 429, 429, 429, 429])
    clock.advance(60_000)
    expect((await from('192.0.2.1')).headers.get('ratelimit')).toBe('"now";r=0;t=60')
    expect(limit.snapshot().policies).toMatchObject([
      { admitted: 2, refused: 4 },
      { admitted: 6, refused: 0 },
    ])
  })
})

describe('what is known of it', () => {
  it('events name the policies, the exchange and when to come back', async () => {
    const events = record(limitRefused)
    const { statuses } = setUp([rateLimit({ name: 'minute', limit: 1 })])
    await statuses(2)
    expect(events).toMatchObject([{ policies: ['minute'], shadow: false, retryAfterMs: 60_000 }])
    expect(events[0]!.exchange.client.address).toBe('192.0.2.1')
  })

  it('a snapshot is plain data', async () => {
    const limit = rateLimit({ name: 'minute', limit: 2, windowMs: 1_000 })
    const { statuses } = setUp([limit])
    await statuses(3)
    expect(structuredClone(limit.snapshot())).toEqual({
      policies: [
        {
          name: 'minute',
          algorithm: 'token-bucket',
          limit: 2,
          windowMs: 1_000,
          burst: 2,
          shadow: false,
          admitted: 2,
          refused: 1,
        },
      ],
      bypassed: 0,
      store: { kind: 'memory', state: 'up', keys: 1 },
    })
  })
})
