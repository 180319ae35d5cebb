/** Several certificates on one listener: which one a name gets. */
import { createSecureContext } from 'node:tls'
import { certificateAuthority } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, createProxy, type ListenTlsOptions, nodeListener, Reply, wireListener } from '../../src/index.ts'
import { LOCALHOST_PFX } from '../certificates.ts'
import { ask, handshake, shownFor } from './tls-client.ts'

const LISTENERS = [
  ['wire', wireListener],
  ['node', nodeListener],
] as const

const authority = certificateAuthority()
const main = authority.issue({ commonName: 'main', names: ['www.example', 'Example.COM'] })
const wild = authority.issue({ commonName: 'wild', names: ['*.example', '*.shop.example'] })
const exact = authority.issue({ commonName: 'exact', names: ['api.example', '10.0.0.1'] })
const nameless = authority.issue({ commonName: 'nameless' })

describe.each(LISTENERS)('certificates by name on the %s listener', (_name, listener) => {
  async function listen(tls: ListenTlsOptions): Promise<number> {
    const proxy = createProxy().handle(({ client }) => Reply.text(String(client.tls?.servername)))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return (await proxy.listen({ host: '127.0.0.1', listener: listener(), tls })).address.port
  }

  it('are chosen by the exact name, by a wildcard of one label, or are the default one', async () => {
    const port = await listen({ ...main, certificates: [wild, exact] })
    const shown: Record<string, string> = {}
    for (const name of [
      'www.example',
      'example.com',
      'api.example',
      'API.Example',
      'blog.example',
      'a.shop.example',
      'a.blog.example',
      'example',
      'localhost',
    ])
      shown[name] = await shownFor(port, name)
    expect(shown).toEqual({
      'www.example': 'main',
      'example.com': 'main',
      'api.example': 'exact',
      'API.Example': 'exact',
      'blog.example': 'wild',
      'a.shop.example': 'wild',
      'a.blog.example': 'main',
      example: 'main',
      localhost: 'main',
    })
    // Without any name, as those do who connect to an address.
    expect(await shownFor(port, '')).toBe('main')
  })

  it('go by the names in the options where there are some, and the first is the default without another', async () => {
    const certificates = [
      nameless,
      { ...exact, names: ['EXACT.example'] },
      { pfx: LOCALHOST_PFX, passphrase: 'secret', names: ['pfx.example'] },
    ]
    const port = await listen({ certificates })
    expect(await shownFor(port, 'exact.example')).toBe('exact')
    expect(await shownFor(port, 'pfx.example')).toBe('localhost')
    expect(await shownFor(port, 'api.example')).toBe('nameless')
  })

  it('verify at clients that know the authority, and not where the name is another', async () => {
    const port = await listen({ ...main, certificates: [exact] })
    const socket = await handshake(port, { servername: 'api.example', ca: authority.cert })
    expect(await ask(socket)).toContain('api.example')
    await expect(handshake(port, { servername: 'b.example', ca: authority.cert })).rejects.toThrow(/does not match/)
    await expect(handshake(port, { servername: 'api.example' })).rejects.toThrow(/unable to|self.signed/)
  })

  it('are asked for elsewhere where none has the name', async () => {
    const asked: string[] = []
    const context = createSecureContext(nameless)
    const port = await listen({
      ...main,
      certificates: [exact],
      SNICallback: (name, done) => (asked.push(name), done(null, context)),
    })
    expect(await shownFor(port, 'api.example')).toBe('exact')
    expect(await shownFor(port, 'www.example')).toBe('main')
    expect(await shownFor(port, 'other.example')).toBe('nameless')
    expect(asked).toEqual(['other.example'])
  })

  it('come in two kinds for one name, for clients that know one of them only', async () => {
    const port = await listen({ certificates: [{ cert: [exact.cert], key: [exact.key] }] })
    expect(await shownFor(port, 'api.example', { maxVersion: 'TLSv1.2' })).toBe('exact')
  })
})

it.each<[string, string, ListenTlsOptions]>([
  ['a certificate without a name', 'listen.tls.certificates[0].names', { ...main, certificates: [nameless] }],
  [
    'a pfx without a name',
    'listen.tls.certificates[0].names',
    { ...main, certificates: [{ pfx: LOCALHOST_PFX, passphrase: 'secret' }] },
  ],
  ['a certificate without its key', 'listen.tls.certificates[1]', { certificates: [main, { cert: exact.cert }] }],
  ['the key of another one', 'listen.tls.certificates[1]', { certificates: [main, { ...exact, key: wild.key }] }],
  ['no certificate at all', 'listen.tls.certificates[0]', { certificates: [{}] }],
  ['a name that is none', 'listen.tls.certificates[0].names[1]', { certificates: [{ ...main, names: ['a', 'a b'] }] }],
  [
    'a wildcard within a name',
    'listen.tls.certificates[0].names[0]',
    { certificates: [{ ...main, names: ['a.*.b'] }] },
  ],
  ['a wildcard alone', 'listen.tls.certificates[0].names[0]', { certificates: [{ ...main, names: ['*'] }] }],
  ['a file that is not there', 'listen.tls', { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' }],
  [
    'a stapled response without a certificate to read',
    'listen.tls.ocspResponse',
    { pfx: LOCALHOST_PFX, passphrase: 'secret', ocspResponse: Buffer.of(1) },
  ],
  ['keys of tickets of a wrong length', 'listen.tls.ticketKeys', { ...main, ticketKeys: Buffer.alloc(32) }],
  ['no time for sessions', 'listen.tls.sessionTimeoutMs', { ...main, sessionTimeoutMs: 0 }],
  ['authorities that are none', 'listen.tls.ca', { ...main, clientCertificates: 'require', ca: 'nonsense' }],
  [
    'a revocation list that is none',
    'listen.tls.crl',
    { ...main, clientCertificates: 'require', ca: main.cert, crl: main.cert },
  ],
  [
    'an unknown way to ask clients',
    'listen.tls.clientCertificates',
    { ...main, clientCertificates: 'maybe' as 'none' },
  ],
  ['an interval below zero', 'listen.tls.reloadIntervalMs', { ...main, reloadIntervalMs: -1 }],
])('a listener does not start with %s', async (_what, path, tls) => {
  const proxy = createProxy().handle(() => Reply.empty(204))
  onTestFinished(async () => await proxy.close())
  const error: unknown = await proxy.listen({ host: '127.0.0.1', tls }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).path).toBe(path)
})
