import { ConfigError, createProxy, createUpstream, type Target, type UpstreamOptions } from '@sluice/core'
import { fakeUpstream, seededRandom, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { leastConnections, stickySessions, type StickySessionsOptions } from '../src/index.ts'

const SECRET = 'a secret of enough characters'
const OTHER = 'another one of enough characters'

/** A proxy in front of three targets, and a browser that keeps the one cookie. */
class Site {
  readonly clock = virtualClock()
  readonly fake = fakeUpstream(() => ({ body: 'ok' }), { clock: this.clock })
  readonly upstream: ReturnType<typeof createUpstream>
  readonly #proxy: { inject: ReturnType<typeof createProxy>['inject'] }

  constructor(options: Partial<StickySessionsOptions> = {}, more: Partial<UpstreamOptions> = {}) {
    this.upstream = createUpstream('shop', {
      targets: ['http://a.test', 'http://b.test', 'http://c.test'],
      balancer: stickySessions({ secret: SECRET, ...options }),
      transport: this.fake.transport,
      clock: this.clock,
      random: seededRandom(1),
      ...more,
    })
    this.#proxy = createProxy({ clock: this.clock }).forward(this.upstream)
  }

  /** Who answers, and the cookie that is set. */
  async visit(cookie?: string): Promise<{ at: string; set: string | undefined; value: string | undefined }> {
    const reply = await this.#proxy.inject({ headers: { cookie } })
    await reply.text()
    const [set] = reply.headers.getAll('set-cookie')
    const at = reply.exchange.attempts.at(-1)?.target.url.hostname ?? '-'
    return { at, set, value: set?.split(';')[0] }
  }

  /** Who answers so many requests with this cookie. */
  async visits(count: number, cookie?: string): Promise<string> {
    const hosts = new Set<string>()
    for (let i = 0; i < count; i++) hosts.add((await this.visit(cookie)).at[0]!)
    return [...hosts].toSorted().join('')
  }
}

describe('sticky sessions', () => {
  it('keep a client at the target of its first visit, and set the cookie once', async () => {
    const site = new Site()
    const { at, set, value } = await site.visit()
    expect(set).toMatch(/^sluice-[\da-f]{8}=[\w-]{16}\.\.[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    for (let i = 0; i < 5; i++) expect(await site.visit(`theme=dark; ${value}`)).toMatchObject({ at, set: undefined })
    expect(await site.visits(6)).toBe('abc')
  })

  it('do not say where the target is', async () => {
    const values = await Promise.all(Array.from({ length: 3 }, async () => (await new Site().visit()).value!))
    for (const value of values) {
      for (const part of value.split(/[=.]/)) {
        for (const encoding of ['base64url', 'hex', 'latin1'] as const) {
          expect(Buffer.from(part, encoding).toString('latin1')).not.toMatch(/test|http|a\.|b\.|c\./)
        }
      }
    }
    const elsewhere = await new Site({ secret: OTHER }).visit()
    expect(values[0]!.slice(0, 30)).not.toBe(elsewhere.value!.slice(0, 30))
  })

  it('take no cookie that was forged, changed, cut, or made for another upstream', async () => {
    const site = new Site()
    const { at, value } = await site.visit()
    const [name, text] = value!.split('=') as [string, string]
    const forged = new Site({ secret: OTHER, cookie: name })
    const elsewhere = new Site({ cookie: 'other' })
    const wrong = [
      (await forged.visit()).value!,
      `${name}=${(await elsewhere.visit()).value!.split('=')[1]}`,
      `${name}=${text.slice(0, -1)}`,
      `${name}=${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`,
      `${name}=${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`,
      `${name}=${text.replace('..', '.zzzzzz.')}`,
      `${name}=${text}x`,
      `${name}=`,
      `${name}=${'.'.repeat(70)}`,
      `${name}=${'€'.repeat(10)}${text}`.replaceAll('€', '\u00ff'),
    ]
    for (const cookie of wrong) {
      expect(await site.visits(3, cookie)).toBe('abc')
      expect((await site.visit(cookie)).set).toBeDefined()
    }
    expect((await site.visit(value)).at).toBe(at)
  })

  it('accept all secrets of the list, sign with the first, and forget one that is taken out', async () => {
    const old = await new Site().visit()
    const rotated = new Site({ secret: [OTHER, SECRET] })
    const visit = await rotated.visit(old.value)
    expect(visit.at).toBe(old.at)
    expect(visit.value).toBeDefined()
    expect(visit.value).not.toBe(old.value)
    expect(await rotated.visit(visit.value)).toMatchObject({ at: old.at, set: undefined })
    const done = new Site({ secret: [OTHER] })
    expect(await done.visit(visit.value)).toMatchObject({ at: old.at, set: undefined })
    expect(await done.visits(3, old.value)).toBe('abc')
  })

  it('hold as long as they are told, and are renewed half way', async () => {
    const site = new Site({ maxAgeSeconds: 60 })
    const { at, set, value } = await site.visit()
    expect(set).toContain('; Max-Age=60;')
    site.clock.advance(29_000)
    expect(await site.visit(value)).toMatchObject({ at, set: undefined })
    site.clock.advance(2_000)
    const renewed = await site.visit(value)
    expect(renewed).toMatchObject({ at, set: expect.stringContaining('Max-Age=60') })
    site.clock.advance(30_000)
    expect(await site.visits(3, value)).toBe('abc')
    expect(await site.visits(3, renewed.value)).toBe(at[0])
  })

  it('give a cookie without an end one, once there is one', async () => {
    const { at, value } = await new Site().visit()
    expect(await new Site({ maxAgeSeconds: 60 }).visit(value)).toMatchObject({ at, set: expect.any(String) })
    const timed = await new Site({ maxAgeSeconds: 60 }).visit()
    expect(await new Site().visit(timed.value)).toMatchObject({ at: timed.at, set: expect.any(String) })
  })

  it('move on when the target is gone, and stay there', async () => {
    const site = new Site()
    const { at, value } = await site.visit()
    await site.upstream.remove(`http://${at}`)
    const moved = await site.visit(value)
    expect(moved.at).not.toBe(at)
    expect(await site.visits(4, moved.value)).toBe(moved.at[0])
    // It is the same target again if it comes back.
    site.upstream.add(`http://${at}`)
    expect((await site.visit(value)).at).toBe(at)
  })

  it('keep a target that drains, which gets no new ones; one that is down is left', async () => {
    const site = new Site()
    const { at, value } = await site.visit()
    site.upstream.update(`http://${at}`, { state: 'drain' })
    expect(await site.visits(4, value)).toBe(at[0])
    expect(await site.visits(6)).not.toContain(at[0])
    site.upstream.update(`http://${at}`, { state: 'down' })
    expect(await site.visits(4, value)).not.toContain(at[0])
    site.upstream.update(`http://${at}`, { state: 'up' })
    expect(await site.visits(4, value)).toBe(at[0])
  })

  it('leave a target that a gate takes out, also one that drains, and one of weight 0', async () => {
    const out = new Set<string>()
    let changed!: () => void
    const gate: NonNullable<UpstreamOptions['gates']>[number] = (services) => {
      changed = () => services.changed()
      return { name: 'test', admits: (target: Target) => !out.has(target.url.hostname), observe() {} }
    }
    const site = new Site({}, { gates: [gate] })
    const { at, value } = await site.visit()
    out.add(at)
    changed()
    expect(await site.visits(4, value)).not.toContain(at[0])
    site.upstream.update(`http://${at}`, { state: 'drain' })
    expect(await site.visits(4, value)).not.toContain(at[0])
    out.clear()
    changed()
    expect(await site.visits(4, value)).toBe(at[0])
    site.upstream.update(`http://${at}`, { state: 'up', weight: 0 })
    expect(await site.visits(4, value)).not.toContain(at[0])
  })

  it('move to where the next attempt has gone', async () => {
    const site = new Site()
    const { at, value } = await site.visit()
    site.fake.refusing.add(`http://${at}`)
    const moved = await site.visit(value)
    expect(moved.at).not.toBe(at)
    site.fake.refusing.clear()
    expect(await site.visit(moved.value)).toMatchObject({ at: moved.at, set: undefined })
  })

  it('leave a target that is full', async () => {
    const site = new Site()
    const { at, value } = await site.visit()
    site.upstream.update(`http://${at}`, { maxActive: 1 })
    site.upstream.targets.find(({ url }) => url.hostname === at)!.active = 1
    expect(await site.visits(4, value)).not.toContain(at[0])
  })

  it('have the attributes that they are told', async () => {
    const { set } = await new Site({
      cookie: 'stay',
      path: '/shop',
      domain: 'example.com',
      secure: false,
      httpOnly: false,
      sameSite: 'strict',
    }).visit()
    expect(set).toMatch(/^stay=[\w-]+\.\.[\w-]+; Path=\/shop; Domain=example\.com; SameSite=Strict$/)
    const { set: host } = await new Site({ cookie: '__Host-stay', sameSite: 'none' }).visit()
    expect(host).toMatch(/^__Host-stay=\S+; Path=\/; Secure; HttpOnly; SameSite=None$/)
  })

  it('let another balancer choose, and tell it what happens', async () => {
    const site = new Site({ balancer: leastConnections() }, { maxActivePerTarget: 1 })
    const visit = async () => (await site.visit()).at
    const hosts = [await visit(), await visit(), await visit()]
    expect(new Set(hosts).size).toBe(3)
    // It knows that each of these is over: else all would be full.
    expect([await visit(), await visit(), await visit()]).toEqual(hosts)
  })

  it.each<[path: string, options: object]>([
    ['secret', { secret: 'short' }],
    ['secret', { secret: [] }],
    ['secret', { secret: undefined }],
    ['secret', { secret: [SECRET, 'short'] }],
    ['cookie', { cookie: 'a b' }],
    ['cookie', { cookie: '' }],
    ['cookie', { cookie: '__Host-a', domain: 'example.com' }],
    ['cookie', { cookie: '__Secure-a', secure: false }],
    ['path', { path: 'shop' }],
    ['path', { path: '/; Domain=com' }],
    ['path', { path: '/\r\n' }],
    ['domain', { domain: 'a;b' }],
    ['sameSite', { sameSite: 'Lax' }],
    ['sameSite', { sameSite: 'none', secure: false }],
    ['maxAgeSeconds', { maxAgeSeconds: 0 }],
    ['maxAgeSeconds', { maxAgeSeconds: 1.5 }],
    ['balancer', { balancer: 'random' }],
  ])('refuse a wrong %s: %j', (path, options) => {
    const build = () => stickySessions({ secret: SECRET, ...options })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path: `stickySessions.${path}` }))
  })
})
