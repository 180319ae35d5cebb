import { describe, expect, it } from 'vitest'
import { accessRefused, fetchMetadata, type FetchMetadataOptions } from '../../src/access/access.ts'
import { record, setUp } from '../set-up.ts'

const fields = (site: string, mode = 'cors', dest = 'empty') => ({
  'Sec-Fetch-Site': site,
  'Sec-Fetch-Mode': mode,
  'Sec-Fetch-Dest': dest,
})
const LINK = fields('cross-site', 'navigate', 'document')
const FRAME = fields('cross-site', 'navigate', 'iframe')
const IMAGE = fields('cross-site', 'no-cors', 'image')

function guarding(options: FetchMetadataOptions = {}) {
  const guard = fetchMetadata(options)
  const { inject, fake } = setUp([guard], { handler: () => ({ body: 'fine', headers: { Vary: 'Accept' } }) })
  return {
    guard,
    fake,
    inject,
    ask: async (headers: Record<string, string>, method = 'GET', path = '/') =>
      (await inject({ method, path, headers: { Host: 'app.example.com', ...headers } })).status,
  }
}

describe('the policy', () => {
  it.each<[string, Record<string, string>, string, number]>([
    ['a page of its own', fields('same-origin'), 'POST', 200],
    ['the address bar', fields('none', 'navigate', 'document'), 'GET', 200],
    ['another origin of the site', fields('same-site'), 'POST', 200],
    ['a link of another site', LINK, 'GET', 200],
    ['a link in a frame of another site', FRAME, 'GET', 200],
    ['a form of another site', LINK, 'POST', 403],
    ['a script of another site', fields('cross-site'), 'GET', 403],
    ['an image of another site', IMAGE, 'GET', 403],
    ['an <object> of another site', fields('cross-site', 'navigate', 'object'), 'GET', 403],
    ['an <embed> of another site', fields('cross-site', 'navigate', 'embed'), 'GET', 403],
    ['a site that there is not', fields('somewhere'), 'GET', 403],
    ['a program', {}, 'POST', 200],
    ['an old browser, from a page of its own', { Origin: 'https://app.example.com' }, 'POST', 200],
    ['an old browser, from a page of another site', { Origin: 'https://evil.example' }, 'POST', 403],
    ['an old browser, from a sandbox', { Origin: 'null' }, 'POST', 403],
    ['an old browser, from another port', { Origin: 'https://app.example.com:8443' }, 'POST', 403],
  ])('by default, for %s', async (_who, headers, method, status) => {
    const { ask, fake } = guarding()
    expect(await ask(headers, method)).toBe(status)
    expect(fake.requests).toHaveLength(status === 200 ? 1 : 0)
  })

  it.each<[FetchMetadataOptions, Record<string, string>, number]>([
    [{ sameSite: false }, fields('same-site'), 403],
    [{ sameSite: false }, fields('same-origin'), 200],
    [{ sameSite: false }, fields('same-site', 'navigate', 'document'), 200],
    [{ navigations: 'top-level' }, LINK, 200],
    [{ navigations: 'top-level' }, FRAME, 403],
    [{ navigations: 'none' }, LINK, 403],
    [{ missing: 'deny' }, {}, 403],
    [{ missing: 'deny' }, { Origin: 'https://app.example.com' }, 403],
    [{ missing: 'allow' }, { Origin: 'https://evil.example' }, 200],
    [{ origins: ['https://*.friends.example'] }, { ...fields('cross-site'), Origin: 'https://a.friends.example' }, 200],
    [{ origins: ['https://*.friends.example'] }, { Origin: 'https://a.friends.example' }, 200],
    [{ origins: ['https://*.friends.example'] }, { ...fields('cross-site'), Origin: 'https://evil.example' }, 403],
    [{ shadow: true }, IMAGE, 200],
  ])('with %j, for %j: %i', async (options, headers, status) => {
    expect(await guarding(options).ask(headers)).toBe(status)
  })

  it('leaves alone what anybody may ask for, by the predicates of routes', async () => {
    const { ask } = guarding({
      exempt: [
        { path: '/public/*', method: 'GET' },
        { path: '/hook', headers: { 'X-Hook': true } },
      ],
    })
    expect([await ask(IMAGE, 'GET', '/public/a.png'), await ask(IMAGE, 'POST', '/public/a.png')]).toEqual([200, 403])
    expect([await ask({ ...IMAGE, 'X-Hook': '1' }, 'POST', '/hook'), await ask(IMAGE, 'POST', '/hook')]).toEqual([
      200, 403,
    ])
  })
})

describe('a refusal', () => {
  it('is a problem document of its own code, which caches keep apart', async () => {
    const { inject } = guarding()
    const reply = await inject({ headers: IMAGE })
    expect(await reply.json()).toMatchObject({ status: 403, code: 'cross-site-refused' })
    expect(reply.headers.get('vary')).toBe('Sec-Fetch-Site, Sec-Fetch-Mode, Sec-Fetch-Dest, Origin')
    expect((await inject({ headers: LINK })).headers.get('vary')).toBe(
      'Accept, Sec-Fetch-Site, Sec-Fetch-Mode, Sec-Fetch-Dest, Origin',
    )
  })

  it('is counted and told of by its reason', async () => {
    const events = record(accessRefused)
    const { ask, guard } = guarding({ navigations: 'none', sameSite: false, missing: 'check-origin', name: 'pages' })
    await ask(IMAGE)
    await ask(fields('same-site'))
    await ask(LINK)
    await ask({ Origin: 'https://evil.example' })
    await ask(fields('x'))
    await ask({})
    expect(events.map(({ guard: name, rule }) => [name, rule])).toEqual(
      ['cross-site', 'same-site', 'navigation', 'origin', 'malformed'].map((reason) => ['pages', reason]),
    )
    expect(guard.snapshot()).toEqual({
      name: 'pages',
      shadow: false,
      allowed: 1,
      refused: { 'cross-site': 1, 'same-site': 1, navigation: 1, origin: 1, missing: 0, malformed: 1 },
    })
  })
})

it.each<[unknown, string]>([
  [{ sameSite: 1 }, 'fetchMetadata.sameSite'],
  [{ navigations: true }, 'fetchMetadata.navigations'],
  [{ missing: 'refuse' }, 'fetchMetadata.missing'],
  [{ origins: ['app.example.com'] }, 'fetchMetadata.origins[0]'],
  [{ exempt: [{ path: 'x' }] }, 'fetchMetadata.exempt[0].path'],
  [{ exempt: 'x' }, 'fetchMetadata.exempt'],
  [{ exempt: [{}] }, 'fetchMetadata.exempt[0]'],
  [{ exempt: [{ paths: '/a' }] }, 'fetchMetadata.exempt[0].paths'],
  [{ samesite: true }, 'fetchMetadata.samesite'],
  [[], 'fetchMetadata'],
])('%j is told of at %s', (options, path) => {
  expect(() => fetchMetadata(options as FetchMetadataOptions)).toThrow(
    expect.objectContaining({ path, code: 'ERR_SLUICE_CONFIG' }),
  )
})

describe('an exemption that throws', () => {
  const breaks = (): boolean => {
    throw new Error('it breaks')
  }

  it.each([
    [false, 500],
    [true, 200],
  ])('in a shadow (%s) fails nobody, and exempts nothing', async (shadow, status) => {
    const { ask, guard } = guarding({ shadow, exempt: [{ headers: { 'x-kind': breaks } }] })
    expect(await ask({ ...IMAGE, 'X-Kind': 'a' })).toBe(status)
    expect(guard.snapshot().refused['cross-site']).toBe(shadow ? 1 : 0)
  })
})
