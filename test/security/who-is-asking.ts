/** What clients say of themselves, against a gateway that believes none of it without proof, over one way through the proxy. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { apiKey, apiKeyDigest, basic, clientCertificate, jwt } from '@sluice/auth'
import { allowAddresses, denyAddresses } from '@sluice/auth/access'
import { ConfigError, createProxy, createUpstream, type Proxy } from '@sluice/core'
import { rateLimit } from '@sluice/rate-limit'
import { certificateAuthority, rawClient } from '@sluice/testing'
import { webSocket } from '@sluice/websocket'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { byHmac, bySha256, type Signer, token, type TokenParts, unsigned } from './forged-words.ts'
import type { Way } from './guarded-proxy.ts'
import { type Arrived, httpRecorder, type RecordingUpstream } from './recording-upstreams.ts'

const ISSUER = 'https://login.example.com'
const AUDIENCE = 'orders'
const KEY = 'an-api-key-of-thirty-two-letters'
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = publicKey.export({ type: 'spki', format: 'pem' }) as string
const JWK = { ...publicKey.export({ format: 'jwk' }), kid: 'one' }
/** A certificate that some authority has issued: as good as any, for whoever believes the field. */
const CERTIFICATE = `:${new X509Certificate(certificateAuthority().issue({ names: ['ada'] }).cert).raw.toString('base64')}:`

/** Who a client says it is, in every word for it. */
const FORGERIES = [
  'X-Forwarded-For: 198.51.100.7',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: admin.example.com',
  'X-Forwarded-Port: 443',
  'X-Real-IP: 198.51.100.7',
  'Forwarded: for=198.51.100.7;proto=https;host=admin.example.com',
  `Client-Cert: ${CERTIFICATE}`,
  'X_Forwarded_For: 198.51.100.7',
  'Client_Cert: x',
]

interface Answer {
  readonly status: number
  readonly text: string
  readonly challenge: string | undefined
}

