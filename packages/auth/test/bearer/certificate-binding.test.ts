/** Tokens that are bound to a client's certificate (RFC 8705), over real TLS. */
import { hash, X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { createProxy, Reply } from '@sluice/core'
import { certificateAuthority, type IssuedCertificate } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { jwt, type JwtOptions } from '../../src/index.ts'
import { refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'
import { bearer, SECRET, signedToken } from '../tokens.ts'

const root = certificateAuthority('Root')
const server = root.issue({ names: ['localhost', '127.0.0.1'] })
const alice = root.issue({ commonName: 'alice' })
const mallory = root.issue({ commonName: 'mallory' })
/** Nobody vouches for it: that it is the same one is enough. */
const selfMade = certificateAuthority('Elsewhere').issue({ commonName: 'bob' })

function thumbprintOf({ cert }: IssuedCertificate): string {
  return hash('sha256', new X509Certificate(cert).raw, 'base64url')
}

const tokenFor = async (certificate?: IssuedCertificate) =>
  await signedToken(
    Buffer.from(SECRET),
    { alg: 'HS256' },
    // The gateway of these tests lives by the system's clock.
    { exp: 4e9, ...(certificate === undefined ? {} : { cnf: { 'x5t#S256': thumbprintOf(certificate) } }) },
  )

async function listen(more: Partial<JwtOptions> = {}) {
  const proxy = createProxy()
    .use(jwt({ algorithms: ['HS256'], secret: SECRET, ...more }))
    .handle(() => Reply.empty(204))
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  const { cert, key } = server
  const tls = { cert, key, ca: root.cert, clientCertificates: 'request' } as const
  const { address } = await proxy.listen({ host: '127.0.0.1', tls })
  return async (token: string, own?: IssuedCertificate) =>
    await new Promise<number>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: address.port, ca: root.cert, agent: false, headers: bearer(token) }
      request({ ...options, ...(own === undefined ? {} : { cert: own.cert, key: own.key }) }, (reply) => {
        reply.resume()
        resolve(reply.statusCode!)
      })
        .on('error', reject)
        .end()
    })
}

describe('a token that is bound to a certificate', () => {
  it('passes on a connection with that certificate alone, also when it was seen before', async () => {
    const ask = await listen()
    const token = await tokenFor(alice)
    for (let i = 0; i < 2; i++)
      expect([await ask(token, alice), await ask(token, mallory), await ask(token)]).toEqual([204, 401, 401])
    expect(await ask(await tokenFor(selfMade), selfMade)).toBe(204)
  })

  it('does not pass over a connection without TLS', async () => {
    const events = record(refused)
    const { status } = setUp([jwt({ algorithms: ['HS256'], secret: SECRET })])
    expect(await status(bearer(await tokenFor(alice)))).toBe(401)
    expect(events[0]!.reason).toBe('certificate')
  })
})

describe('a token that is bound to none', () => {
  it('passes, unless a certificate is required', async () => {
    const [free, strict] = [await listen(), await listen({ certificateBinding: 'required' })]
    const token = await tokenFor()
    expect([await free(token), await free(token, alice)]).toEqual([204, 204])
    expect([await strict(token), await strict(token, alice)]).toEqual([401, 401])
    expect(await strict(await tokenFor(alice), alice)).toBe(204)
  })

  it.each([[{ 'x5t#S256': 7 }], [{ 'x5t#S256': '' }], [{ 'x5t#S256': null }]])(
    'but says so with %o does not',
    async (cnf) => {
      const { status, errors } = setUp([jwt({ algorithms: ['HS256'], secret: SECRET })])
      const token = await signedToken(Buffer.from(SECRET), { alg: 'HS256' }, { cnf })
      expect([await status(bearer(token)), errors]).toEqual([401, []])
    },
  )
})
