import type { ClientTls } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { accessRefused, accessRules, type AccessRule, type AccessRulesOptions } from '../../src/access/access.ts'
import { record, setUp } from '../set-up.ts'

const allowing = (...rules: AccessRule[]): AccessRulesOptions => ({ rules, default: 'allow' })
const denying = (...rules: AccessRule[]): AccessRulesOptions => ({ rules, default: 'deny' })

describe('several fields or parameters of one name', () => {
  const twice = (first: string, second: string) => ({ headers: { 'X-Role': [first, second] } })

  it('are denied where one of them is what a rule denies', async () => {
    const rules = [
      { action: 'deny', headers: { 'X-Role': 'root' } },
      { action: 'deny', query: { action: 'delete' } },
    ] as const
    const { inject, statusOf } = setUp([accessRules(allowing(...rules))])
    expect((await inject(twice('root', 'guest'))).status).toBe(403)
    expect((await inject(twice('guest', 'root'))).status).toBe(403)
    expect((await inject(twice('guest', 'user'))).status).toBe(200)
    expect(await statusOf('/?action=list&action=delete')).toBe(403)
    expect(await statusOf('/?action=list&%61ction=delete')).toBe(403)
    expect(await statusOf('/?action=list')).toBe(200)
  })

  it('are allowed where all of them are what a rule allows', async () => {
    const rules = [
      { action: 'allow', headers: { 'X-Role': /^guest/ } },
      { action: 'allow', query: { tenant: 'a' } },
    ] as const
    const { inject, statusOf } = setUp([accessRules(denying(...rules))])
    expect((await inject(twice('guest', 'root'))).status).toBe(403)
    expect((await inject(twice('guest', 'guest-2'))).status).toBe(200)
    expect(await statusOf('/?tenant=a&tenant=b')).toBe(403)
    expect(await statusOf('/?tenant=a&tenant=a')).toBe(200)
    expect(await statusOf('/?tenant=a')).toBe(200)
  })
})

describe('the order of rules', () => {
  it('is that of the list: the first that holds decides', async () => {
    const guard = accessRules(
      allowing(
        { name: 'health', action: 'allow', path: '/admin/health' },
        { name: 'office', action: 'allow', path: '/admin/*', addresses: ['192.0.2.0/24'] },
        { name: 'admin', action: 'deny', path: '/admin/*' },
        { name: 'writes', action: 'deny', method: ['PUT', 'DELETE'] },
      ),
    )
    const { inject, statusOf } = setUp([guard])
    expect(await statusOf('/admin/health')).toBe(200)
    expect((await inject({ path: '/admin/users', method: 'DELETE', peer: { address: '192.0.2.1' } })).status).toBe(200)
    expect(await statusOf('/admin/users')).toBe(403)
    expect(await statusOf('/users', 'PUT')).toBe(403)
    expect(await statusOf('/users')).toBe(200)
    expect(guard.snapshot()).toMatchObject({ name: 'accessRules', allowed: 3, refused: 2 })
    expect(guard.snapshot().rules.map(({ name, action, matched }) => [name, action, matched])).toEqual([
      ['health', 'allow', 1],
      ['office', 'allow', 1],
      ['admin', 'deny', 1],
      ['writes', 'deny', 1],
      ['default', 'allow', 1],
    ])
    expect(guard.snapshot().rules[1]?.addresses).toMatchObject({ entries: 1, isReady: true })
    expect(structuredClone(guard.snapshot())).toEqual(guard.snapshot())
  })

  it('takes no promise for an answer, as code without types may give one', async () => {
    const when = (async () => false) as unknown as () => boolean
    const admitting = setUp([accessRules(denying({ action: 'allow', when }))])
    expect(await admitting.statusOf('/')).toBe(403)
    const refusing = setUp([accessRules(allowing({ action: 'deny', when }))])
    expect(await refusing.statusOf('/')).toBe(403)
  })

  it('has no option that is misspelt', () => {
    const options = { ...allowing({ action: 'deny', path: '/a' }), reading: [] }
    expect(() => accessRules(options)).toThrow('accessRules.reading')
  })

  it('ends with the default', async () => {
    const { statusOf } = setUp([accessRules(denying({ action: 'allow', path: '/public/*', method: 'GET' }))])
    expect([await statusOf('/public/a'), await statusOf('/public/a', 'HEAD')]).toEqual([200, 200])
    expect([await statusOf('/public/a', 'POST'), await statusOf('/publicity'), await statusOf('/')]).toEqual([
      403, 403, 403,
    ])
  })
})

