import { createProxy, createUpstream, Reply } from '@sluice/core'
import { fakeUpstream } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { accessRefused, cors, type CorsOptions } from '../../src/access/access.ts'
import { record, setUp } from '../set-up.ts'

const APP = 'https://app.example.com'
const EVIL = 'https://evil.example'
const ORIGINS = [APP, 'https://*.friends.example:8443']

/** The fields by which an upstream shares its replies itself, and one that has nothing to do with that. */
const OWN_FIELDS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Credentials': 'true',
  'access-control-expose-headers': 'X-Own',
  'X-Kept': '1',
}

function sharing(options: CorsOptions, headers: Record<string, string> = OWN_FIELDS) {
  const guard = cors(options)
  const { inject, fake, errors } = setUp([guard], { handler: () => ({ body: 'fine', headers }) })
  const fieldsOf = ({ headers: fields }: Awaited<ReturnType<typeof inject>>) =>
    Object.fromEntries(Object.entries(fields.toJSON()).filter(([name]) => /^access-control-|^vary$/.test(name)))
  return {
    guard,
    fake,
    errors,
    inject,
    ask: async (origin?: string, method = 'GET') =>
      fieldsOf(await inject({ method, headers: origin === undefined ? {} : { Origin: origin } })),
    preflight: async (origin: string, headers: Record<string, string> = {}) => {
      const fields = { Origin: origin, 'Access-Control-Request-Method': 'PUT', ...headers }
      const reply = await inject({ method: 'OPTIONS', path: '/x', headers: fields })
      return { status: reply.status, fields: fieldsOf(reply), text: await reply.text() }
    },
  }
}

it('a function gives leave by true alone: a promise, as code without types may give, is none', async () => {
  const origins = (async () => false) as unknown as () => boolean
  const { ask } = sharing({ origins, credentials: true })
  expect(await ask(EVIL)).toEqual({ vary: 'Origin' })
})

it('a function is not asked about `null` with credentials: anybody can make a frame of that origin', async () => {
  const origins = () => true
  expect(await sharing({ origins, credentials: true }).ask('null')).toEqual({ vary: 'Origin' })
  expect(await sharing({ origins }).ask('null')).toMatchObject({ 'access-control-allow-origin': 'null' })
})

describe('a preflight', () => {
  it('is answered here, and never reaches the upstream', async () => {
    const { preflight, fake, guard } = sharing({
      origins: ORIGINS,
      methods: ['GET', 'PUT'],
      headers: ['X-Token', 'Content-Type'],
      exposedHeaders: ['X-Total'],
      credentials: true,
      maxAgeMs: 600_000,
    })
    expect(await preflight(APP, { 'Access-Control-Request-Headers': 'x-token' })).toEqual({
      status: 204,
      text: '',
      fields: {
        'access-control-allow-origin': APP,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, PUT',
        'access-control-allow-headers': 'X-Token, Content-Type',
        'access-control-max-age': '600',
        vary: 'Origin',
      },
    })
    expect(fake.requests).toEqual([])
    expect(guard.snapshot()).toEqual({ name: 'cors', preflights: 1, allowed: 1, refused: 0 })
  })

  it('of an origin that is not allowed gets no leave', async () => {
    const events = record(accessRefused)
    const { preflight, fake, guard } = sharing({ origins: ORIGINS, credentials: true })
    expect(await preflight(EVIL)).toEqual({ status: 204, text: '', fields: { vary: 'Origin' } })
    expect(fake.requests).toEqual([])
    expect(events.map(({ guard: name, rule }) => [name, rule])).toEqual([['cors', 'origin']])
    expect(guard.snapshot()).toEqual({ name: 'cors', preflights: 1, allowed: 0, refused: 1 })
  })

  it('says by default what a form could ask for, and nothing of how long that holds', async () => {
    const { preflight } = sharing({ origins: '*' })
    expect((await preflight(EVIL)).fields).toEqual({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD, POST',
    })
    expect((await sharing({ origins: '*', maxAgeMs: 0 }).preflight(APP)).fields['access-control-max-age']).toBe('0')
  })

  it('from the public internet into a private network needs leave for that', async () => {
    const asking = { 'Access-Control-Request-Private-Network': 'true' }
    const allowing = sharing({ origins: ORIGINS, privateNetwork: true })
    const { fields } = await allowing.preflight(APP, asking)
    expect(fields['access-control-allow-private-network']).toBe('true')
    expect(fields['vary']).toBe('Origin, Access-Control-Request-Private-Network')
    expect((await allowing.preflight(APP)).fields).not.toHaveProperty('access-control-allow-private-network')
    expect((await allowing.preflight(EVIL, asking)).fields).not.toHaveProperty('access-control-allow-private-network')
    const plain = await sharing({ origins: ORIGINS }).preflight(APP, asking)
    expect(plain.fields).not.toHaveProperty('access-control-allow-private-network')
  })

  it('is not just any OPTIONS', async () => {
    const { inject, fake } = sharing({ origins: ORIGINS })
    await inject({ method: 'OPTIONS', path: '/', headers: { Origin: APP } })
    await inject({ method: 'OPTIONS', path: '/', headers: { 'Access-Control-Request-Method': 'PUT' } })
    await inject({ method: 'POST', path: '/', headers: { Origin: APP, 'Access-Control-Request-Method': 'PUT' } })
    expect(fake.requests.map(({ method }) => method)).toEqual(['OPTIONS', 'OPTIONS', 'POST'])
  })
})

