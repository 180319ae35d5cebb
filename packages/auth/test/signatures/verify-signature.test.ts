/** Signed requests in a gateway: what is asked of a signature, of its age, its nonce, and of the body. */
import { createHash } from 'node:crypto'
import { createProxy, createUpstream, identity, type Middleware, Reply } from '@sluice/core'
import { listenUpstream } from '@sluice/testing'
import * as fc from 'fast-check'
import { parseDictionary, serializeDictionary } from 'structured-headers'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  digestBody,
  refused,
  signRequest,
  type SignRequestOptions,
  verifySignature,
  type VerifySignatureOptions,
} from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { keyPair, NOW } from '../tokens.ts'

const CLIENT = await keyPair('Ed25519')
const OTHER = await keyPair('Ed25519')
const key = { keyid: 'billing', algorithm: 'ed25519', key: CLIENT.pem } as const

/** What a client would send: made by the other half of this package, over a fake upstream. */
async function signed(
  more: Partial<SignRequestOptions> = {},
  {
    path = '/orders?a=1',
    body,
    at = 0,
    method = 'POST',
  }: { path?: string; body?: string; at?: number; method?: string } = {},
) {
  const edit = signRequest({
    keyid: 'billing',
    algorithm: 'ed25519',
    key: CLIENT.privateJwk,
    components: ['@method', '@target-uri', 'content-digest'],
    ...more,
  })
  const { clock, fake } = setUp([])
  clock.advance(at)
  const upstream = createUpstream('gateway', { targets: ['http://localhost'], transport: fake.transport, clock })
  const client = createProxy({ clock, via: false, forwarded: { fields: 'none' } }).forward(upstream, { edits: [edit] })
  await client.inject({ method, path, ...(body === undefined ? {} : { body }) })
  return Object.fromEntries(fake.requests[0]!.headers) as Record<string, string>
}

function gateway(more: Partial<VerifySignatureOptions> = {}, then: readonly Middleware[] = []) {
  return setUp([verifySignature({ keys: [key], ...more }), ...then])
}

interface Sent {
  readonly method?: string
  readonly path?: string
  readonly body?: string
}

/** Status and reason. */
async function outcome(
  headers: Record<string, string>,
  more: Partial<VerifySignatureOptions> = {},
  sent: Sent = {},
  advance = 0,
) {
  const events = record(refused)
  const { inject, errors, clock } = gateway(more)
  clock.advance(advance)
  const { status } = await inject({ method: 'POST', path: '/orders?a=1', ...sent, headers })
  expect(errors).toEqual([])
  return status === 200 ? 200 : `${status} ${events.at(-1)?.reason}`
}

describe('a signed request', () => {
  it('passes, and says who has signed it and what', async () => {
    const whoIs: Middleware = (x) => Reply.json(x.peek(identity))
    const keys = [{ ...key, subject: 'Billing', roles: ['service'], scopes: ['orders'] }]
    const { inject } = gateway({ keys }, [whoIs])
    const reply = await inject({
      method: 'POST',
      path: '/orders?a=1',
      headers: await signed({ tag: 't', expiresAfterMs: 1_500 }),
    })
    expect(await reply.json()).toEqual({
      scheme: 'signature',
      subject: 'Billing',
      roles: ['service'],
      scopes: ['orders'],
      claims: {
        keyid: 'billing',
        label: 'sig',
        components: ['"@method"', '"@target-uri"'],
        created: NOW,
        expires: NOW + 2,
        tag: 't',
      },
    })
  })

  it.each<[string, Sent]>([
    ['method', { method: 'PUT' }],
    ['path', { path: '/orders/?a=1' }],
    ['query', { path: '/orders?a=2' }],
  ])('does not pass with another %s', async (_, sent) => {
    expect(await outcome(await signed(), {}, sent)).toBe('401 signature')
  })

  it('does not pass where somebody on the way keeps a covered field from getting further', async () => {
    const body = '{"a":1}'
    const headers = await signed({}, { body })
    const { inject, fake } = gateway()
    const ask = async (more: Record<string, string>) =>
      (await inject({ method: 'POST', path: '/orders?a=1', body, headers: { ...headers, ...more } })).status
    expect(await ask({ Connection: 'close, Content-Digest' })).toBe(401)
    expect(await ask({ Connection: 'CONTENT-DIGEST' })).toBe(401)
    expect(fake.requests).toHaveLength(0)
    expect(await ask({ Connection: 'close, X-Other' })).toBe(200)
  })

  it('is verified by what the client has called, whatever was made of it before', async () => {
    const headers = await signed()
    const { inject } = setUp([
      (x, next) => {
        x.request.authority = 'rewritten.test'
        x.request.target = '/rewritten'
        x.request.method = 'PATCH'
        return next(x)
      },
      verifySignature({ keys: [key] }),
    ])
    expect((await inject({ method: 'POST', path: '/orders?a=1', headers })).status).toBe(200)
    const [absolute, other] = ['http://localhost/orders?a=1', 'http://localhost/x/../orders?a=1']
    expect((await inject({ method: 'POST', path: absolute, headers })).status).toBe(200)
    // To a parser of URLs the two are the same.
    expect((await inject({ method: 'POST', path: other, headers })).status).toBeGreaterThanOrEqual(400)
  })

  it('has the fields on it upstream, unless they are taken off', async () => {
    const headers = await signed()
    for (const strip of [false, true]) {
      const { inject, last } = gateway({ strip })
      await inject({ method: 'POST', path: '/orders?a=1', headers })
      expect([last().header('signature') === undefined, last().header('signature-input') === undefined]).toEqual([
        strip,
        strip,
      ])
    }
  })
})