describe('what a rule can ask for', () => {
  const cases: readonly (readonly [AccessRule, holds: readonly object[], doesNot: readonly object[]])[] = [
    [
      { action: 'deny', path: ['/a/*', '/users/:id/keys'] },
      [{ path: '/a' }, { path: '/a/b/c' }, { path: '/users/7/keys' }],
      [{ path: '/ab' }, { path: '/users/7' }],
    ],
    [
      { action: 'deny', glob: '/**/*.php' },
      [{ path: '/x.php' }, { path: '/a/b/x.php?y' }],
      [{ path: '/x.phps' }, { path: '/x.php/y' }],
    ],
    [
      { action: 'deny', host: '*.internal.example' },
      [{ headers: { Host: 'A.internal.example:8080' } }],
      [{ headers: { Host: 'internal.example' } }],
    ],
    [{ action: 'deny', method: 'DELETE' }, [{ method: 'DELETE' }], [{ method: 'GET' }, { method: 'delete' }]],
    [
      { action: 'deny', headers: { 'User-Agent': /bot/i } },
      [{ headers: { 'user-agent': 'AnyBot/1' } }],
      [{ headers: { 'user-agent': 'x' } }, {}],
    ],
    [{ action: 'deny', headers: { Authorization: false } }, [{}], [{ headers: { Authorization: 'x' } }]],
    [
      { action: 'deny', query: { debug: true } },
      [{ path: '/?debug' }, { path: '/?a=1&debug=0' }],
      [{ path: '/?debugger' }],
    ],
    [{ action: 'deny', when: ({ request }) => request.path.length > 5 }, [{ path: '/123456' }], [{ path: '/1234' }]],
    [
      { action: 'deny', addresses: ['192.0.2.0/24'], path: '/a', method: 'GET', query: { b: 'c' } },
      [{ path: '/a?b=c', peer: { address: '192.0.2.9' } }],
      [
        { path: '/a?b=c' },
        { path: '/a', peer: { address: '192.0.2.9' } },
        { path: '/a?b=c', method: 'PUT', peer: { address: '192.0.2.9' } },
      ],
    ],
  ]
  it.each(cases)('%j', async (rule, holds, doesNot) => {
    const { inject } = setUp([accessRules(allowing(rule))])
    for (const request of holds) expect([request, (await inject(request)).status]).toEqual([request, 403])
    for (const request of doesNot) expect([request, (await inject(request)).status]).toEqual([request, 200])
  })

  const certificate: NonNullable<ClientTls['certificate']> = {
    authorized: true,
    authorizationError: undefined,
    subject: 'CN=api,O=Example',
    issuer: 'CN=Example authority',
    subjectAltNames: [
      { type: 'dns', value: 'api.example.com' },
      { type: 'uri', value: 'spiffe://example/api' },
    ],
    fingerprint256: Array.from({ length: 32 }, () => 'AB').join(':'),
    serialNumber: '01',
    validFrom: new Date(0),
    validTo: new Date('2120-01-01'),
    raw: Buffer.alloc(0),
    pem: '',
    chain: [],
  }
  const tls = { protocol: 'TLSv1.3', cipher: '', servername: undefined, alpnProtocol: undefined, resumed: false }

  it.each<[NonNullable<AccessRule['certificate']>, boolean]>([
    [true, true],
    [{ subject: 'CN=api,O=Example' }, true],
    [{ subject: 'CN=api' }, false],
    [{ subject: ['CN=web', 'CN=api,O=Example'], issuer: 'CN=Example authority' }, true],
    [{ subject: 'CN=api,O=Example', issuer: 'CN=Other' }, false],
    [{ san: 'dns:API.example.com' }, true],
    [{ san: ['dns:web.example.com', 'uri:spiffe://example/api'] }, true],
    [{ san: 'uri:spiffe://example/' }, false],
    [{ san: 'uri:api.example.com' }, false],
    [{ from: 'connection' }, true],
    [{ subject: 'CN=api,O=Example', from: 'proxy' }, false],
    [{ fingerprint256: 'ab'.repeat(32) }, true],
    [{ fingerprint256: 'ac'.repeat(32) }, false],
  ])('a certificate with %j', async (match, holds) => {
    const { inject } = setUp([accessRules(denying({ action: 'allow', certificate: match }))])
    const statusWith = async (shown: ClientTls['certificate']) =>
      (await inject({ peer: { secure: true, tls: { ...tls, certificate: shown } } })).status
    expect(await statusWith(certificate)).toBe(holds ? 200 : 403)
    expect(await statusWith({ ...certificate, validTo: new Date('2001-01-01') })).toBe(403)
    // One that nobody vouches for says nothing.
    expect(await statusWith({ ...certificate, authorized: false })).toBe(403)
    expect(await statusWith(undefined)).toBe(403)
    expect((await inject()).status).toBe(403)
  })

  it('a certificate, not of a proxy in between', async () => {
    const options = { forwarded: { trust: ['127.0.0.1'] } }
    const { inject } = setUp([accessRules(denying({ action: 'allow', certificate: true }))], options)
    const peer = { secure: true, tls: { ...tls, certificate } }
    expect((await inject({ peer })).status).toBe(200)
    expect((await inject({ peer, headers: { 'X-Forwarded-For': '198.51.100.1' } })).status).toBe(403)
  })
})

