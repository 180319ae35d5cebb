/** Clients that are known by a certificate: over real TLS, and by the word of a trusted proxy. */
import { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { createProxy, identity, type ListenTlsOptions, nodeListener, Reply, wireListener } from '@sluice/core'
import { certificateAuthority, type IssuedCertificate, type IssueOptions } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { anyOf, clientCertificate, type ClientCertificateOptions, refused } from '../../src/index.ts'
import { record, setUp } from '../set-up.ts'

const root = certificateAuthority('Root')
const server = root.issue({ names: ['localhost'] })
const shop = root.issue({ commonName: 'shop', names: ['Shop.example', 'spiffe://example/shop', '10.0.0.1'] })
const bob = root.authority('Staff').issue({ commonName: 'bob' })
const stranger = certificateAuthority('Root').issue({ commonName: 'shop', names: ['shop.example'] })
const SHOP = new X509Certificate(shop.cert)
const NOW = Date.parse('2026-01-01T00:00:00Z')

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('over TLS, on the %s listener', (_name, listener) => {
  async function listen(options: ClientCertificateOptions, tls: Partial<ListenTlsOptions> = {}) {
    const proxy = createProxy()
      .use(clientCertificate(options))
      .handle((x) => Reply.text(x.get(identity).subject))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const { address } = await proxy.listen({
      host: '127.0.0.1',
      listener: listener(),
      tls: { ...server, ca: root.cert, clientCertificates: 'request', ...tls },
    })
    return async (certificate?: IssuedCertificate) => await get(address.port, certificate)
  }

  it('lets in whom an authority vouches for', async () => {
    const ask = await listen({})
    expect(await ask(shop)).toBe('200 CN=shop')
    expect(await ask(bob)).toBe('200 CN=bob')
    expect(await ask(stranger)).toMatch(/^401 /)
    expect(await ask()).toMatch(/^401 /)
  })

  it('lets in by rules', async () => {
    const ask = await listen({ allow: [{ san: 'dns:shop.EXAMPLE', as: 'the shop' }] })
    expect(await ask(shop)).toBe('200 the shop')
    expect(await ask(bob)).toMatch(/^403 /)
    expect(await ask(stranger)).toMatch(/^401 /)
  })
})

async function get(port: number, certificate: IssuedCertificate | undefined): Promise<string> {
  const { cert, key } = certificate ?? {}
  const own = cert === undefined ? {} : { cert, key: key! }
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: root.cert, ...own })
  onTestFinished(() => void socket.destroy())
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return `${text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)} ${text.slice(text.indexOf('\r\n\r\n') + 4)}`
}

