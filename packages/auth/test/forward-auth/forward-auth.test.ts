/** A service that is asked about each request: what it is shown, what its answer does, and what happens when there is none. */
import { createUpstream, identity, type Middleware, Reply } from '@sluice/core'
import { type Answer, fakeUpstream, listenUpstream, type RecordedRequest, virtualClock } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anyOf, defineStrategy, forwardAuth, forwardAuthFailed, type ForwardAuthOptions } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'

const whoIs: Middleware = (x) => Reply.json(x.peek(identity))

/** A gateway and the service that it asks, in process and in one virtual time. */
function gateway(answer: (request: RecordedRequest) => Answer | Promise<Answer>, more: ForwardAuthOptions = {}) {
  const clock = virtualClock()
  const service = fakeUpstream(answer, { clock })
  const upstream = createUpstream('auth', { targets: ['http://auth.test:4181'], transport: service.transport, clock })
  const strategy = forwardAuth({ upstream, path: '/verify?app=1', ...more })
  return { ...setUp([strategy]), service, strategy, serviceClock: clock }
}

const ok = (headers: Record<string, string> = {}) => ({ status: 200, headers })

describe('the service', () => {
  it('is shown chosen fields, and what request it is about', async () => {
    const { inject, service } = gateway(() => ok(), { requestFields: ['Authorization', 'Accept-Language'] })
    await inject({
      method: 'DELETE',
      path: '/orders/7?full=1',
      headers: {
        Host: 'api.example',
        Authorization: 'Custom abc',
        'Accept-Language': ['a', 'b'],
        Cookie: 'secret=1',
        'X-Forwarded-Uri': '/public',
        'X-Forwarded-Method': 'GET',
        'X-Forwarded-For': '10.0.0.1',
      },
      peer: { address: '192.0.2.7' },
    })
    const [request] = service.requests
    expect([request!.method, request!.path, request!.body.byteLength]).toEqual(['GET', '/verify?app=1', 0])
    expect(Object.fromEntries(request!.headers.map(([name, value]) => [name.toLowerCase(), value]))).toEqual({
      host: 'auth.test:4181',
      authorization: 'Custom abc',
      'accept-language': 'b',
      'x-forwarded-method': 'DELETE',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'api.example',
      'x-forwarded-uri': '/orders/7?full=1',
      'x-forwarded-for': '192.0.2.7',
    })
    expect(request!.headers.filter(([name]) => name.toLowerCase() === 'accept-language')).toHaveLength(2)
  })

  it('is asked at its URL, over a socket, and the request goes on with its body', async () => {
    const service = await listenUpstream(() => ok({ 'Remote-User': 'ada' }))
    onTestFinished(() => service.close())
    const strategy = forwardAuth({ url: `${service.url}/check?x=1`, method: 'POST', copyFields: ['Remote-User'] })
    const { inject, last } = setUp([strategy])
    expect((await inject({ method: 'PUT', body: 'the body', headers: { Authorization: 'a' } })).status).toBe(200)
    expect(service.requests.map(({ method, path, body }) => [method, path, body.byteLength])).toEqual([
      ['POST', '/check?x=1', 0],
    ])
    expect([last().body.toString(), last().header('remote-user'), last().header('authorization')]).toEqual([
      'the body',
      'ada',
      'a',
    ])
  })

  it('is asked by GET also where the client wants another protocol', async () => {
    const { inject, service } = gateway(() => ({ status: 403 }))
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Version': '13',
    }
    expect((await inject({ headers })).status).toBe(403)
    expect(service.requests[0]!.header('upgrade')).toBeUndefined()
  })
})

