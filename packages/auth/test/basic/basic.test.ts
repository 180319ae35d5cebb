import { hashSync } from '@node-rs/bcrypt'
/** Basic: who is let in, what is malformed, what it costs. */
import { identity, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { authCache, basic, type BasicOptions, refused } from '../../src/index.ts'
import { basicField, record, setUp } from '../set-up.ts'

/** `Ada`: bcrypt of "secret", as `htpasswd -B` writes it. */
const BCRYPT = hashSync('secret', { cost: 4, version: '2y' })
const SHA256 = 'sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'

async function whoIs(options: BasicOptions, user: string, password: string) {
  const { inject } = setUp([basic(options), (x) => Reply.json(x.peek(identity) ?? null)])
  const reply = await inject({ headers: basicField(user, password) })
  return reply.status === 200 ? await reply.json() : reply.status
}

describe('users', () => {
  it.each<[string, BasicOptions]>([
    ['a hash of bcrypt', { users: { ada: BCRYPT } }],
    ['a hash of bcrypt with the older mark', { users: { ada: BCRYPT.replace('$2y$', '$2a$') } }],
    ['a digest', { users: { ada: SHA256 } }],
    ['a digest in upper case', { users: { ada: { passwordHash: `sha256:${SHA256.slice(7).toUpperCase()}` } } }],
    ['a password', { users: { ada: { password: 'secret' } } }],
    ['a function', { users: (name) => (name === 'ada' ? { password: 'secret' } : undefined) }],
    ['a function that takes its time', { users: async (name) => (name === 'ada' ? BCRYPT : undefined) }],
    ['a check of their own', { verify: (name, password) => (`${name}${password}` === 'adasecret' ? {} : undefined) }],
    ['a check that takes its time', { verify: async (_, password) => (password === 'secret' ? {} : undefined) }],
    ['a verifier of their own', { users: { ada: BCRYPT }, verifiers: { bcrypt: (password) => password === 'secret' } }],
    [
      'Argon2id with a verifier',
      {
        users: { ada: '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA' },
        verifiers: { argon2id: async (password, hash) => password === 'secret' && hash.startsWith('$argon2id$') },
      },
    ],
  ])('can be given by %s', async (_, options) => {
    const ada = { subject: 'ada', scheme: 'basic', claims: {}, scopes: [], roles: [] }
    expect(await whoIs(options, 'ada', 'secret')).toEqual(ada)
    expect(await whoIs(options, 'ada', 'secret2')).toBe(401)
    expect(await whoIs(options, 'ada', '')).toBe(401)
    if (options.verify === undefined) expect(await whoIs(options, 'bob', 'secret')).toBe(401)
  })

  it('have scopes, roles and claims', async () => {
    const grants = { scopes: ['read'], roles: ['admin'], claims: { team: 'blue' } }
    const ada = { subject: 'ada', scheme: 'basic', ...grants }
    expect(await whoIs({ users: { ada: { password: 'a', ...grants } } }, 'ada', 'a')).toEqual(ada)
    expect(await whoIs({ users: () => ({ password: 'a', ...grants }) }, 'ada', 'a')).toEqual(ada)
    expect(await whoIs({ verify: () => grants }, 'ada', 'a')).toEqual(ada)
  })

  it('are not taken from what every object has', async () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
      expect(await whoIs({ users: { ada: { password: 'a' } } }, name, 'a')).toBe(401)
  })

  it('are nobody where the list is empty', async () => {
    expect(await whoIs({ users: {} }, 'ada', 'a')).toBe(401)
  })

  it('may have names and passwords beyond ASCII, in whichever normal form', async () => {
    // Composed on one side, decomposed on the other.
    const options = { users: { 'Zo\u00eb': { password: 'pa\u0301ss\u20ac: w\u00f6rd' } } }
    expect(await whoIs(options, 'Zoe\u0308', 'p\u00e1ss\u20ac: wo\u0308rd')).toMatchObject({ subject: 'Zo\u00eb' })
  })
})