describe('a signature', () => {
  it('that is missing is asked for', async () => {
    const { inject } = gateway({ nonces: true, tag: 'orders', components: ['@method', '"@query-param";name="a"'] })
    const reply = await inject()
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([401, 'Signature'])
    const refusal = await inject({ headers: { Signature: 'a=:AAAA:' } })
    expect(refusal.status).toBe(401)
    const headers = await signed({ tag: 'orders', nonces: true })
    const wanted = (await inject({ headers })).headers.get('accept-signature')
    expect(wanted).toBe('sig=("@method" "@query-param";name="a");created;keyid;nonce;tag="orders"')
  })

  it('that covers hundreds of parts costs no more than it is long', async () => {
    const names = Array.from({ length: 400 }, (_, i) => `a${i}`)
    const [query, members] = [
      names.map((name) => `"@query-param";name="${name}"`),
      names.map((name) => `"x";key="${name}"`),
    ]
    const took = async (components: readonly string[]) => {
      const { inject } = gateway()
      const input = `s=("@method" "@target-uri" ${components.join(' ')});created=${NOW};keyid="billing"`
      const signature = `s=:${Buffer.alloc(64).toString('base64')}:`
      const X = names.map((name) => `${name}=1`).join(', ')
      const { user: before } = process.cpuUsage()
      const headers = { X, 'Signature-Input': input, Signature: signature }
      expect((await inject({ path: `/?${names.join('&')}`, headers })).status).toBe(401)
      return process.cpuUsage().user - before
    }
    await took([...query, ...members])
    const [one, all] = [await took([query[0]!, members[0]!]), await took([...query, ...members])]
    // Parsed for each it would be hundreds of times as much.
    expect(all).toBeLessThan(50 * Math.max(one, 1_000))
  })

  it('must cover what the options say', async () => {
    const headers = await signed({ components: ['@method'] })
    expect(await outcome(headers)).toBe('401 not-covered')
    expect(await outcome(headers, { components: ['@method'] })).toBe(200)
  })

  it.each<[string, number, Partial<VerifySignatureOptions>, string | number]>([
    ['now', 0, {}, 200],
    ['at the end of its time', 300_000 - 789, {}, 200],
    ['a moment later', 300_000 - 788, {}, '401 expired'],
    ['at the end of a shorter time', 10_000 - 788, { maxAgeMs: 10_000 }, '401 expired'],
  ])('is as old as it may be: %s', async (_, advance, more, expected) => {
    expect(await outcome(await signed(), more, {}, advance)).toBe(expected)
  })

  it('expires when it says so', async () => {
    const headers = await signed({ expiresAfterMs: 10_000 })
    expect(await outcome(headers, {}, {}, 10_000 - 790)).toBe(200)
    expect(await outcome(headers, {}, {}, 10_000 - 789)).toBe('401 expired')
  })

  it('is not of the future, but for what clocks differ by', async () => {
    expect(await outcome(await signed({}, { at: 5_000 }))).toBe(200)
    expect(await outcome(await signed({}, { at: 8_000 }))).toBe('401 not-yet-valid')
  })

  it('is of a key that is known, and of that one', async () => {
    expect(await outcome(await signed({ keyid: 'unknown' }))).toBe('401 unknown-key')
    expect(await outcome(await signed({ key: OTHER.privateJwk }))).toBe('401 signature')
  })

  it('does not choose its algorithm', async () => {
    const headers = await signed()
    const input = headers['Signature-Input']!
    expect(await outcome({ ...headers, 'Signature-Input': `${input};alg="hmac-sha256"` })).toBe('401 algorithm')
    // It is covered: added later it breaks the signature.
    expect(await outcome({ ...headers, 'Signature-Input': `${input};alg="ed25519"` })).toBe('401 signature')
  })

  it('by a public key taken for a secret does not pass', async () => {
    const headers = await signed({ algorithm: 'hmac-sha256', key: CLIENT.pem.replaceAll('-----BEGIN', '') } as never)
    expect(await outcome(headers)).toBe('401 signature')
  })

  it('is looked for among several, and of those for others nothing is asked', async () => {
    const [mine, theirs] = [
      await signed({ label: 'mine', tag: 'a' }),
      await signed({ label: 'theirs', tag: 'b', keyid: 'x' }),
    ]
    const joined = (name: string) => `${theirs[name]}, ${mine[name]}`
    const both = { 'Signature-Input': joined('Signature-Input'), Signature: joined('Signature') }
    expect(await outcome(both)).toBe(200)
    expect(await outcome(both, { tag: 'a' })).toBe(200)
    expect(await outcome(both, { tag: 'b' })).toBe('401 unknown-key')
    expect(await outcome(both, { tag: 'c' })).toBe('401 missing')
    const many = Array.from({ length: 5 }, (_, i) => `s${i}=("@method");created=1;keyid="a"`).join(', ')
    const values = Array.from({ length: 5 }, (_, i) => `s${i}=:AAAA:`).join(', ')
    expect(await outcome({ 'Signature-Input': many, Signature: values })).toBe('401 too-many')
  })

  it('with a nonce is good once', async () => {
    const { inject } = gateway({ nonces: true })
    const status = async (headers: Record<string, string>) =>
      (await inject({ method: 'POST', path: '/orders?a=1', headers })).status
    const once = await signed({ nonces: true })
    expect([await status(once), await status(once), await status(await signed({ nonces: true }))]).toEqual([
      200, 401, 200,
    ])
    expect(await outcome(await signed(), { nonces: true })).toBe('401 nonce')
    // One whose signature is wrong uses up nobody's nonce.
    const next = await signed({ nonces: true })
    const forged = { ...next, Signature: once['Signature']! }
    expect([await status(forged), await status(next)]).toEqual([401, 200])
  })

  it('is for what clients call the gateway', async () => {
    const headers = { ...(await signed()), Host: 'internal.example' }
    expect(await outcome(headers)).toBe('401 signature')
    expect(await outcome(headers, { origin: 'http://localhost' })).toBe(200)
  })

  it.each([
    { 'Signature-Input': 'sig=("@method");created=1;keyid="a"' },
    { Signature: 'sig=:AAAA:' },
    { 'Signature-Input': 'sig=1', Signature: 'sig=:AAAA:' },
    { 'Signature-Input': 'sig=("@method");created="now";keyid="a"', Signature: 'sig=:AAAA:' },
    { 'Signature-Input': 'sig=("@method");keyid="a"', Signature: 'sig=:AAAA:' },
    { 'Signature-Input': 'sig=(', Signature: 'sig=:AAAA:' },
    { 'Signature-Input': 'sig=();created=1;keyid="a"', Signature: 'sig=1' },
    { 'Signature-Input': 'sig=();created=1;keyid="a"', Signature: 'other=:AAAA:' },
  ])('like %o is 401', async (headers) => {
    expect(await outcome(headers as Record<string, string>)).toMatch(/^401/)
  })

  it('of any kind is 401 and never more', async () => {
    const { inject, errors } = gateway({ components: [] })
    const good = await signed()
    const text = fc.string({ unit: fc.constantFrom(...Array.from('abc=()";:,.*?@-0179 \t\\%AéZ')) })
    await fc.assert(
      fc.asyncProperty(text, text, fc.nat({ max: 60 }), async (input, signature, at) => {
        const original = good['Signature-Input']!
        const cut = original.slice(0, at) + input + original.slice(at)
        for (const headers of [
          { 'Signature-Input': input, Signature: signature },
          { 'Signature-Input': cut, Signature: good['Signature']! },
        ]) {
          // Spaces where they say nothing leave it as it was.
          if (meaning(headers['Signature-Input']) === meaning(original)) continue
          const { status } = await inject({
            method: 'POST',
            path: '/orders?a=1',
            headers: headers as Record<string, string>,
          })
          expect([status, errors]).toEqual([401, []])
        }
      }),
      { numRuns: 200, examples: [[' ', '', 5]] },
    )
  })
})