describe('an answer that lets a request pass', () => {
  it('gives it the chosen fields, in the place of the client’s own', async () => {
    const { inject, last } = gateway(() => ok({ 'Remote-User': 'ada', 'Remote-Email': 'a@b.example', Other: 'x' }), {
      copyFields: ['Remote-User', 'Remote-Groups'],
    })
    await inject({ headers: { 'remote-user': ['root', 'admin'], 'REMOTE-GROUPS': 'wheel', 'Remote-Email': 'mine' } })
    expect(last().headers.filter(([name]) => /^remote-user$/i.test(name))).toHaveLength(1)
    expect(last().header('remote-user')).toBe('ada')
    expect(last().header('remote-groups')).toBeUndefined()
    expect(last().header('remote-email')).toBe('mine')
    expect(last().header('other')).toBeUndefined()
  })

  it('says who it is', async () => {
    const { service } = gateway(() => ok())
    const fields = { 'Remote-User': 'ada', 'Remote-Groups': 'staff, admin', 'Remote-Scopes': 'read write' }
    const upstream = createUpstream('auth', {
      targets: ['http://auth.test'],
      transport: fakeUpstream(() => ok(fields)).transport,
    })
    const more = { subjectField: 'remote-user', rolesField: 'remote-groups', scopesField: 'remote-scopes' }
    const { inject } = setUp([forwardAuth({ upstream, copyFields: ['remote-user'], ...more }), whoIs])
    expect(await (await inject()).json()).toEqual({
      scheme: 'forward-auth',
      subject: 'ada',
      claims: { 'remote-user': 'ada' },
      roles: ['staff', 'admin'],
      scopes: ['read', 'write'],
    })
    expect(service.requests).toHaveLength(0)
  })

  it('that names nobody leaves a digest for a name: the same for the same credentials', async () => {
    const upstream = createUpstream('auth', {
      targets: ['http://auth.test'],
      transport: fakeUpstream(() => ok()).transport,
    })
    const { inject } = setUp([forwardAuth({ upstream }), whoIs])
    const subjectOf = async (Authorization: string) =>
      ((await (await inject({ headers: { Authorization } })).json()) as { subject: string }).subject
    const [one, again, other] = [await subjectOf('a secret'), await subjectOf('a secret'), await subjectOf('another')]
    expect(one).toBe(again)
    expect(one).not.toBe(other)
    expect(one).not.toContain('secret')
  })

  it('does not let a client’s own fields pass where another strategy decides', async () => {
    const mine = defineStrategy({
      scheme: 'mine',
      authenticate: () => ({
        kind: 'accepted',
        identity: { subject: 'a', scheme: 'mine', claims: {}, scopes: [], roles: [], raw: undefined },
      }),
    })
    const forward = forwardAuth({ url: 'http://127.0.0.1:1/', copyFields: ['remote-user'] })
    const { status, last } = setUp([anyOf(mine, forward)])
    expect(await status({ 'Remote-User': 'root' })).toBe(200)
    expect(last().header('remote-user')).toBeUndefined()
  })
})