describe('a reply', () => {
  const options = { origins: ORIGINS, credentials: true, exposedHeaders: ['X-Total', 'X-Page'] }
  const allowed = {
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-Total, X-Page',
    vary: 'Origin',
  }

  it('may be read by pages of an origin that is allowed, and says so in our words', async () => {
    const { ask, inject } = sharing(options)
    expect(await ask(APP)).toEqual({ ...allowed, 'access-control-allow-origin': APP })
    const friend = 'https://a.b.friends.example:8443'
    expect(await ask(friend, 'POST')).toEqual({ ...allowed, 'access-control-allow-origin': friend })
    expect((await inject({ headers: { Origin: APP } })).headers.get('x-kept')).toBe('1')
  })

  it.each([
    EVIL,
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://APP.example.com',
    'https://app.example.com.evil.example',
    'https://a.friends.example',
    'https://friends.example:8443',
    'https://evil.example/.friends.example:8443',
    'null',
    '',
    `${APP}, ${EVIL}`,
  ])('may not be read by pages of %j, whatever the upstream says', async (origin) => {
    expect(await sharing(options).ask(origin)).toEqual({ vary: 'Origin' })
  })

  it('tells caches to keep apart what differs, also without an origin', async () => {
    expect(await sharing(options).ask()).toEqual({ vary: 'Origin' })
    const vary = async (own: string) => (await sharing(options, { Vary: own }).ask(APP))['vary']
    expect(await vary('Accept-Encoding')).toBe('Accept-Encoding, Origin')
    expect(await vary('accept, ORIGIN')).toBe('accept, ORIGIN')
    expect(await vary('*')).toBe('*')
  })

  it('is the same for everybody where everybody may read it', async () => {
    const { ask } = sharing({ origins: '*', exposedHeaders: ['*'] })
    const fields = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' }
    expect([await ask(), await ask(EVIL), await ask('null')]).toEqual([fields, fields, fields])
  })

  it('may be read where a function says so', async () => {
    const { ask } = sharing({ origins: (origin, { request }) => origin === APP && request.method === 'GET' })
    expect((await ask(APP))['access-control-allow-origin']).toBe(APP)
    expect(await ask(APP, 'POST')).toEqual({ vary: 'Origin' })
  })

  it('may be read also where it is an error', async () => {
    const fake = fakeUpstream(() => ({ refuse: true }))
    const upstream = createUpstream('gone', { targets: ['http://a.test'], transport: fake.transport })
    for (const proxy of [
      createProxy()
        .use(cors({ origins: [APP] }))
        .route({ path: '/*' }, (route) => route.forward(upstream)),
      createProxy()
        .use(cors({ origins: [APP] }))
        .use(async (exchange, next) => await next(exchange))
        .route({ path: '/*' }, (route) => route.forward(upstream)),
    ]) {
      const reply = await proxy.inject({ headers: { Origin: APP } })
      expect([reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([502, APP])
      expect(await reply.json()).toMatchObject({ code: expect.stringMatching(/^ERR_SLUICE_/) as string })
    }
  })

  it('of a middleware that throws is the entrance’s', async () => {
    const errors: unknown[] = []
    const proxy = createProxy({ onError: (error) => errors.push(error) }).use(cors({ origins: [APP] }))
    proxy.handle(() => {
      throw new TypeError('a mistake')
    })
    expect((await proxy.inject({ headers: { Origin: APP } })).status).toBe(500)
    expect(errors).toHaveLength(1)
  })

  it('that was refused behind it may be read as well', async () => {
    const proxy = createProxy().use(cors({ origins: [APP] }))
    proxy.handle(() => Reply.empty(401, { 'WWW-Authenticate': 'Bearer' }))
    const reply = await proxy.inject({ headers: { Origin: APP } })
    expect([reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([401, APP])
  })
})

describe('a mistake in the options', () => {
  it.each<[unknown, string]>([
    [{}, 'cors.origins'],
    [{ origins: [] }, 'cors.origins'],
    [{ origins: 'https://a.example' }, 'cors.origins'],
    [{ origins: '*', credentials: true }, 'cors.origins'],
    [{ origins: [APP, '*'] }, 'cors.origins[1]'],
    [{ origins: [APP, 'null'], credentials: true }, 'cors.origins[1]'],
    [{ origins: [APP, `${APP}/path`] }, 'cors.origins[1]'],
    [{ origins: ['https://*.com'] }, 'cors.origins[0]'],
    [{ origins: [APP], methods: [] }, 'cors.methods'],
    [{ origins: [APP], methods: ['GET', 'A B'] }, 'cors.methods[1]'],
    [{ origins: [APP], methods: ['*'], credentials: true }, 'cors.methods[0]'],
    [{ origins: [APP], headers: ['X-A', '*'], credentials: true }, 'cors.headers[1]'],
    [{ origins: [APP], headers: 'X-A' }, 'cors.headers'],
    [{ origins: [APP], exposedHeaders: ['*'], credentials: true }, 'cors.exposedHeaders[0]'],
    [{ origins: [APP], exposedHeaders: ['a\r\nb'] }, 'cors.exposedHeaders[0]'],
    [{ origins: [APP], maxAgeMs: -1 }, 'cors.maxAgeMs'],
    [{ origins: [APP], credentials: 'yes' }, 'cors.credentials'],
    [{ origins: [APP], origin: APP }, 'cors.origin'],
    [null, 'cors'],
  ])('%j is told of at %s', (options, path) => {
    expect(() => cors(options as CorsOptions)).toThrow(expect.objectContaining({ path, code: 'ERR_SLUICE_CONFIG' }))
  })
})