describe('by the word of a trusted proxy', () => {
  const fieldOf = (pem: string): string => `:${new X509Certificate(pem).raw.toString('base64')}:`
  async function ask(
    options: Partial<ClientCertificateOptions>,
    headers: Record<string, string | readonly string[]>,
    trust: readonly string[] = ['127.0.0.1'],
  ) {
    const strategy = clientCertificate({ from: 'proxy', ...options })
    const set = setUp([strategy], { trust, wallTime: NOW })
    const reply = await set.inject({ headers })
    const who = reply.exchange.peek(identity)
    return { status: reply.status, who, last: () => set.last(), errors: set.errors, reply }
  }

  it('knows the certificate, and whatever stands in it', async () => {
    const { who, status } = await ask(
      { allow: [{ subject: 'CN=shop', roles: ['shop'], claims: { plan: 'gold' } }] },
      {
        'Client-Cert': fieldOf(shop.cert),
      },
    )
    expect(status).toBe(200)
    expect(who).toMatchObject({
      subject: 'CN=shop',
      scheme: 'client-certificate',
      roles: ['shop'],
      claims: {
        plan: 'gold',
        issuer: 'CN=Root',
        serialNumber: SHOP.serialNumber,
        fingerprint256: SHOP.fingerprint256,
      },
      raw: { authorized: true, chain: [] },
    })
  })

  it('takes nobody else at their word', async () => {
    const { status } = await ask({}, { 'Client-Cert': fieldOf(shop.cert) }, [])
    expect(status).toBe(401)
    expect((await ask({}, { Client_Cert: fieldOf(shop.cert) })).status).toBe(401)
  })

  it.each<[string, string | readonly string[]]>([
    ['is no byte sequence', SHOP.raw.toString('base64')],
    ['is no certificate', ':YWJj:'],
    ['is empty', ''],
    ['is an empty sequence', '::'],
    ['is PEM', `:${Buffer.from(shop.cert).toString('base64')}=:`],
    ['is there twice', [fieldOf(shop.cert), fieldOf(shop.cert)]],
    ['is a list', `${fieldOf(shop.cert)}, ${fieldOf(shop.cert)}`],
  ])('answers 401 where the field %s', async (_, value) => {
    const { status, errors } = await ask({}, { 'Client-Cert': value })
    expect([status, errors]).toEqual([401, []])
  })

  it('looks at the time itself', async () => {
    const events = record(refused)
    const certify = (options: IssueOptions) => fieldOf(root.issue({ commonName: 'a', ...options }).cert)
    const late = certify({ validTo: new Date(NOW - 1_000) })
    const early = certify({ validFrom: new Date(NOW + 1_000) })
    expect((await ask({}, { 'Client-Cert': late })).status).toBe(401)
    expect((await ask({}, { 'Client-Cert': early })).status).toBe(401)
    expect(events.map(({ reason }) => reason)).toEqual(['expired', 'expired'])
  })

  it.each<[NonNullable<ClientCertificateOptions['allow']>[number], number]>([
    [{ subject: 'CN=shop' }, 200],
    [{ subject: 'CN=sho' }, 403],
    [{ issuer: 'CN=Root' }, 200],
    [{ issuer: 'CN=Staff' }, 403],
    [{ san: 'uri:spiffe://example/shop' }, 200],
    [{ san: 'uri:spiffe://example/sho' }, 403],
    [{ san: 'dns:shop.example' }, 200],
    [{ san: 'email:shop.example' }, 403],
    [{ san: 'ip:10.0.0.1' }, 200],
    [{ fingerprint256: SHOP.fingerprint256 }, 200],
    [{ fingerprint256: SHOP.fingerprint256.replaceAll(':', '').toLowerCase() }, 200],
    [{ fingerprint256: '0'.repeat(64) }, 403],
    [{ subject: 'CN=shop', issuer: 'CN=Staff' }, 403],
  ])('applies the rule %j', async (rule, status) => {
    expect((await ask({ allow: [rule] }, { 'Client-Cert': fieldOf(shop.cert) })).status).toBe(status)
  })

  it.each([
    ['subject', 'CN=shop'],
    ['fingerprint256', SHOP.fingerprint256],
    ['dns', 'Shop.example'],
    ['uri', 'spiffe://example/shop'],
    ['email', undefined],
  ] as const)('names the client by its %s', async (subjectFrom, subject) => {
    const { who, status } = await ask({ subjectFrom }, { 'Client-Cert': fieldOf(shop.cert) })
    expect([status, who?.subject]).toEqual([subject === undefined ? 403 : 200, subject])
  })

  it('takes the fields off where it is told to', async () => {
    const headers = { 'Client-Cert': fieldOf(shop.cert), 'Client-Cert-Chain': fieldOf(root.cert) }
    const kept = await ask({}, headers)
    expect(kept.last().header('client-cert')).toBe(headers['Client-Cert'])
    const gone = await ask({ strip: true }, headers)
    expect([gone.last().header('client-cert'), gone.last().header('client-cert-chain')]).toEqual([undefined, undefined])
  })

  it('is not asked for unless it is meant', async () => {
    const set = setUp([clientCertificate()], { trust: ['127.0.0.1'], wallTime: NOW })
    expect(await set.status({ 'Client-Cert': fieldOf(shop.cert) })).toBe(401)
    const both = anyOf(clientCertificate(), clientCertificate({ from: 'proxy' }))
    expect(
      await setUp([both], { trust: ['127.0.0.1'], wallTime: NOW }).status({ 'Client-Cert': fieldOf(shop.cert) }),
    ).toBe(200)
  })
})
