/** Whether who it is is enough. */
import { identity, type Identity } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { defineStrategy, refused, requireIdentity, type RequireOptions } from '../src/index.ts'
import { record, setUp } from './set-up.ts'

const ada: Identity = {
  subject: 'ada',
  scheme: 'jwt',
  scopes: ['read', 'write'],
  roles: ['admin'],
  claims: { team: 'blue', level: 3, groups: ['a', 'b'], nothing: null },
  raw: undefined,
}
const asAda = defineStrategy({ scheme: 'jwt', authenticate: () => ({ kind: 'accepted', identity: ada }) })

async function ask(options: RequireOptions, headers: Record<string, string> = {}) {
  const { proxy } = setUp([asAda, requireIdentity(options) as never])
  return await proxy.inject({ headers })
}

describe('require', () => {
  it.each([async () => false, () => ({}), () => 1, () => 'yes', () => undefined])(
    'takes nothing but true for a yes (%s)',
    async (when) => {
      expect((await ask({ when: when as () => boolean })).status).toBe(403)
    },
  )

  it.each<[RequireOptions, number]>([
    [{ scopes: ['read'] }, 200],
    [{ scopes: ['read', 'write'] }, 200],
    [{ scopes: ['read', 'delete'] }, 403],
    [{ roles: ['admin'] }, 200],
    [{ roles: ['owner', 'admin'] }, 200],
    [{ roles: ['owner'] }, 403],
    [{ claims: { team: 'blue' } }, 200],
    [{ claims: { team: 'red' } }, 403],
    [{ claims: { team: ['red', 'blue'] } }, 200],
    [{ claims: { groups: 'b' } }, 200],
    [{ claims: { groups: ['c', 'a'] } }, 200],
    [{ claims: { groups: 'c' } }, 403],
    [{ claims: { level: 3 } }, 200],
    [{ claims: { level: '3' } }, 403],
    [{ claims: { nothing: null } }, 200],
    [{ claims: { missing: null } }, 403],
    // What every object has is no claim.
    [{ claims: { toString: 'a' } }, 403],
    [{ claims: { team: 'blue', level: 4 } }, 403],
    [{ scopes: ['read'], roles: ['admin'], claims: { team: 'blue' }, when: () => true }, 200],
    [{ scopes: ['read'], roles: ['owner'] }, 403],
    [{ when: (who, x) => who.subject === 'ada' && x.request.path === '/' }, 200],
    [{ when: () => false }, 403],
  ])('%j gives %i', async (options, status) => {
    expect((await ask(options)).status).toBe(status)
  })

  it.each([
    ['Bearer abc', 'Bearer error="insufficient_scope", scope="read delete"'],
    ['bearer abc', 'Bearer error="insufficient_scope", scope="read delete"'],
    ['DPoP abc', 'DPoP error="insufficient_scope", scope="read delete"'],
    ['Basic abc', undefined],
  ])('tells a client with %j which scopes it takes', async (field, challenge) => {
    const reply = await ask({ scopes: ['read', 'delete'] }, { Authorization: field })
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([403, challenge])
    expect(await reply.json()).toMatchObject({ title: 'Forbidden', status: 403 })
  })

  it('says no more where something else is missing', async () => {
    const reply = await ask({ roles: ['owner'] }, { Authorization: 'Bearer abc' })
    expect(reply.headers.has('www-authenticate')).toBe(false)
  })

  it('tells what was missing, and counts', async () => {
    const events = record(refused)
    const needed = requireIdentity({ scopes: ['read'], roles: ['owner'] })
    const { status } = setUp([asAda, needed as never])
    await status()
    expect(events).toMatchObject([{ strategy: 'require', status: 403, reason: 'role' }])
    expect(needed.snapshot()).toEqual({ admitted: 0, refused: 1 })
  })

  it('lets nobody pass where a cast has lied about an identity', async () => {
    const { status, fake } = setUp([requireIdentity({ roles: ['admin'] }) as never])
    expect([await status(), fake.requests]).toEqual([500, []])
  })

  it('sees the identity that was set last', async () => {
    const other = { ...ada, roles: ['owner'] }
    const { status } = setUp([
      asAda,
      (x, next) => next(x.set(identity, other)),
      requireIdentity({ roles: ['owner'] }) as never,
    ])
    expect(await status()).toBe(200)
  })
})
