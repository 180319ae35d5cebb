/** Authentication in a gateway that listens, with a limit by identity behind it and an upstream that trusts what it is told. */
import { request } from 'node:http'
import { anyOf, apiKey, apiKeyDigest, basic, identity, optional, passIdentity } from '@sluice/auth'
import { createProxy, createUpstream, nodeListener, Reply, wireListener } from '@sluice/core'
import { rateLimit } from '@sluice/rate-limit'
import { listenUpstream } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

const KEY = 'k'.repeat(32)

interface Answer {
  readonly status: number | undefined
  /** `[name, value, ...]` as it came. */
  readonly fields: readonly string[]
}

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('on the %s listener', (_name, listener) => {
  async function gateway() {
    const upstream = await listenUpstream()
    onTestFinished(async () => await upstream.close())
    const proxy = createProxy()
      .use(
        anyOf(
          basic({ users: { ada: { password: 'secret' }, bob: { password: 'secret' } } }),
          apiKey({ keys: [{ sha256: apiKeyDigest(KEY), subject: 'shop' }] }),
        ),
      )
      .use(rateLimit({ limit: 2, windowMs: 3_600_000, key: (x) => x.get(identity).subject }))
      .use(passIdentity({ headers: { 'X-User': 'subject' } }))
    proxy.forward(createUpstream('users', { targets: [upstream.url] }))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const { address } = await proxy.listen({ host: '127.0.0.1', listener: listener() })
    const ask = (headers: Record<string, string | string[]>) =>
      new Promise<Answer>((resolve, reject) => {
        request(address.url, { headers }, (response) => {
          response.resume()
          response.once('end', () => resolve({ status: response.statusCode, fields: response.rawHeaders }))
        })
          .once('error', reject)
          .end()
      })
    return { upstream, ask }
  }

  it('each client has its own limit, and the upstream knows who it is', async () => {
    const { upstream, ask } = await gateway()
    const [ada, bob] = [
      { Authorization: `Basic ${btoa('ada:secret')}` },
      { Authorization: `Basic ${btoa('bob:secret')}` },
    ]
    const statuses: unknown[] = []
    for (const headers of [ada, ada, ada, bob, { 'X-API-Key': KEY, 'X-User': 'ada' }])
      statuses.push((await ask(headers)).status)
    expect(statuses).toEqual([200, 200, 429, 200, 200])
    expect(upstream.requests.map((each) => each.header('x-user'))).toEqual(['ada', 'ada', 'bob', 'shop'])
    for (const each of upstream.requests)
      expect([each.header('authorization'), each.header('x-api-key')]).toEqual([undefined, undefined])
  })

  it('a stranger gets a line for each way to prove oneself', async () => {
    const { upstream, ask } = await gateway()
    const { status, fields } = await ask({})
    const challenges = fields.filter((_, i) => fields[i - 1]?.toLowerCase() === 'www-authenticate')
    expect([status, challenges]).toEqual([
      401,
      ['Basic realm="restricted", charset="UTF-8"', 'ApiKey realm="restricted", header="X-API-Key"'],
    ])
    expect(upstream.requests).toHaveLength(0)
  })

  it('credentials that two fields hold are refused, and those that are too long get 431', async () => {
    const { upstream, ask } = await gateway()
    const good = `Basic ${btoa('ada:secret')}`
    expect((await ask({ 'X-API-Key': [KEY, KEY] })).status).toBe(401)
    expect((await ask({ Authorization: good, 'X-Filler': 'x'.repeat(100_000) })).status).toBe(431)
    expect((await ask({ Authorization: good, Connection: 'Authorization' })).status).toBe(401)
    expect(upstream.requests).toHaveLength(0)
  })
})

it('a limit by identity lets strangers have one of their own', async () => {
  const users = basic({ users: { ada: { password: 'a' } } })
  const limit = rateLimit({ limit: 1, key: (x) => x.peek(identity)?.subject ?? 'strangers' })
  const proxy = createProxy()
    .use(optional(users))
    .use(limit)
    .handle(() => Reply.text('fine'))
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  const asAda = { headers: { Authorization: `Basic ${btoa('ada:a')}` } }
  const statuses: number[] = []
  for (const request of [{}, {}, asAda, asAda]) statuses.push((await proxy.inject(request)).status)
  expect(statuses).toEqual([200, 429, 200, 429])
})