describe('times', () => {
  /** Whether a rule for these times holds at such a moment, written in UTC. */
  const holdsAt = async (times: NonNullable<AccessRule['times']>, ...moments: string[]) => {
    const guard = accessRules(denying({ action: 'allow', times }))
    const statuses: number[] = []
    for (const moment of moments) {
      const { inject } = setUp([guard], { wallTime: Date.parse(`${moment}Z`) })
      statuses.push((await inject()).status)
    }
    return statuses.map((status) => status === 200)
  }

  it('are hours of days', async () => {
    const office = { days: ['mon', 'fri'], from: '08:00', to: '17:30' } as const
    // The 5th of January 2026 is a Monday.
    expect(
      await holdsAt(
        office,
        '2026-01-05T07:59:59.999',
        '2026-01-05T08:00',
        '2026-01-05T17:29:59.999',
        '2026-01-05T17:30',
      ),
    ).toEqual([false, true, true, false])
    expect(await holdsAt(office, '2026-01-06T12:00', '2026-01-09T12:00')).toEqual([false, true])
    expect(await holdsAt({ from: '22:00' }, '2026-01-05T21:59', '2026-01-05T23:59', '2026-01-06T00:00')).toEqual([
      false,
      true,
      false,
    ])
    expect(await holdsAt({ days: ['sun'] }, '2026-01-04T00:00', '2026-01-04T23:59', '2026-01-05T00:00')).toEqual([
      true,
      true,
      false,
    ])
  })

  it('may go on past midnight, and past the end of the week', async () => {
    const night = { days: ['sun'], from: '22:00', to: '06:00' } as const
    expect(
      await holdsAt(
        night,
        '2026-01-04T23:00',
        '2026-01-05T05:59',
        '2026-01-05T06:00',
        '2026-01-05T23:00',
        '2026-01-04T05:00',
      ),
    ).toEqual([true, true, false, false, false])
  })

  it('are those of a time zone, in summer and in winter', async () => {
    const berlin = [{ from: '08:00', to: '09:00', timeZone: 'Europe/Berlin' }]
    expect(
      await holdsAt(berlin, '2026-01-05T07:30', '2026-01-05T06:30', '2026-07-06T06:30', '2026-07-06T07:30'),
    ).toEqual([true, false, true, false])
    const kathmandu = { days: ['mon'], to: '00:45', timeZone: 'Asia/Kathmandu' } as const
    expect(
      await holdsAt(kathmandu, '2026-01-04T18:14', '2026-01-04T18:15', '2026-01-04T18:59', '2026-01-04T19:00'),
    ).toEqual([false, true, true, false])
  })

  it('pass while the guard runs', async () => {
    const guard = accessRules(denying({ action: 'allow', times: { from: '08:00', to: '08:02' } }))
    const { clock, statusOf } = setUp([guard], { wallTime: Date.parse('2026-01-05T07:59:59Z') })
    expect(await statusOf('/')).toBe(403)
    await clock.advanceAsync(1_000)
    expect(await statusOf('/')).toBe(200)
    await clock.advanceAsync(120_000)
    expect(await statusOf('/')).toBe(403)
  })
})

