import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { listenUpstream, rawClient, type RecordedRequest, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  ConfigError,
  createProxy,
  createUpstream,
  type ListenOptions,
  type ListenTlsOptions,
  nodeListener,
  Reply,
  wireListener,
} from '../../src/index.ts'
import { LOCALHOST, LOCALHOST_PFX, OTHER } from '../certificates.ts'
import { ask, handshake, textUntil } from './tls-client.ts'

const LISTENERS = [
  ['wire', wireListener],
  ['node', nodeListener],
] as const

describe.each(LISTENERS)('TLS on the %s listener', (_name, listener) => {
  /** A proxy that answers with how its peer came. */
  async function listen(tls: ListenTlsOptions = LOCALHOST, options: ListenOptions = {}) {
    const proxy = createProxy().handle(({ client }) => Reply.text(`${client.scheme} ${client.peer.secure}`))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return await proxy.listen({ host: '127.0.0.1', listener: listener(), tls, ...options })
  }

  /** That the listener still serves: what went before was one client's affair. */
  async function expectServed(port: number): Promise<void> {
    expect(await ask(await handshake(port))).toContain('https true')
  }

  it('serves requests that came encrypted, and says so to targets', async () => {
    const requests: RecordedRequest[] = []
    const target = await listenUpstream((request) => (requests.push(request), { body: 'from the target' }))
    const upstream = createUpstream('users', { targets: [target.url] })
    const proxy = createProxy().forward(upstream)
    onTestFinished(async () => {
      await proxy.close({ drainMs: 0 })
      await target.close()
    })
    const { address } = await proxy.listen({ host: '127.0.0.1', listener: listener(), tls: LOCALHOST })
    expect(address.url).toBe(`https://127.0.0.1:${address.port}`)
    const client = await handshake(address.port)
    for (const path of ['/1', '/2']) expect(await ask(client, path)).toContain('from the target')
    expect(requests.map((each) => [each.path, each.header('x-forwarded-proto')])).toEqual([
      ['/1', 'https'],
      ['/2', 'https'],
    ])
  })

  it('speaks HTTP/1.1 alone where HTTP/2 is off, and refuses those that speak something else only', async () => {
    const { address } = await listen(LOCALHOST, { http2: false })
    const client = await handshake(address.port, { ALPNProtocols: ['h2', 'http/1.1'] })
    expect(client.alpnProtocol).toBe('http/1.1')
    await expect(handshake(address.port, { ALPNProtocols: ['h2'] })).rejects.toThrow(/no application protocol/i)
    await expectServed(address.port)
  })

  it('takes PKCS#12 as well', async () => {
    const { address } = await listen({ pfx: LOCALHOST_PFX, passphrase: 'secret' })
    await expectServed(address.port)
  })

  it('speaks no version below the least', async () => {
    const { address } = await listen({ ...LOCALHOST, minVersion: 'TLSv1.3' })
    await expect(handshake(address.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/i)
    await expectServed(address.port)
    const lenient = await listen()
    const client = await handshake(lenient.address.port, { maxVersion: 'TLSv1.2' })
    expect(client.getProtocol()).toBe('TLSv1.2')
  })

  it('speaks the ciphers that it is told to', async () => {
    const ciphers = 'ECDHE-ECDSA-CHACHA20-POLY1305'
    const { address } = await listen({ ...LOCALHOST, ciphers })
    const client = await handshake(address.port, { maxVersion: 'TLSv1.2' })
    expect(client.getCipher().name).toBe(ciphers)
  })

  it('lets in only clients whose certificate it can verify, where it asks for one', async () => {
    const { address } = await listen({ ...LOCALHOST, ca: [OTHER.cert], clientCertificates: 'require' })
    expect(await ask(await handshake(address.port, OTHER))).toContain('200')
    // In TLS 1.3 a client hears of it only after its handshake.
    for (const wrong of [{}, LOCALHOST]) {
      const outcome = handshake(address.port, wrong).then(ask)
      await expect(outcome).rejects.toThrow(/alert|reset|closed|hang up|disconnected/i)
    }
  })

  it('lets in all others too, where it is told so', async () => {
    const { address } = await listen({ ...LOCALHOST, clientCertificates: 'request' })
    for (const own of [{}, OTHER]) expect(await ask(await handshake(address.port, own))).toContain('200')
  })

  it('shows the certificate of the name that is asked for', async () => {
    const other = createSecureContext(OTHER)
    const { address } = await listen({
      ...LOCALHOST,
      SNICallback: (name, done) => done(null, name === 'other.example' ? other : undefined),
    })
    const names = []
    for (const servername of ['other.example', 'localhost', 'unknown.example']) {
      const client = await handshake(address.port, { servername, rejectUnauthorized: false })
      names.push(client.getPeerCertificate().subject.CN)
    }
    expect(names).toEqual(['other.example', 'localhost', 'localhost'])
  })

  it.each<[string, ListenTlsOptions['SNICallback']]>([
    ['throws', () => raise('lost')],
    ['rejects', async () => await Promise.reject(new Error('lost'))],
    ['fails', (_name, done) => done(new Error('lost'))],
    ['gives what is no context', (_name, done) => done(null, {} as never)],
  ])('loses one handshake where the look-up of a name %s', async (_how, SNICallback) => {
    const { address } = await listen({
      ...LOCALHOST,
      SNICallback: (name, done) => (name === 'localhost' ? done(null) : SNICallback!(name, done)),
    })
    await expect(handshake(address.port, { servername: 'other.example' })).rejects.toThrow()
    await expectServed(address.port)
  })

  it.each([
    ['speaks HTTP in the clear', (socket: Socket) => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['speaks nothing that is known', (socket: Socket) => socket.write(Buffer.alloc(300, 0x5a))],
    ['leaves in the middle', (socket: Socket) => socket.end(Buffer.from('160301', 'hex'))],
    [
      'resets in the middle',
      (socket: Socket) => socket.write(Buffer.from('1603', 'hex'), () => socket.resetAndDestroy()),
    ],
  ])('closes the connection of a client that %s', async (_how, act) => {
    const listening = await listen()
    const client = await rawClient({ port: listening.address.port })
    act(client.socket)
    await client.closed
    // Perhaps an alert, but nothing of HTTP.
    expect(client.received.toString('latin1')).not.toContain('HTTP')
    await expectServed(listening.address.port)
    await waitFor(() => listening.connections <= 1)
  })

  it('closes the connection of a client that is silent for too long', async () => {
    const { address } = await listen({ ...LOCALHOST, handshakeTimeoutMs: 30 })
    const client = await rawClient({ port: address.port })
    await client.closed
    expect(client.received).toHaveLength(0)
    await expectServed(address.port)
  })

  it('closes those in a handshake when all are closed', async () => {
    const listening = await listen()
    const silent = await rawClient({ port: listening.address.port })
    const served = await handshake(listening.address.port)
    const gone = new Promise((resolve) => served.once('close', resolve))
    const closing = listening.close()
    listening.destroy()
    await Promise.all([closing, silent.closed, gone])
    await waitFor(() => listening.connections === 0)
  })

  it('carries tunnels', async () => {
    const target = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
        socket.pipe(socket)
      })
    })
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`
    const proxy = createProxy().forward(createUpstream('echo', { targets: [url] }))
    onTestFinished(async () => {
      await proxy.close({ drainMs: 0 })
      await new Promise((resolve) => target.close(resolve))
    })
    const { address } = await proxy.listen({ host: '127.0.0.1', listener: listener(), tls: LOCALHOST })
    const client = await handshake(address.port)
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    await textUntil(client, (text) => text.endsWith('\r\n\r\n'))
    client.write('across')
    expect(await textUntil(client, (text) => text.includes('across'))).toBe('across')
    client.destroy()
    await waitFor(() => proxy.inFlight === 0)
  })

  it.each<[string, string, ListenTlsOptions]>([
    ['there is no certificate', 'listen.tls', {}],
    ['there is no key', 'listen.tls', { cert: LOCALHOST.cert }],
    ['there is no certificate for a key', 'listen.tls', { key: LOCALHOST.key, SNICallback: () => {} }],
    ['the certificate is empty', 'listen.tls', { ...LOCALHOST, cert: '' }],
    ['the certificate is none', 'listen.tls', { ...LOCALHOST, cert: 'nonsense' }],
    ['the key belongs to another certificate', 'listen.tls', { ...LOCALHOST, key: OTHER.key }],
    ['the passphrase is wrong', 'listen.tls', { pfx: LOCALHOST_PFX, passphrase: 'wrong' }],
    ['no cipher is known', 'listen.tls', { ...LOCALHOST, ciphers: 'NONE-SUCH' }],
    ['the version is too old', 'listen.tls.minVersion', { ...LOCALHOST, minVersion: 'TLSv1.1' as 'TLSv1.2' }],
    ['the time is none', 'listen.tls.handshakeTimeoutMs', { ...LOCALHOST, handshakeTimeoutMs: 0 }],
    ['nobody could vouch for a client', 'listen.tls.ca', { ...LOCALHOST, clientCertificates: 'require' }],
  ])('does not start where %s', async (_what, path, tls) => {
    const error: unknown = await listen(tls).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).path).toBe(path)
  })
})

function raise(message: string): never {
  throw new Error(message)
}