describe('a request', () => {
  const options = { users: { ada: { password: 'se:cret' } } }

  it.each<[string, string | readonly string[]]>([
    ['nothing behind the scheme', 'Basic'],
    ['nothing behind the scheme but a space', 'Basic '],
    ['no base64', 'Basic !!!!'],
    ['base64 without its padding', `Basic ${Buffer.from('ada:se:cret').toString('base64').replace(/=+$/, '')}`],
    ['base64url', `Basic ${Buffer.from('ada:~~?~~?').toString('base64url')}`],
    ['base64 with a space in it', 'Basic YWRh OnNlOmNyZXQ='],
    ['bits that are left over', 'Basic YWRhOnNlOmNyZXR='],
    ['no colon', `Basic ${Buffer.from('ada').toString('base64')}`],
    ['a control character', `Basic ${Buffer.from('ada:se:cret\0').toString('base64')}`],
    ['a line feed', `Basic ${Buffer.from('ada\n:se:cret').toString('base64')}`],
    ['latin1 in the place of UTF-8', `Basic ${Buffer.from('\u00e4:a', 'latin1').toString('base64')}`],
    ['another way to write a character', `Basic ${Buffer.from([0xc1, 0xa1, 0x3a, 0x61]).toString('base64')}`],
    ['several of them', [basicField('ada', 'se:cret').Authorization, basicField('ada', 'se:cret').Authorization]],
    ['another scheme', 'Digest username="ada"'],
    ['megabytes', `Basic ${'A'.repeat(1 << 20)}`],
  ])('with %s gets 401', async (what, field) => {
    const events = record(refused)
    const { inject, errors, fake } = setUp([basic(options)])
    const reply = await inject({ headers: { Authorization: field } })
    expect(reply.status).toBe(401)
    expect(reply.headers.get('www-authenticate')).toBe('Basic realm="restricted", charset="UTF-8"')
    expect([errors, fake.requests]).toEqual([[], []])
    const reason = what === 'another scheme' ? 'missing' : what === 'several of them' ? 'repeated' : 'malformed'
    expect(events).toMatchObject([{ reason }])
  })

  it('may write the scheme as it likes', async () => {
    const { status } = setUp([basic(options)])
    const token = basicField('ada', 'se:cret').Authorization.slice('Basic '.length)
    expect([await status({ Authorization: `bAsIc   ${token}` }), await status({ Authorization: token })]).toEqual([
      200, 401,
    ])
  })

  it('goes on without its credentials, unless they are to go on', async () => {
    const hidden = setUp([basic(options)])
    await hidden.inject({ headers: basicField('ada', 'se:cret') })
    expect(hidden.last().header('authorization')).toBeUndefined()
    const shown = setUp([basic({ ...options, strip: false })])
    await shown.inject({ headers: basicField('ada', 'se:cret') })
    expect(shown.last().header('authorization')).toBe(basicField('ada', 'se:cret').Authorization)
  })

  it('is told the realm', async () => {
    const { inject } = setUp([basic({ ...options, realm: 'Ada\'s "own" \\' })])
    expect((await inject()).headers.get('www-authenticate')).toBe(
      'Basic realm="Ada\'s \\"own\\" \\\\", charset="UTF-8"',
    )
  })

  it('leaves no trace of the password, and not which of the two was wrong', async () => {
    const events = record(refused)
    const { inject } = setUp([basic(options)])
    for (const [user, password] of [
      ['ada', 'hunter2'],
      ['eve', 'hunter2'],
    ] as const)
      await inject({ headers: basicField(user, password) })
    expect(events.map(({ reason }) => reason)).toEqual(['wrong', 'wrong'])
  })
})

describe('promises of another make', () => {
  /** Such as query builders give. */
  function later<T>(value: T): Promise<T> {
    // oxlint-disable-next-line unicorn/no-thenable -- what it is about
    return { then: (resolve: (value: T) => void) => resolve(value) } as unknown as Promise<T>
  }

  it.each<[string, BasicOptions]>([
    ['of users', { users: (name) => later(name === 'ada' ? BCRYPT : undefined) }],
    ['of a check', { verify: (name, password) => later(name === 'ada' && password === 'secret' ? {} : undefined) }],
    ['of a verifier', { users: { ada: BCRYPT }, verifiers: { bcrypt: (password) => later(password === 'secret') } }],
  ])('%s are waited for, and not taken for an answer', async (_, options) => {
    expect(await whoIs(options, 'ada', 'secret')).toMatchObject({ subject: 'ada' })
    expect(await whoIs(options, 'ada', 'wrong')).toBe(401)
    expect(await whoIs(options, 'eve', 'secret')).toBe(401)
  })

  it('of a verifier that says more than yes or no let nobody in', async () => {
    const verifiers = { bcrypt: () => ({ valid: false }) as unknown as boolean }
    expect(await whoIs({ users: { ada: BCRYPT }, verifiers }, 'ada', 'secret')).toBe(401)
  })
})

