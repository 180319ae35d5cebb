/** Resumed sessions: what keeps them alive, and what ends them. */
import { randomBytes } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { certificateAuthority } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createProxy,
  type Listener,
  type ListenTlsOptions,
  nodeListener,
  Reply,
  wireListener,
} from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'
import { ask, handshake, sessionOf } from './tls-client.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('sessions on the %s listener', (_name, listener) => {
  async function listen(tls: ListenTlsOptions = LOCALHOST): Promise<Listener> {
    const proxy = createProxy().handle(({ client }) => Reply.text(`resumed: ${client.tls?.resumed}`))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return await proxy.listen({ host: '127.0.0.1', listener: listener(), tls })
  }

  async function isResumed({ address }: Listener, session: Buffer, options: ConnectionOptions = {}): Promise<boolean> {
    const socket = await handshake(address.port, { ...(session.length === 0 ? {} : { session }), ...options })
    const isReused = socket.isSessionReused()
    // Both sides must be of one mind.
    expect(await ask(socket)).toContain(`resumed: ${isReused}`)
    socket.destroy()
    return isReused
  }

  it.each(VERSIONS)('are resumed by ticket in %s', async (maxVersion) => {
    const listening = await listen()
    const session = await sessionOf(listening.address.port, { maxVersion })
    expect(await isResumed(listening, session, { maxVersion })).toBe(true)
  })

  it.each(VERSIONS)('are not resumed in %s where tickets are switched off', async (maxVersion) => {
    const listening = await listen({ ...LOCALHOST, sessionTickets: false })
    const session = await sessionOf(listening.address.port, { maxVersion })
    expect(await isResumed(listening, session, { maxVersion })).toBe(false)
  })

  it('are resumed at another listener with the same keys, and at none with others', async () => {
    const ticketKeys = randomBytes(48)
    const [one, two, other] = [
      await listen({ ...LOCALHOST, ticketKeys }),
      await listen({ ...LOCALHOST, ticketKeys }),
      await listen({ ...LOCALHOST, ticketKeys: randomBytes(48) }),
    ]
    const session = await sessionOf(one.address.port)
    expect(await isResumed(two, session)).toBe(true)
    expect(await isResumed(other, session)).toBe(false)
  })

  it('outlive a change of certificates, and end with their keys', async () => {
    const authority = certificateAuthority()
    const ca = [LOCALHOST.cert, authority.cert]
    const listening = await listen()
    const session = await sessionOf(listening.address.port)
    listening.setTls(authority.issue({ names: ['localhost'] }))
    expect(await isResumed(listening, session)).toBe(true)
    listening.setTls({ ...authority.issue({ names: ['localhost'] }), ticketKeys: randomBytes(48) })
    // Refused, and not held against the client: it gets a whole handshake.
    expect(await isResumed(listening, session, { ca })).toBe(false)
    expect(await isResumed(listening, await sessionOf(listening.address.port, { ca }), { ca })).toBe(true)
  })

  it.each(VERSIONS)(
    'of client certificates in %s end when a certificate is revoked or an authority is gone',
    async (maxVersion) => {
      const authority = certificateAuthority()
      const client = authority.issue({ commonName: 'alice' })
      const trust = {
        ...LOCALHOST,
        clientCertificates: 'require',
        ca: authority.cert,
        ticketKeys: randomBytes(48),
      } as const
      const listening = await listen(trust)
      const options = { cert: client.cert, key: client.key, maxVersion }
      const session = await sessionOf(listening.address.port, options)
      expect(await isResumed(listening, session, options)).toBe(true)
      // With the certificate that the session carries; the client shows none again.
      listening.setTls({ ...trust, crl: authority.revoke([client]) })
      await expect(handshake(listening.address.port, { ...options, session }).then(ask)).rejects.toThrow()
      listening.setTls({ ...trust, ca: certificateAuthority('other').cert })
      await expect(handshake(listening.address.port, { ...options, session }).then(ask)).rejects.toThrow()
      listening.setTls(trust)
      expect(await isResumed(listening, session, options)).toBe(true)
    },
  )
})