describe('a refusal', () => {
  it.each([401, 403, 302, 307])('of %i goes to the client, with its body and the chosen fields', async (code) => {
    const { inject, fake, errors } = gateway(() => ({
      status: code,
      headers: [
        ['WWW-Authenticate', 'Custom'],
        ['Location', 'https://login.example/?next=/'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['Content-Type', 'text/html'],
        ['Content-Encoding', 'identity'],
        ['X-Internal', 'host-7'],
        ['Connection', 'close'],
      ],
      body: '<p>Log in</p>',
    }))
    const reply = await inject()
    expect([reply.status, await reply.text(), errors]).toEqual([code, '<p>Log in</p>', []])
    expect(reply.headers.toJSON()).toMatchObject({
      'www-authenticate': 'Custom',
      location: 'https://login.example/?next=/',
      'set-cookie': ['a=1', 'b=2'],
      'content-type': 'text/html',
      'content-encoding': 'identity',
      'cache-control': 'no-store',
    })
    expect([reply.headers.has('x-internal'), reply.headers.has('connection')]).toEqual([false, false])
    expect(fake.requests).toHaveLength(0)
  })

  it('with a body that is too long goes without it', async () => {
    const { inject } = gateway(() => ({ status: 401, body: 'x'.repeat(101) }), { maxBodyBytes: 100 })
    const reply = await inject()
    expect([reply.status, await reply.text()]).toEqual([401, ''])
  })

  it('is not followed where it is a redirect', async () => {
    const elsewhere = await listenUpstream(() => ok())
    onTestFinished(() => elsewhere.close())
    const service = await listenUpstream(() => ({ status: 302, headers: { Location: elsewhere.url } }))
    onTestFinished(() => service.close())
    const { inject } = setUp([forwardAuth({ url: service.url })])
    expect((await inject()).status).toBe(302)
    expect(elsewhere.requests).toHaveLength(0)
  })
})

describe('no answer', () => {
  it.each<[string, Answer]>([
    ['500', { status: 500 }],
    ['404', { status: 404 }],
    ['400', { status: 400 }],
    ['a broken connection', { reset: true }],
    ['a refused connection', { refuse: true }],
  ])('(%s) is 503, and can be let pass', async (_, answer) => {
    const failures = record(forwardAuthFailed)
    const closed = gateway(() => answer, { copyFields: ['remote-user'] })
    const reply = await closed.inject()
    expect([reply.status, closed.errors, closed.fake.requests.length]).toEqual([503, [], 0])
    const open = gateway(() => answer, { copyFields: ['remote-user'], onError: 'allow' })
    expect(await open.status({ 'Remote-User': 'root' })).toBe(200)
    expect(open.last().header('remote-user')).toBeUndefined()
    expect(failures).toHaveLength(2)
  })

  it('in time is 503', async () => {
    const { inject, serviceClock, service } = gateway(() => ({ hang: true }), { timeoutMs: 1_000 })
    const pending = inject()
    await serviceClock.advanceAsync(999)
    expect(service.requests).toHaveLength(1)
    await serviceClock.advanceAsync(1)
    expect((await pending).status).toBe(503)
  })

  it('that is let pass is not remembered', async () => {
    let answer: Answer = { status: 500 }
    const { status } = gateway(() => answer, { onError: 'allow', cacheKey: ['authorization'] })
    expect(await status({ Authorization: 'a' })).toBe(200)
    answer = { status: 403 }
    expect(await status({ Authorization: 'a' })).toBe(403)
  })
})

describe('a cached answer', () => {
  it('is used for the same key, for as long as it may be', async () => {
    const { inject, service, clock, last } = gateway(() => ok({ 'Remote-User': 'ada' }), {
      cacheKey: ['authorization', ':path'],
      cache: { ttlMs: 1_000 },
      copyFields: ['remote-user'],
    })
    const ask = async (Authorization: string, path: string) =>
      (await inject({ path, headers: { Authorization } })).status
    expect([await ask('a', '/1'), await ask('a', '/1'), service.requests.length]).toEqual([200, 200, 1])
    expect(last().header('remote-user')).toBe('ada')
    expect([await ask('a', '/2'), await ask('b', '/1'), service.requests.length]).toEqual([200, 200, 3])
    clock.advance(1_000)
    expect([await ask('a', '/1'), service.requests.length]).toEqual([200, 4])
  })

  it('of a refusal makes a reply for each', async () => {
    const { inject, service } = gateway(() => ({ status: 401, body: 'no' }), { cacheKey: ['authorization'] })
    const texts = [await inject(), await inject()].map(async (reply) => await reply.text())
    expect([await Promise.all(texts), service.requests.length]).toEqual([['no', 'no'], 1])
  })

  it('is by a function of one’s own, which may leave some out', async () => {
    const { inject, service } = gateway(() => ok(), { cacheKey: (x) => x.request.headers.get('x-key') })
    for (const headers of [{ 'X-Key': 'a' }, { 'X-Key': 'a' }, {}, {}] as Record<string, string>[])
      await inject({ headers })
    expect(service.requests).toHaveLength(3)
  })

  it('is not there without a key', async () => {
    const { status, service, strategy } = gateway(() => ok())
    await status()
    await status()
    expect([service.requests.length, strategy.snapshot().details]).toEqual([2, { asked: 2, failed: 0 }])
  })
})
