import { X509Certificate } from 'node:crypto'
/** Certificates that clients show: who is let in, what an exchange knows of them, and what targets are told. */
import { type ConnectionOptions, getCACertificates, setDefaultCACertificates } from 'node:tls'
import {
  certificateAuthority,
  fakeUpstream,
  type IssuedCertificate,
  listenUpstream,
  type RecordedRequest,
} from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type Client,
  type ClientTls,
  ConfigError,
  createProxy,
  createUpstream,
  forward,
  type ForwardOptions,
  type ListenTlsOptions,
  nodeListener,
  type ProxyOptions,
  Reply,
  wireListener,
} from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'
import { ask, handshake, sessionOf } from './tls-client.ts'

const root = certificateAuthority('Root')
const staff = root.authority('Staff')
const alice = staff.issue({
  commonName: 'alice, "the" first',
  names: ['alice.example', '10.0.0.1', 'fd00::1', 'spiffe://example/alice, DNS:root.example'],
})
const stranger = certificateAuthority('Elsewhere').issue({ commonName: 'alice' })
const late = root.issue({ commonName: 'late', validTo: new Date('2021-01-01T00:00:00Z') })
const early = root.issue({ commonName: 'early', validFrom: new Date('2100-01-01T00:00:00Z') })
const selfMade = LOCALHOST
const ASKED = { ...LOCALHOST, ca: root.cert } as const

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('client certificates on the %s listener', (_name, listener) => {
  async function listen(tls: ListenTlsOptions, options: ProxyOptions = {}) {
    const clients: Client[] = []
    const proxy = createProxy(options).handle(({ client }) => {
      clients.push(client)
      // What is not read while the connection is there can not be read later.
      return Reply.text(`${client.tls?.protocol} ${client.tls?.certificate?.authorized}`)
    })
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const { address } = await proxy.listen({ host: '127.0.0.1', listener: listener(), tls })
    const knock = async (own: ConnectionOptions = {}, request?: string) =>
      await ask(await handshake(address.port, own), request)
    return { clients, knock, port: address.port }
  }

  it('are not asked for by default', async () => {
    const { clients, knock } = await listen(LOCALHOST)
    expect(await knock(alice)).toContain('TLSv1.3 undefined')
    expect(clients[0]!.tls).toMatchObject({
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_128_GCM_SHA256',
      servername: 'localhost',
      resumed: false,
      certificate: undefined,
    })
  })

  it('are read once for a connection, and say who the client is', async () => {
    const { clients, port } = await listen({ ...ASKED, clientCertificates: 'require' })
    const socket = await handshake(port, alice)
    for (let i = 0; i < 2; i++) await ask(socket)
    const [first, second] = clients
    expect(first!.tls!.certificate).toBe(second!.tls!.certificate)
    const { certificate } = first!.tls!
    const x509 = new X509Certificate(alice.cert)
    expect(certificate).toMatchObject({
      authorized: true,
      authorizationError: undefined,
      subject: 'CN=alice\\, \\"the\\" first',
      issuer: 'CN=Staff',
      subjectAltNames: [
        { type: 'dns', value: 'alice.example' },
        { type: 'ip', value: '10.0.0.1' },
        { type: 'ip', value: 'fd00::1' },
        { type: 'uri', value: 'spiffe://example/alice, DNS:root.example' },
      ],
      fingerprint256: x509.fingerprint256,
      serialNumber: x509.serialNumber,
      validFrom: new Date('2020-01-01T00:00:00Z'),
      validTo: new Date('2120-01-01T00:00:00Z'),
      pem: x509.toString(),
    })
    expect(certificate!.raw).toEqual(x509.raw)
    // Before version 26, Node does not say what a client has sent beside it.
    const isTold = Number(process.versions.node.split('.')[0]) >= 26
    expect(certificate!.chain.map((raw) => new X509Certificate(raw).subject)).toEqual(isTold ? ['CN=Staff'] : [])
    expect(JSON.parse(JSON.stringify(certificate))).toMatchObject({ subject: certificate!.subject, authorized: true })
  })

  it('stay known on connections that resume a session', async () => {
    const { clients, port } = await listen({ ...ASKED, clientCertificates: 'require' })
    const session = await sessionOf(port, alice)
    await ask(await handshake(port, { ...alice, session }))
    const { resumed, certificate } = clients.at(-1)!.tls!
    expect([resumed, certificate?.authorized, certificate?.issuer]).toEqual([true, true, 'CN=Staff'])
  })

  describe.each<[string, Partial<IssuedCertificate>, string]>([
    ['none', {}, ''],
    ['one of another authority', stranger, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['one that signs itself', selfMade, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['one that is out of date', late, 'CERT_HAS_EXPIRED'],
    ['one that is not valid yet', early, 'CERT_NOT_YET_VALID'],
  ])('of a client that shows %s', (_what, own, problem) => {
    it.each(['TLSv1.2', 'TLSv1.3'] as const)('end its connection in %s where one is required', async (maxVersion) => {
      const { clients, knock } = await listen({ ...ASKED, clientCertificates: 'require' })
      await expect(knock({ ...own, maxVersion })).rejects.toThrow()
      expect(clients).toHaveLength(0)
      expect(await knock(alice)).toContain('true')
    })

    it('are told from verified ones where they are requested', async () => {
      const { clients, knock } = await listen({ ...ASKED, clientCertificates: 'request' })
      await knock(own)
      const certificate = clients[0]!.tls?.certificate
      expect(certificate?.authorized).toBe(own.cert === undefined ? undefined : false)
      expect(certificate?.authorizationError ?? '').toBe(problem)
      expect(await knock(alice)).toContain('true')
    })
  })

  it('are refused where a list has revoked them, or where there is none of their authority', async () => {
    const bob = staff.issue({ commonName: 'bob' })
    const crl = [staff.revoke([bob]), root.revoke([])]
    const both = await listen({ ...ASKED, clientCertificates: 'require', crl: crl.join('') })
    expect(await both.knock(alice)).toContain('true')
    await expect(both.knock(bob)).rejects.toThrow()
    const partly = await listen({ ...ASKED, clientCertificates: 'request', crl: root.revoke([]) })
    await partly.knock(alice)
    expect(partly.clients[0]!.tls!.certificate!.authorizationError).toBe('UNABLE_TO_GET_CRL')
    const outdated = await listen({
      ...ASKED,
      clientCertificates: 'request',
      crl: [staff.revoke([], new Date('2021-01-01T00:00:00Z')), root.revoke([])],
    })
    await outdated.knock(alice)
    expect(outdated.clients[0]!.tls!.certificate!.authorizationError).toBe('CRL_HAS_EXPIRED')
  })

  it('are verified by nobody where there are no authorities', async () => {
    // Least of all by those that vouch for web sites.
    const wellKnown = getCACertificates()
    setDefaultCACertificates([root.cert])
    onTestFinished(() => setDefaultCACertificates(wellKnown))
    const { clients, knock } = await listen({ ...LOCALHOST, clientCertificates: 'request' })
    await knock(alice)
    expect(clients[0]!.tls!.certificate!.authorized).toBe(false)
  })

  it("are not the client's where a trusted proxy is in between", async () => {
    const { clients, port } = await listen(
      { ...ASKED, clientCertificates: 'require' },
      { forwarded: { trust: ['127.0.0.1'] } },
    )
    const socket = await handshake(port, alice)
    await ask(socket, '/ HTTP/1.1\r\nX-Forwarded-For: 9.9.9.9\r\nX-Ignored: ')
    expect([clients[0]!.address, clients[0]!.tls]).toEqual(['9.9.9.9', undefined])
    expect(clients[0]!.peer.tls?.certificate?.authorized).toBe(true)
  })

  describe('to targets', () => {
    async function forwarding(options: ForwardOptions, tls: ListenTlsOptions, proxyOptions: ProxyOptions = {}) {
      const requests: RecordedRequest[] = []
      const target = await listenUpstream((request) => (requests.push(request), { body: 'ok' }))
      const proxy = createProxy(proxyOptions).forward(createUpstream('users', { targets: [target.url] }), options)
      onTestFinished(async () => {
        await proxy.close({ drainMs: 0 })
        await target.close()
      })
      const { address } = await proxy.listen({ host: '127.0.0.1', listener: listener(), tls })
      return { requests, port: address.port }
    }
    const required = { ...LOCALHOST, ca: [root.cert, staff.cert], clientCertificates: 'require' } as const
    const FORGED =
      '/ HTTP/1.1\r\nClient-Cert: :Zm9yZ2Vk:\r\nClient-Cert-Chain: :Zm9yZ2Vk:\r\nClient_Cert: x\r\nX-Ignored: '

    it('go in the fields of RFC 9440, whatever the client writes there', async () => {
      const { requests, port } = await forwarding({ clientCert: 'chain' }, required)
      const socket = await handshake(port, alice)
      await ask(socket)
      await ask(socket, FORGED)
      const [leaf, middle] = [alice, staff].map(({ cert }) => new X509Certificate(cert).raw.toString('base64'))
      for (const request of requests) {
        expect(request.header('client-cert')).toBe(`:${leaf}:`)
        expect(request.header('client-cert-chain')).toBe(`:${middle}:`)
        expect(request.header('client_cert')).toBeUndefined()
      }
      expect(requests).toHaveLength(2)
    })

    it.each<[string, ForwardOptions, ListenTlsOptions]>([
      ['unless they are to', {}, required],
      ['where they are not verified', { clientCert: 'chain' }, { ...LOCALHOST, clientCertificates: 'request' }],
      ['where there is none', { clientCert: 'certificate' }, LOCALHOST],
    ])('do not go %s, and neither does a forged one', async (_when, options, tls) => {
      const { requests, port } = await forwarding(options, tls)
      await ask(await handshake(port, alice), FORGED)
      expect(requests[0]!.header('client-cert')).toBeUndefined()
      expect(requests[0]!.header('client-cert-chain')).toBeUndefined()
    })

    it('go without what lies above them where that is not wanted', async () => {
      const { requests, port } = await forwarding({ clientCert: 'certificate' }, required)
      await ask(await handshake(port, alice))
      expect(requests[0]!.header('client-cert')).toMatch(/^:[A-Za-z0-9+/=]+:$/)
      expect(requests[0]!.header('client-cert-chain')).toBeUndefined()
    })

    it('stay as a trusted proxy has sent them', async () => {
      const { requests, port } = await forwarding({ clientCert: 'chain' }, required, {
        forwarded: { trust: ['127.0.0.1'] },
      })
      await ask(await handshake(port, alice), '/ HTTP/1.1\r\nClient-Cert: :Zm9yZ2Vk:\r\nX-Ignored: ')
      expect(requests[0]!.header('client-cert')).toBe(':Zm9yZ2Vk:')
      expect(requests[0]!.header('client-cert-chain')).toBeUndefined()
    })
  })
})

it('a request without a socket can show a certificate as well', async () => {
  const { requests, transport } = fakeUpstream()
  const upstream = createUpstream('users', { targets: ['http://users.test'], transport })
  const proxy = createProxy().forward(upstream, { clientCert: 'certificate' })
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  const certificate = { authorized: true, raw: Buffer.from('made up'), chain: [] as Buffer[] }
  const tls = { certificate } as unknown as ClientTls
  const { exchange } = await proxy.inject({ peer: { secure: true, tls } })
  expect(requests[0]!.header('client-cert')).toBe(`:${Buffer.from('made up').toString('base64')}:`)
  expect(exchange.client.tls?.certificate).toBe(certificate)
})

it('an unknown choice of fields is refused', () => {
  const upstream = createUpstream('users', { targets: ['http://users.test'] })
  const error = (() => {
    try {
      return forward(upstream, { clientCert: 'all' as 'none' })
    } catch (cause) {
      return cause
    }
  })()
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).path).toBe('forward.clientCert')
})
