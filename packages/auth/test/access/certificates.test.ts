/** Rules on certificates, with handshakes that are real. */
import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { createProxy, Reply } from '@sluice/core'
import { certificateAuthority, type IssuedCertificate } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import { accessRules } from '../../src/access/access.ts'
import { setUp } from '../set-up.ts'

it('lets in who shows the certificate that a rule asks for', async () => {
  const [ours, theirs] = [certificateAuthority('Ours'), certificateAuthority('Theirs')]
  const site = ours.issue({ names: ['localhost', '127.0.0.1'] })
  const guard = accessRules({
    rules: [
      { action: 'allow', path: '/any', certificate: true },
      { action: 'allow', path: '/api', certificate: { san: 'uri:spiffe://example/api', issuer: 'CN=Ours' } },
    ],
    default: 'deny',
  })
  const proxy = createProxy().use(guard)
  proxy.handle(() => Reply.text('fine'))
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  const tls = { ...site, ca: ours.cert, clientCertificates: 'request' } as const
  const { address } = await proxy.listen({ host: '127.0.0.1', tls })

  const ask = async (path: string, shown?: IssuedCertificate) =>
    await new Promise<number | undefined>((resolve, reject) => {
      const { cert, key } = shown ?? {}
      request({ host: '127.0.0.1', port: address.port, path, ca: ours.cert, cert, key, agent: false }, (reply) => {
        reply.resume().on('end', () => resolve(reply.statusCode))
      })
        .on('error', reject)
        .end()
    })
  const api = ours.issue({ commonName: 'api', names: ['spiffe://example/api'] })
  const other = ours.issue({ commonName: 'other', names: ['spiffe://example/other'] })
  const forged = theirs.issue({ commonName: 'api', names: ['spiffe://example/api'] })
  expect([await ask('/any', api), await ask('/any', other), await ask('/any', forged), await ask('/any')]).toEqual([
    200, 200, 403, 403,
  ])
  expect([await ask('/api', api), await ask('/api', other), await ask('/api', forged), await ask('/api')]).toEqual([
    200, 403, 403, 403,
  ])
})

it('believes a trusted proxy, and nobody else, where a rule says so', async () => {
  const { cert } = certificateAuthority().issue({ names: ['spiffe://example/api'] })
  const field = `:${new X509Certificate(cert).raw.toString('base64')}:`
  const certificate = { san: 'uri:spiffe://example/api', from: 'proxy' } as const
  const guard = accessRules({ rules: [{ action: 'allow', certificate }], default: 'deny' })
  const { from } = setUp([guard], { forwarded: { trust: ['10.0.0.1'] }, wallTime: Date.parse('2026-01-05') })
  expect(await from('10.0.0.1', { 'Client-Cert': field })).toBe(200)
  expect(await from('10.0.0.2', { 'Client-Cert': field })).toBe(403)
  expect(await from('10.0.0.1', { 'Client-Cert': 'x' })).toBe(403)
  expect(await from('10.0.0.1', {})).toBe(403)
})