describe('shadows', () => {
  it('let pass also where a function of theirs fails', async () => {
    const when = () => {
      throw new Error('a mistake')
    }
    const rule = accessRules(allowing({ action: 'deny', when, shadow: true }, { action: 'allow', when, shadow: true }))
    const guard = accessRules({ ...allowing({ action: 'deny', when }), shadow: true, name: 'trial' })
    const { statusOf } = setUp([rule, guard])
    expect(await statusOf('/')).toBe(200)
    expect(rule.snapshot().rules.map(({ matched }) => matched)).toEqual([1, 0, 1])
    expect(guard.snapshot()).toMatchObject({ refused: 1 })
    // It is not let pass where it counts.
    expect(await setUp([accessRules(allowing({ action: 'deny', when }))]).statusOf('/')).toBe(500)
  })

  it('of rules count and tell, and let the rules behind them decide', async () => {
    const events = record(accessRefused)
    const guard = accessRules(
      allowing(
        { name: 'maybe', action: 'deny', path: '/a/*', shadow: true },
        { name: 'perhaps', action: 'allow', path: '/a/b', shadow: true },
        { name: 'b', action: 'deny', path: '/a/b' },
      ),
    )
    const { statusOf } = setUp([guard])
    expect([await statusOf('/a/x'), await statusOf('/a/b'), await statusOf('/c')]).toEqual([200, 403, 200])
    expect(events.map(({ guard: name, rule, shadow }) => [name, rule, shadow])).toEqual([
      ['accessRules', 'maybe', true],
      ['accessRules', 'maybe', true],
      ['accessRules', 'b', false],
    ])
    expect(guard.snapshot().rules.map(({ name, shadow, matched }) => [name, shadow, matched])).toEqual([
      ['maybe', true, 2],
      ['perhaps', true, 1],
      ['b', false, 1],
      ['default', false, 2],
    ])
    // A path that is read in several ways is one request still.
    await statusOf('/A/X;y/')
    expect(guard.snapshot().rules[0]?.matched).toBe(3)
  })

  it('of whole guards refuse nobody', async () => {
    const events = record(accessRefused)
    const guard = accessRules({ ...denying({ action: 'allow', path: '/a' }), shadow: true, name: 'trial' })
    const { statusOf } = setUp([guard])
    expect([await statusOf('/a'), await statusOf('/b')]).toEqual([200, 200])
    expect(events.map(({ guard: name, rule, shadow }) => [name, rule, shadow])).toEqual([['trial', 'default', true]])
    expect(guard.snapshot()).toMatchObject({ shadow: true, allowed: 1, refused: 1 })
  })
})

describe('explain', () => {
  it('says what would be decided and why, and counts nothing', async () => {
    const events = record(accessRefused)
    const guard = accessRules(
      allowing(
        { name: 'maybe', action: 'deny', method: 'GET', shadow: true },
        { name: 'public', action: 'allow', path: '/Public/*' },
        { name: 'private', action: 'deny', path: '/public/*' },
      ),
    )
    const { inject } = setUp([])
    const explained = async (path: string) => guard.explain((await inject({ path })).exchange)
    expect(await explained('/public/a')).toMatchObject({ action: 'deny', rule: 'private', shadows: ['maybe'] })
    expect(await explained('/Public/a;b')).toMatchObject({ action: 'allow', rule: 'public' })
    expect((await explained('/public;v/a')).readings).toEqual(
      expect.arrayContaining([
        { path: '/public;v/a', rule: 'default', action: 'allow' },
        { path: '/public/a', rule: 'private', action: 'deny' },
      ]),
    )
    expect(guard.snapshot()).toMatchObject({ allowed: 0, refused: 0 })
    expect(events).toEqual([])
  })

  it('names the guard among the middlewares of a route', () => {
    const { proxy } = setUp([accessRules(allowing()), accessRules({ ...allowing(), name: 'second' })])
    expect(proxy.explain({ path: '/' }).middlewares).toEqual(['accessRules', 'second'])
  })
})