describe('a look-up that fails', () => {
  it('gets 503, and nobody is let in', async () => {
    const { status, errors } = setUp([
      basic({
        users: async () => {
          throw new Error('the directory is away')
        },
        cache: true,
      }),
    ])
    expect(await status(basicField('ada', 'a'))).toBe(503)
    expect(errors).toMatchObject([{ message: 'the directory is away' }])
  })

  it('gets 503 where what it gives is no user', async () => {
    const { status, errors } = setUp([basic({ users: () => ({ roles: ['admin'] }) })])
    expect(await status(basicField('ada', ''))).toBe(503)
    expect(errors).toHaveLength(1)
  })
})

describe('the cache', () => {
  function counted(options: Partial<BasicOptions> = {}) {
    let checks = 0
    const strategy = basic({
      users: { ada: BCRYPT },
      verifiers: { bcrypt: async (password) => ++checks > 0 && password === 'secret' },
      cache: true,
      ...options,
    })
    return { strategy, checks: () => checks, ...setUp([strategy]) }
  }

  it('spares a password that was right a minute ago, and one that was wrong just now', async () => {
    const { status, checks, clock, strategy } = counted()
    const [right, wrong] = [basicField('ada', 'secret'), basicField('ada', 'wrong')]
    expect([await status(right), await status(right), await status(wrong), await status(wrong)]).toEqual([
      200, 200, 401, 401,
    ])
    expect(checks()).toBe(2)
    clock.advance(2_000)
    expect([await status(wrong), await status(right)]).toEqual([401, 200])
    expect(checks()).toBe(3)
    clock.advance(60_000)
    expect(await status(right)).toBe(200)
    expect(checks()).toBe(4)
    expect(strategy.snapshot().cache).toMatchObject({ name: 'basic', hits: 3, misses: 4 })
  })

  it('checks once for many who ask at once', async () => {
    const { status, checks } = counted()
    const statuses = await Promise.all(Array.from({ length: 20 }, () => status(basicField('ada', 'secret'))))
    expect([new Set(statuses), checks()]).toEqual([new Set([200]), 1])
  })

  it('forgets a user whose password has changed', async () => {
    const cache = authCache()
    const users: Record<string, string> = { ada: 'first' }
    const { status } = counted({ users: (name) => ({ password: users[name] ?? 'nobody' }), cache })
    expect(await status(basicField('ada', 'first'))).toBe(200)
    users['ada'] = 'second'
    expect(await status(basicField('ada', 'first'))).toBe(200)
    expect(await status(basicField('ada', 'second'))).toBe(200)
    cache.invalidate('ada')
    expect(await status(basicField('ada', 'first'))).toBe(401)
    expect(await status(basicField('ada', 'second'))).toBe(200)
  })

  it('does not take one strategy at its word for another, though they share it', async () => {
    const cache = authCache()
    const one = counted({ users: { ada: { password: 'a' } }, cache })
    const two = counted({ users: { ada: { password: 'b' } }, cache })
    expect([await one.status(basicField('ada', 'a')), await two.status(basicField('ada', 'a'))]).toEqual([200, 401])
  })
})

describe('guessing', () => {
  it('gets 503 beyond so many checks at once, and none of them is lost', async () => {
    const pending: (() => void)[] = []
    const verify = async (_: string, password: string) => {
      await new Promise<void>((resolve) => pending.push(resolve))
      return password === 'right' ? {} : undefined
    }
    const { status, clock } = setUp([basic({ verify, maxConcurrentChecks: 3 })])
    const first = ['right', 'a', 'b'].map((password) => status(basicField('ada', password)))
    expect(await status(basicField('ada', 'right'))).toBe(503)
    for (const finish of pending) finish()
    expect(await Promise.all(first)).toEqual([200, 401, 401])
    clock.advance(1)
    const next = status(basicField('ada', 'right'))
    pending.at(-1)!()
    expect(await next).toBe(200)
  })
})
