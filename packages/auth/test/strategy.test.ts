/** A strategy as a middleware: what it sets, what it answers, what it tells. */
import { identity, type Identity, type Middleware, Reply } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { accepted, defineStrategy, refused, type Refusal, type Verdict } from '../src/index.ts'
import { record, setUp } from './set-up.ts'

const ada: Identity = { subject: 'ada', scheme: 'test', claims: {}, scopes: [], roles: [], raw: undefined }

/** Decides by the field `X-Test`. */
function strategyOf(answers: Readonly<Record<string, () => Verdict | Promise<Verdict>>>) {
  return defineStrategy({
    scheme: 'test',
    authenticate: ({ request }) => answers[request.headers.get('x-test') ?? '']?.() ?? { kind: 'absent' },
    challenge: () => ['Test realm="a"', 'Other'],
    strip: ({ request }) => void request.headers.delete('x-test'),
  })
}

const refusalOf = (status: 401 | 403 | 503, more: Partial<Refusal> = {}) => ({
  kind: 'refused' as const,
  status,
  reason: 'because',
  ...more,
})
const echo: Middleware = (x) => Reply.json(x.peek(identity) ?? 'nobody')
const answers = {
  good: () => ({ kind: 'accepted', identity: ada }) as const,
  later: async () => ({ kind: 'accepted', identity: ada }) as const,
  bad: () => refusalOf(401),
  expired: async () => refusalOf(401, { challenge: 'Test error="expired"' }),
  poor: () => refusalOf(403),
  away: () => refusalOf(503, { retryAfterMs: 4_500 }),
  throws: () => {
    throw new Error('the directory is away')
  },
  rejects: async () => {
    throw new Error('the directory is away')
  },
}

describe('a strategy', () => {
  it.each(['good', 'later'])('sets the identity and takes the credentials off (%s)', async (word) => {
    const { inject } = setUp([strategyOf(answers), echo])
    expect(await (await inject({ headers: { 'X-Test': word } })).json()).toEqual({ ...ada, raw: undefined })
    const { inject: through, last } = setUp([strategyOf(answers)])
    await through({ headers: { 'X-Test': word } })
    expect(last().header('x-test')).toBeUndefined()
  })

  it('answers a request without credentials with 401, its challenges and a problem document', async () => {
    const { inject, fake } = setUp([strategyOf(answers)])
    const reply = await inject()
    expect(reply.status).toBe(401)
    expect(reply.headers.getAll('www-authenticate')).toEqual(['Test realm="a"', 'Other'])
    expect(reply.headers.toJSON()).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'proxy-status': 'sluice; error=http_request_denied',
    })
    expect(await reply.json()).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'This needs credentials that are accepted here.',
    })
    expect(fake.requests).toHaveLength(0)
  })

  it('challenges bad credentials by what the refusal says, or else as if there were none', async () => {
    const { inject } = setUp([strategyOf(answers)])
    const bad = await inject({ headers: { 'X-Test': 'bad' } })
    expect([bad.status, bad.headers.getAll('www-authenticate')]).toEqual([401, ['Test realm="a"', 'Other']])
    const expired = await inject({ headers: { 'X-Test': 'expired' } })
    expect([expired.status, expired.headers.getAll('www-authenticate')]).toEqual([401, ['Test error="expired"']])
  })

  it('answers 403 without a challenge, and without saying why', async () => {
    const { inject } = setUp([strategyOf(answers)])
    const reply = await inject({ headers: { 'X-Test': 'poor' } })
    expect([reply.status, reply.headers.has('www-authenticate')]).toEqual([403, false])
    expect(await reply.text()).not.toContain('because')
  })

  it('answers 503 with Retry-After where nobody can say', async () => {
    const { inject } = setUp([strategyOf(answers)])
    const reply = await inject({ headers: { 'X-Test': 'away' } })
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await reply.json()).toMatchObject({ code: 'ERR_SLUICE_AUTH_UNKNOWN' })
  })

  it.each(['throws', 'rejects'])('lets nobody in, and tells the proxy, where what it asks %s', async (word) => {
    const { inject, errors, fake } = setUp([strategyOf(answers)])
    expect((await inject({ headers: { 'X-Test': word } })).status).toBe(503)
    expect(errors).toMatchObject([{ message: 'the directory is away' }])
    expect(fake.requests).toHaveLength(0)
  })

  it('tells whom it has let in and whom not, and counts them', async () => {
    const strategy = strategyOf(answers)
    const { status } = setUp([strategy])
    const [seen, not] = [record(accepted), record(refused)]
    for (const word of ['good', 'later', 'bad', 'poor', 'away', '']) await status({ 'X-Test': word })
    expect(seen).toMatchObject([{ strategy: 'test', identity: ada }, { identity: ada }])
    expect(not.map(({ status: code, reason }) => [code, reason])).toEqual([
      [401, 'because'],
      [403, 'because'],
      [503, 'because'],
      [401, 'missing'],
    ])
    expect(strategy.snapshot()).toEqual({ name: 'test', scheme: 'test', accepted: 2, refused: 3, absent: 1 })
  })

  it('goes no further for a client that has left while it was looked at', async () => {
    let finish = (_verdict: Verdict): void => {}
    const pending = new Promise<Verdict>((resolve) => (finish = resolve))
    let reached = 0
    const { proxy } = setUp([
      (x, next) => {
        queueMicrotask(() => {
          x.abort()
          finish({ kind: 'accepted', identity: ada })
        })
        return next(x)
      },
      strategyOf({ slow: () => pending }),
      () => Reply.text(`reached ${++reached}`),
    ])
    expect((await proxy.inject({ headers: { 'X-Test': 'slow' } })).status).toBe(499)
    expect(reached).toBe(0)
  })

  it('has its name in explain()', () => {
    const { proxy } = setUp([strategyOf(answers)])
    expect(JSON.stringify(proxy.explain({ path: '/' }))).toContain('"test"')
  })
})