describe('a body', () => {
  const body = '{"amount":7}'
  const send = async (headers: Record<string, string>, more: Partial<VerifySignatureOptions>, content = body) =>
    await outcome(headers, more, { body: content })

  it('is checked by its digest, and goes on whole', async () => {
    const { inject, last } = gateway()
    const headers = await signed({}, { body })
    expect((await inject({ method: 'POST', path: '/orders?a=1', headers, body })).status).toBe(200)
    expect(last().body.toString()).toBe(body)
    expect(await send(headers, {}, '{"amount":8}')).toBe('401 digest')
    const sha512 = await signed({ contentDigest: 'sha-512' }, { body })
    expect(sha512['Content-Digest']).toMatch(/^sha-512=:/)
    expect([await send(sha512, {}), await send(sha512, {}, '')]).toEqual([200, '401 digest'])
  })

  it('must be covered, unless that is not asked for', async () => {
    const headers = await signed({ contentDigest: 'none' })
    expect(await send(headers, {})).toBe('401 not-covered')
    expect(await send(headers, { contentDigest: 'if-covered' })).toBe(200)
    expect(await send(headers, { contentDigest: 'required' })).toBe('401 not-covered')
    expect(await outcome(headers, {}, {})).toBe(200)
    expect(await outcome(headers, { contentDigest: 'required' }, {})).toBe('401 not-covered')
  })

  it('is not covered by a digest that the signature does not cover', async () => {
    const headers = await signed({ components: ['@method', '@target-uri'] }, { body })
    expect(await send(headers, {})).toBe('401 not-covered')
  })

  it('is known by digests that are safe alone', async () => {
    const md5 = createHash('md5').update(body).digest('base64')
    for (const digest of [`md5=:${md5}:`, 'sha-256=:AAAA:', 'sha-256', 'sha-256=(', '', `unixsum=1, md5=:${md5}:`])
      expect(await send({ ...(await signedOver(digest)) }, {})).toBe('401 digest')
    const right = createHash('sha256').update(body).digest('base64')
    expect(await send(await signedOver(`md5=:AAAA:, sha-256=:${right}:`), {})).toBe(200)
    expect(await send(await signedOver(`sha-256=:${right}:, sha-512=:AAAA:`), {})).toBe('401 digest')
  })

  it('that is longer than can be checked is 413', async () => {
    const headers = await signed({}, { body })
    expect(await send(headers, { maxBodyBytes: 12 })).toBe(200)
    expect(await send(headers, { maxBodyBytes: 11 })).toMatch(/^413/)
  })

  /** Signed with this `Content-Digest`, right or wrong. */
  async function signedOver(digest: string): Promise<Record<string, string>> {
    const edit = signRequest({
      keyid: 'billing',
      algorithm: 'ed25519',
      key: CLIENT.privateJwk,
      components: ['@method', '@target-uri', 'content-digest'],
      contentDigest: 'none',
    })
    const { clock, fake } = setUp([])
    const upstream = createUpstream('gateway', { targets: ['http://localhost'], transport: fake.transport, clock })
    const client = createProxy({ clock, forwarded: { fields: 'none' } }).forward(upstream, { edits: [edit] })
    await client.inject({ method: 'POST', path: '/orders?a=1', headers: { 'Content-Digest': digest } })
    return Object.fromEntries(fake.requests[0]!.headers) as Record<string, string>
  }
})