export function describeWhoIsAsking(way: Way): void {
  describe(way.name, () => {
    let proxy: Proxy
    let upstream: RecordingUpstream
    let port: number
    const errors: unknown[] = []

    beforeAll(async () => {
      upstream = await httpRecorder()
      proxy = gateway(way, upstream.url, (error) => errors.push(error))
      const { address } = await proxy.listen({ listener: way.listener(), host: '127.0.0.1' })
      port = address.port
    })
    beforeEach(() => upstream.reset())
    afterAll(async () => {
      await proxy.close({ drainMs: 0 })
      await upstream.close()
      // Whatever a client sends is no mistake of the gateway.
      expect(errors).toEqual([])
    })

    async function ask(path: string, fields: readonly string[] = [], method = 'GET'): Promise<Answer> {
      const client = await rawClient({ port })
      client.write(`${[`${method} ${path} HTTP/1.1`, 'Host: a.test', ...fields].join('\r\n')}\r\n\r\n`)
      const reply = await client.readResponse({ timeoutMs: 5_000 })
      client.destroy()
      return { status: reply.status, text: reply.body.toString(), challenge: reply.header('www-authenticate') }
    }

    describe('the words of a peer that is not trusted', () => {
      it('are ignored, and overwritten for the upstream', async () => {
        expect((await ask('/open', FORGERIES)).status).toBe(200)
        expect(vouching(upstream.arrived[0]!)).toEqual({
          'x-forwarded-for': '127.0.0.1',
          'x-forwarded-proto': 'http',
          'x-forwarded-host': 'a.test',
        })
      })

      it('can not take away what the gateway says itself', async () => {
        expect(
          (await ask('/open', [...FORGERIES, 'Connection: X-Forwarded-For, X-Forwarded-Proto, close'])).status,
        ).toBe(200)
        expect(vouching(upstream.arrived[0]!)['x-forwarded-for']).toBe('127.0.0.1')
      })

      it('do not get it past rules on addresses, nor anybody else refused', async () => {
        const claims = (address: string) => [
          `X-Forwarded-For: ${address}`,
          `Forwarded: for=${address}`,
          `X-Real-IP: ${address}`,
        ]
        expect((await ask('/inside', claims('198.51.100.7'))).status).toBe(403)
        expect((await ask('/outside', claims('198.51.100.7'))).status).toBe(403)
        expect(upstream.arrived).toEqual([])
        expect((await ask('/blocked', claims('198.51.100.7'))).status).toBe(200)
      })

      it('do not get it another rate limit', async () => {
        const statuses: number[] = []
        for (let i = 0; i < 4; i++)
          statuses.push(
            (await ask('/limited', [`X-Forwarded-For: 198.51.100.${i}`, `Forwarded: for=198.51.100.${i}`])).status,
          )
        expect(statuses).toEqual([200, 200, 429, 429])
      })

      it('are no certificate', async () => {
        expect((await ask('/certificate', [`Client-Cert: ${CERTIFICATE}`])).status).toBe(401)
        expect((await ask('/certificate', [`Client_Cert: ${CERTIFICATE}`])).status).toBe(401)
        expect(upstream.arrived).toEqual([])
      })
    })

    describe('a page of another origin', () => {
      const upgrade = (...fields: string[]) => [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...fields,
      ]

      it.each([
        'https://evil.example',
        'http://app.example.com',
        'https://app.example.com.evil.example',
        'https://app.example.com:8443',
        'https://evil.example/https://app.example.com',
        'https://app.example.com, https://evil.example',
        'null',
        '',
      ])('(%j) opens no WebSocket, and no target is dialled', async (origin) => {
        expect((await ask('/chat', upgrade(`Origin: ${origin}`))).status).toBe(403)
        expect(upstream.begun).toEqual([])
      })

      it('opens none with two origins, or with none', async () => {
        const two = upgrade('Origin: https://app.example.com', 'Origin: https://evil.example')
        expect([(await ask('/chat', two)).status, (await ask('/chat', upgrade())).status]).toEqual([403, 403])
        expect(upstream.begun).toEqual([])
      })

      it('is told from one’s own, whose handshake gets there', async () => {
        // The recorder is no WebSocket server: its 200 says that it was asked.
        expect((await ask('/chat', upgrade('Origin: https://app.example.com'))).status).toBe(200)
        expect(upstream.begun).toEqual(['/chat'])
      })
    })

    describe('a token', () => {
      const now = Math.floor(Date.now() / 1_000)
      const good: TokenParts = {
        header: { alg: 'RS256', typ: 'JWT', kid: 'one' },
        claims: { sub: 'ada', iss: ISSUER, aud: AUDIENCE, exp: now + 3_600 },
      }
      const header = (change: object): TokenParts => ({ ...good, header: { ...good.header, ...change } })
      const claims = (change: object): TokenParts => ({ ...good, claims: { ...good.claims, ...change } })
      const rsa = bySha256(privateKey)
      const asking = async (text: string) => await ask('/token', [`Authorization: Bearer ${text}`])

      it('that is good is let in', async () => {
        expect((await asking(token(good, rsa))).status).toBe(200)
        expect(upstream.arrived).toHaveLength(1)
      })

      it.each<[string, TokenParts, Signer]>([
        ['without a signature', header({ alg: 'none' }), unsigned],
        ['without a signature, spelt otherwise', header({ alg: 'NonE' }), unsigned],
        ['with no algorithm', header({ alg: undefined }), rsa],
        ['that says none and is signed', header({ alg: 'none' }), rsa],
        ['that is not signed', good, unsigned],
        ['signed with the public key as a secret', header({ alg: 'HS256' }), byHmac(PEM)],
        [
          'signed with the public key as a secret, without its last line break',
          header({ alg: 'HS256' }),
          byHmac(PEM.trimEnd()),
        ],
        [
          'signed with the public key in DER as a secret',
          header({ alg: 'HS256' }),
          byHmac(publicKey.export({ type: 'spki', format: 'der' })),
        ],
        ['signed with the modulus as a secret', header({ alg: 'HS256' }), byHmac(Buffer.from(JWK.n!, 'base64url'))],
        ['signed with nothing as a secret', header({ alg: 'HS256' }), byHmac('')],
        ['of an algorithm that is not allowed', header({ alg: 'RS512' }), rsa],
        ['signed by somebody else', good, bySha256(stranger.privateKey)],
        [
          'that brings its own key',
          header({ jwk: stranger.publicKey.export({ format: 'jwk' }) }),
          bySha256(stranger.privateKey),
        ],
        [
          'that says where its key is',
          header({ jku: 'http://127.0.0.1:1/keys', x5u: 'http://127.0.0.1:1/x' }),
          bySha256(stranger.privateKey),
        ],
        ['of a key that there is not', header({ kid: 'two' }), rsa],
        ['of a key with a path for a name', header({ kid: '../../dev/null' }), byHmac('')],
        ['with an extension that must be understood', header({ crit: ['x'], x: 1 }), rsa],
        ['with an empty list of those', header({ crit: [] }), rsa],
        ['with a payload that is not encoded', header({ b64: false, crit: ['b64'] }), rsa],
        ['for another audience', claims({ aud: 'invoices' }), rsa],
        ['for others alone', claims({ aud: ['invoices', 'orders2'] }), rsa],
        ['for nobody', claims({ aud: undefined }), rsa],
        ['of another issuer', claims({ iss: 'https://login.example.com.evil.example' }), rsa],
        ['of no issuer', claims({ iss: undefined }), rsa],
        ['that is over', claims({ exp: now - 60 }), rsa],
        ['that is never over', claims({ exp: undefined }), rsa],
        ['that is over at no time', claims({ exp: 'tomorrow' }), rsa],
        ['that is not valid yet', claims({ nbf: now + 3_600 }), rsa],
      ])('%s is refused', async (_, parts, signer) => {
        const { status, challenge } = await asking(token(parts, signer))
        expect([status, challenge]).toEqual([401, expect.stringMatching(/^Bearer /)])
        expect(upstream.begun).toEqual([])
      })

      it.each([
        '',
        'x',
        'a.b.c',
        '..',
        `${token(good, rsa)}x`,
        `${token(good, rsa)}.x`,
        '\xff.\xff.\xff',
        'e30.e30.',
        `${'a'.repeat(9_000)}.b.c`,
      ])('that is none (%j) is refused as well', async (text) => {
        expect((await asking(text)).status).toBe(401)
        expect(upstream.begun).toEqual([])
      })

      it('has to be of an algorithm that somebody has named', () => {
        expect(() => jwt({ keys: PEM } as never)).toThrow(ConfigError)
        expect(() => jwt({ keys: PEM, algorithms: [] })).toThrow(ConfigError)
        expect(() => jwt({ keys: PEM, algorithms: ['none' as never] })).toThrow(ConfigError)
        expect(() => jwt({ keys: PEM, algorithms: ['RS256', 'HS256'] })).toThrow(ConfigError)
        expect(() => jwt({ secret: 'too short', algorithms: ['HS256'] })).toThrow(ConfigError)
      })
    })

    describe('a guess', () => {
      const password = (text: string) => [`Authorization: Basic ${Buffer.from(text).toString('base64')}`]
      const key = (text: string) => [`X-API-Key: ${text}`]

      it('that is right is let in', async () => {
        expect((await ask('/password', password('ada:correct horse'))).status).toBe(200)
        expect((await ask('/key', key(KEY))).status).toBe(200)
        // Nor do those secrets go any further.
        const names = upstream.arrived.flatMap(({ fields }) => fields.map(([name]) => name))
        expect(names).not.toContain('authorization')
        expect(names).not.toContain('x-api-key')
      })

      it('of a password is answered in the same way, whether there is such a user or not', async () => {
        const wrong = await ask('/password', password('ada:wrong'))
        const unknown = await ask('/password', password('eve:wrong'))
        expect(wrong).toMatchObject({ status: 401, challenge: expect.stringMatching(/^Basic /) })
        expect(unknown).toEqual(wrong)
        expect(upstream.begun).toEqual([])
      })

      it('of a key is answered in the same way, however much of it is right', async () => {
        const wrong = await ask('/key', key('x'.repeat(KEY.length)))
        expect(wrong.status).toBe(401)
        for (const guess of [`${KEY.slice(0, -1)}x`, KEY.slice(0, -1), `${KEY}x`, 'x', KEY.toUpperCase()])
          expect(await ask('/key', key(guess))).toEqual(wrong)
        expect(await ask('/key', [...key(KEY), ...key('x')])).toMatchObject({ status: 401 })
        expect(upstream.begun).toEqual([])
      })

      it('that is larger than any head may be is 431', async () => {
        expect((await ask('/password', [`Authorization: Basic ${'A'.repeat(20_000)}`])).status).toBe(431)
        expect(upstream.begun).toEqual([])
      })

      it.each([
        'Basic',
        'Basic ',
        'Basic !!!!',
        'Basic YWRh',
        `Basic ${Buffer.from(':').toString('base64')}`,
        'Basic /w==',
        'Bearer x',
        'Basic YWRhOmNvcnJlY3QgaG9yc2U=, Basic x',
        `Basic ${'A'.repeat(12_000)}`,
      ])('that is malformed (%j) is 401 and nothing else', async (text) => {
        expect((await ask('/password', [`Authorization: ${text}`])).status).toBe(401)
        expect(upstream.begun).toEqual([])
      })
    })
  })
}

