/** Whose word the upstream gets of who is asking: the service's, where it was that which decided, and never the client's. */
import { createUpstream } from '@sluice/core'
import { fakeUpstream, virtualClock } from '@sluice/testing'
import { Body, HeaderList } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import {
  allOf,
  anyOf,
  apiKey,
  apiKeyDigest,
  basic,
  forwardAuth,
  forwardAuthFailed,
  type ForwardAuthOptions,
  optional,
  passIdentity,
  passJwt,
} from '../../src/index.ts'
import { basicField, record, setUp } from '../set-up.ts'
import { SECRET } from '../tokens.ts'

const KEY = 'k'.repeat(32)
const ADA = basicField('ada', 'secret')
const people = () => basic({ users: { ada: { password: 'secret' } } })
const machines = () => apiKey({ keys: [{ sha256: apiKeyDigest(KEY), subject: 'shop' }] })

/** A service that knows everybody as `eve`. */
function service(more: ForwardAuthOptions = {}) {
  const clock = virtualClock()
  const fake = fakeUpstream(() => ({ headers: { 'Remote-User': 'eve' } }), { clock })
  const upstream = createUpstream('auth', { targets: ['http://auth.test'], transport: fake.transport, clock })
  return {
    requests: fake.requests,
    strategy: forwardAuth({ upstream, copyFields: ['Remote-User'], subjectField: 'Remote-User', ...more }),
  }
}

/** What an upstream is told, in whatever spelling. */
function toldOf(fields: readonly (readonly [string, string])[]): string[] {
  return fields.filter(([name]) => /^(?:remote|x).?user/i.test(name)).map(([name, value]) => `${name}: ${value}`)
}

const FORGED = { 'REMOTE-USER': 'root', Remote_User: 'root', 'Remote.User': 'root', 'remote-user': ['root', 'wheel'] }

describe('the fields of an answer', () => {
  it('are the only ones of their names, however a client spells its own', async () => {
    const { status, last } = setUp([service().strategy])
    expect(await status(FORGED)).toBe(200)
    expect(toldOf(last().headers)).toEqual(['remote-user: eve'])
  })

  it('are not told where it is somebody else who was let in', async () => {
    const { strategy, requests } = service()
    const { status, last } = setUp([anyOf(allOf(strategy, machines()), people())])
    expect(await status({ ...ADA, ...FORGED })).toBe(200)
    expect([requests.length, toldOf(last().headers)]).toEqual([1, []])
    // With both it is the service that names the client.
    expect(await status({ ...ADA, 'X-API-Key': KEY })).toBe(200)
    expect(toldOf(last().headers)).toEqual(['remote-user: eve'])
  })

  it('are told where the service is one of several that are asked for, at any depth', async () => {
    const { status, last } = setUp([anyOf(allOf(allOf(machines(), service().strategy), people()))])
    expect(await status({ ...ADA, 'X-API-Key': KEY, ...FORGED })).toBe(200)
    expect(toldOf(last().headers)).toEqual(['remote-user: eve'])
  })

  it('are not those of the client where a stranger is let pass', async () => {
    const { strategy, requests } = service()
    const { status, last } = setUp([optional(allOf(people(), machines(), strategy))])
    expect(await status({ 'X-API-Key': KEY, ...FORGED })).toBe(200)
    expect(toldOf(last().headers)).toEqual([])
    // Nor does half of the proof go on.
    expect([last().header('x-api-key'), requests.length]).toEqual([undefined, 0])
  })
})

describe('what stands behind a body', () => {
  const TRAILERS = { 'X-User': 'root', X_User: 'root', 'Remote-User': 'root', Remote_User: 'root', 'X-Sum': '1' }
  /** As a client sends it in chunks, or over HTTP/2. */
  const body = (length?: number) =>
    Body.from(
      {
        start(sink) {
          sink.write(Buffer.from('abc'))
          sink.end(new HeaderList(TRAILERS))
        },
        resume() {},
        cancel() {},
      },
      length,
    )

  it.each([
    ['passIdentity', [machines(), passIdentity({ headers: { 'X-User': 'subject', 'Remote-User': 'subject' } })]],
    ['passJwt', [machines(), ...['X-User', 'Remote-User'].map((header) => jwtIn(header))]],
    ['forwardAuth', [machines(), service({ copyFields: ['X-User', 'Remote-User'] }).strategy]],
  ] as const)('tells nothing that %s tells', async (_, use) => {
    for (const [request, headers] of [
      [{ body: body() }, {}],
      [{ body: body(3), httpVersion: '2.0' }, { 'Content-Length': '3' }],
    ] as const) {
      const { inject, last } = setUp(use as never)
      const reply = await inject({ method: 'POST', ...request, headers: { ...headers, 'X-API-Key': KEY } })
      expect([reply.status, last().body.toString(), last().trailers]).toEqual([200, 'abc', [['X-Sum', '1']]])
    }
  })
})

function jwtIn(header: string) {
  return passJwt({ algorithm: 'HS256', key: SECRET, issuer: 'gateway', audience: 'orders', header })
}

describe('what the service is shown', () => {
  it('is one cookie field, which HTTP/2 may have in crumbs', async () => {
    const { strategy, requests } = service()
    await setUp([strategy]).status({ Cookie: ['a=1', 'session=ada'] })
    expect(requests[0]!.headers.filter(([name]) => /cookie/i.test(name))).toEqual([['cookie', 'a=1; session=ada']])
  })

  it.each(['Authorization', 'X-Session'])('is not the one of two %s that the upstream does not take', async (field) => {
    const { strategy, requests } = service({ requestFields: ['Authorization', 'X-Session'] })
    const { status, fake } = setUp([strategy])
    expect(await status({ [field]: ['ada', 'eve'] })).toBe(401)
    expect([requests.length, fake.requests.length]).toEqual([0, 0])
  })

  it('is the path as it was received, to the letter', async () => {
    const { strategy, requests } = service()
    const { inject } = setUp([
      (x, next) => {
        x.request.target = '/rewritten'
        x.request.authority = 'rewritten.test'
        return next(x)
      },
      strategy,
    ])
    for (const path of ['/a{b}?x', 'http://localhost/a{b}?x', 'HTTP://LocalHost?x'])
      await inject({ path, headers: { Host: 'localhost' } })
    expect(requests.map((each) => [each.header('x-forwarded-uri'), each.header('x-forwarded-host')])).toEqual([
      ['/a{b}?x', 'localhost'],
      ['/a{b}?x', 'localhost'],
      ['/?x', 'localhost'],
    ])
  })

  it('is given up when the client leaves', async () => {
    const clock = virtualClock()
    const hanging = fakeUpstream(() => ({ hang: true }), { clock })
    const upstream = createUpstream('auth', { targets: ['http://auth.test'], transport: hanging.transport, clock })
    const failures = record(forwardAuthFailed)
    const leaver = new AbortController()
    const { inject, errors, fake } = setUp([forwardAuth({ upstream, onError: 'allow' })])
    const pending = inject({ signal: leaver.signal })
    expect(upstream.snapshot().targets[0]!.active).toBe(1)
    leaver.abort()
    expect((await pending).status).toBeGreaterThanOrEqual(400)
    expect(upstream.snapshot().targets[0]!.active).toBe(0)
    // Nobody has failed.
    expect([errors, failures, fake.requests.length]).toEqual([[], [], 0])
  })
})