describe('a lookup', () => {
  it('is asked by the name of the key, and read once', async () => {
    const asked: string[] = []
    const keys: VerifySignatureOptions['keys'] = async (keyid) => {
      asked.push(keyid)
      return keyid === 'billing' ? key : undefined
    }
    expect(await outcome(await signed(), { keys })).toBe(200)
    expect(await outcome(await signed({ keyid: 'x' }), { keys })).toBe('401 unknown-key')
    expect(asked).toEqual(['billing', 'x'])
  })

  it('that fails is 503, and told', async () => {
    const strategy = verifySignature({ keys: () => Promise.reject(new Error('the directory is away')) })
    const { inject, errors } = setUp([strategy])
    expect((await inject({ method: 'POST', path: '/orders?a=1', headers: await signed() })).status).toBe(503)
    expect(errors).toMatchObject([{ message: 'the directory is away' }])
  })
})

describe('signRequest', () => {
  it('signs what the target gets, each attempt anew, so that it can be verified there', async () => {
    const verified: unknown[] = []
    const target = createProxy()
      .use(
        verifySignature({
          keys: [key],
          components: ['@method', '@authority', '@path', '@query', 'content-digest', 'x-added'],
        }),
      )
      .handle((x) => (verified.push(x.get(identity).subject), Reply.text('in')))
    const { address } = await target.listen({ host: '127.0.0.1' })
    onTestFinished(async () => await target.close({ drainMs: 0 }))
    const dead = await listenUpstream()
    await dead.close()
    const upstream = createUpstream('targets', { targets: [dead.url, `http://127.0.0.1:${address.port}/base`] })
    const sign = signRequest({
      keyid: 'billing',
      algorithm: 'ed25519',
      key: CLIENT.privateJwk,
      components: ['@method', '@authority', '@path', '@query', 'content-digest', 'x-added', 'x-missing'],
    })
    const gateway = createProxy()
      .use(digestBody())
      .forward(upstream, { host: 'target', edits: [({ headers }) => void headers.set('X-Added', 'here'), sign] })
    onTestFinished(async () => await gateway.close({ drainMs: 0 }))
    for (let i = 0; i < 2; i++) {
      const headers = { Signature: 'old=:AAAA:', 'Signature-Input': 'old=()', 'Content-Digest': 'sha-256=:AAAA:' }
      const reply = await gateway.inject({ method: 'POST', path: '/a?b=c', body: 'content', headers })
      expect([reply.status, await reply.text()]).toEqual([200, 'in'])
    }
    expect(verified).toEqual(['billing', 'billing'])
  })

  it.each([
    'hmac-sha256',
    'ed25519',
    'ecdsa-p256-sha256',
    'ecdsa-p384-sha384',
    'rsa-pss-sha512',
    'rsa-v1_5-sha256',
  ] as const)('signs by %s what verifySignature accepts by it, and by no other', async (algorithm) => {
    const secret = 's'.repeat(32)
    const pair = await keyPair(
      algorithm.startsWith('rsa')
        ? 'RSA'
        : algorithm.includes('p384')
          ? 'P-384'
          : algorithm.includes('p256')
            ? 'P-256'
            : 'Ed25519',
    )
    const isSecret = algorithm === 'hmac-sha256'
    const headers = await signed({ algorithm, key: isSecret ? secret : pair.privateJwk })
    const verify = async (by: typeof algorithm) =>
      await outcome(headers, { keys: [{ keyid: 'billing', algorithm: by, key: isSecret ? secret : pair.pem }] })
    expect(await verify(algorithm)).toBe(200)
    if (algorithm.startsWith('rsa'))
      expect(await verify(algorithm === 'rsa-pss-sha512' ? 'rsa-v1_5-sha256' : 'rsa-pss-sha512')).toBe('401 signature')
  })

  it('keeps other signatures where that is wanted', async () => {
    const edit = signRequest({ keyid: 'g', algorithm: 'ed25519', key: CLIENT.privateJwk, keepSignatures: true })
    const { clock, fake } = setUp([])
    const upstream = createUpstream('a', { targets: ['http://a.test'], transport: fake.transport, clock })
    const proxy = createProxy({ clock }).forward(upstream, { edits: [edit] })
    await proxy.inject({ headers: { Signature: 'old=:AAAA:', 'Signature-Input': 'old=()' } })
    const fields = (name: string) =>
      fake.requests[0]!.headers.filter(([each]) => each === name).map(([, value]) => value)
    expect(fields('Signature-Input')).toEqual([
      'old=()',
      expect.stringMatching(/^sig=\("@method" "@authority" "@path" "@query"\);created=981173106;keyid="g"$/),
    ])
    expect(fields('Signature')).toEqual(['old=:AAAA:', expect.stringMatching(/^sig=:[A-Za-z0-9+/=]{88}:$/)])
  })
})

describe('digestBody', () => {
  it('says the digest of what is sent, and refuses what is too long', async () => {
    const { inject, last, fake } = setUp([digestBody({ maxBodyBytes: 7, algorithm: 'sha-512' })])
    await inject({ method: 'POST', body: 'content' })
    expect(last().header('content-digest')).toBe(`sha-512=:${createHash('sha512').update('content').digest('base64')}:`)
    expect(last().body.toString()).toBe('content')
    expect((await inject({ method: 'POST', body: 'contents' })).status).toBe(413)
    await inject({ headers: { 'Content-Digest': 'sha-256=:AAAA:' } })
    expect([last().header('content-digest'), fake.requests.length]).toEqual([undefined, 2])
  })
})

/** A dictionary as it is written in one way only. */
function meaning(text: string): string | undefined {
  try {
    return serializeDictionary(parseDictionary(text))
  } catch {
    return undefined
  }
}