function gateway(way: Way, target: string, onError: (error: unknown) => void): Proxy {
  const upstream = createUpstream('target', { targets: [target], transport: way.transport() })
  return createProxy({ onError })
    .route({ path: '/open' }, (route) => route.forward(upstream))
    .route({ path: '/inside' }, (route) => route.use(allowAddresses(['198.51.100.7'])).forward(upstream))
    .route({ path: '/outside' }, (route) => route.use(denyAddresses(['127.0.0.0/8'])).forward(upstream))
    .route({ path: '/blocked' }, (route) => route.use(denyAddresses(['198.51.100.7'])).forward(upstream))
    .route({ path: '/limited' }, (route) => route.use(rateLimit({ limit: 2, windowMs: 3_600_000 })).forward(upstream))
    .route({ path: '/certificate' }, (route) => route.use(clientCertificate({ from: 'proxy' })).forward(upstream))
    .route({ path: '/chat' }, (route) =>
      route.use(webSocket({ origins: ['https://app.example.com'] })).forward(upstream),
    )
    .route({ path: '/token' }, (route) =>
      route.use(jwt({ algorithms: ['RS256'], keys: JWK, issuer: ISSUER, audience: AUDIENCE })).forward(upstream),
    )
    .route({ path: '/password' }, (route) =>
      route.use(basic({ users: { ada: { password: 'correct horse' } } })).forward(upstream),
    )
    .route({ path: '/key' }, (route) =>
      route.use(apiKey({ keys: [{ sha256: apiKeyDigest(KEY), subject: 'shop' }] })).forward(upstream),
    )
}

/** The fields of a request that vouch for a client. */
function vouching({ fields }: Arrived): Record<string, string> {
  const named = fields.filter(([name]) => /^x[-_](?:forwarded|real)|^forwarded$|^client[-_]cert/.test(name))
  expect(new Set(named.map(([name]) => name)).size).toBe(named.length)
  return Object.fromEntries(named)
}