describe('a mistake in the options', () => {
  const rule = { action: 'deny', path: '/a' } as const
  it.each<[unknown, string]>([
    [{ rules: [rule] }, 'accessRules.default'],
    [{ rules: [rule], default: 'maybe' }, 'accessRules.default'],
    [{ rules: rule, default: 'allow' }, 'accessRules.rules'],
    [null, 'accessRules'],
    [{ rules: [rule], default: 'allow', shadow: 'yes' }, 'accessRules.shadow'],
    [{ rules: [rule], default: 'allow', readings: ['case'] }, 'accessRules.readings[0]'],
    [{ rules: [rule], default: 'allow', readings: 'letter-case' }, 'accessRules.readings'],
    [{ rules: [rule, null], default: 'allow' }, 'accessRules.rules[1]'],
    [{ rules: [{ path: '/a' }], default: 'allow' }, 'accessRules.rules[0].action'],
    [{ rules: [{ action: 'allow' }], default: 'deny' }, 'accessRules.rules[0]'],
    [{ rules: [{ action: 'allow', adresses: ['10.0.0.1'] }], default: 'deny' }, 'accessRules.rules[0].adresses'],
    [{ rules: [{ action: 'allow', addresses: [] }], default: 'deny' }, 'accessRules.rules[0].addresses'],
    [
      { rules: [{ action: 'allow', addresses: ['10.0.0.1', 'x'] }], default: 'deny' },
      'accessRules.rules[0].addresses[1]',
    ],
    [{ rules: [{ action: 'deny', path: 'a' }], default: 'deny' }, 'accessRules.rules[0].path'],
    [{ rules: [{ action: 'deny', path: ['/a', '/a/../b'] }], default: 'deny' }, 'accessRules.rules[0].path'],
    [{ rules: [{ action: 'deny', path: [] }], default: 'deny' }, 'accessRules.rules[0].path'],
    [{ rules: [{ action: 'deny', glob: 'a' }], default: 'deny' }, 'accessRules.rules[0].glob'],
    [{ rules: [{ action: 'deny', glob: '/a**' }], default: 'deny' }, 'accessRules.rules[0].glob'],
    [{ rules: [{ action: 'deny', glob: '/a/../b' }], default: 'deny' }, 'accessRules.rules[0].glob'],
    [{ rules: [{ action: 'deny', method: [] }], default: 'deny' }, 'accessRules.rules[0].method'],
    [{ rules: [{ action: 'deny', headers: { 'a b': true } }], default: 'deny' }, 'accessRules.rules[0].headers'],
    [{ rules: [{ action: 'deny', certificate: {} }], default: 'deny' }, 'accessRules.rules[0].certificate'],
    [{ rules: [{ action: 'deny', certificate: { cn: 'x' } }], default: 'deny' }, 'accessRules.rules[0].certificate.cn'],
    [
      { rules: [{ action: 'deny', certificate: { san: 'a.example' } }], default: 'deny' },
      'accessRules.rules[0].certificate.san',
    ],
    [
      { rules: [{ action: 'deny', certificate: { fingerprint256: 'ab' } }], default: 'deny' },
      'accessRules.rules[0].certificate.fingerprint256',
    ],
    [{ rules: [{ action: 'deny', times: [] }], default: 'deny' }, 'accessRules.rules[0].times'],
    [{ rules: [{ action: 'deny', times: { from: '8:00' } }], default: 'deny' }, 'accessRules.rules[0].times.from'],
    [{ rules: [{ action: 'deny', times: { to: '24:01' } }], default: 'deny' }, 'accessRules.rules[0].times.to'],
    [
      { rules: [{ action: 'deny', times: [{ from: '08:00', to: '08:00' }] }], default: 'deny' },
      'accessRules.rules[0].times[0].to',
    ],
    [{ rules: [{ action: 'deny', times: { days: ['Mon'] } }], default: 'deny' }, 'accessRules.rules[0].times.days[0]'],
    [
      { rules: [{ action: 'deny', times: { timezone: 'UTC' } }], default: 'deny' },
      'accessRules.rules[0].times.timezone',
    ],
    [
      { rules: [{ action: 'deny', times: { timeZone: 'Mars/Olympus' } }], default: 'deny' },
      'accessRules.rules[0].times.timeZone',
    ],
    [{ rules: [{ action: 'deny', when: 'never' }], default: 'deny' }, 'accessRules.rules[0].when'],
    [
      {
        rules: [
          { ...rule, name: 'a' },
          { ...rule, name: 'a' },
        ],
        default: 'allow',
      },
      'accessRules.rules[1].name',
    ],
    [{ rules: [{ ...rule, name: 'default' }], default: 'allow' }, 'accessRules.rules[0].name'],
  ])('%j is told of at %s', (options, path) => {
    expect(() => accessRules(options as AccessRulesOptions)).toThrow(
      expect.objectContaining({ path, code: 'ERR_SLUICE_CONFIG' }),
    )
  })
})
