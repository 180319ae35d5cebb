/** Certificates that are replaced while a listener is open. */
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateAuthority, type IssuedCertificate, virtualClock, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  ConfigError,
  createProxy,
  type EventChannel,
  type Listener,
  type ListenTlsOptions,
  nodeListener,
  Reply,
  tlsReplaced,
  tlsReplaceFailed,
  wireListener,
} from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'
import { ask, handshake, sessionOf, shownFor } from './tls-client.ts'

const authority = certificateAuthority()
const one = authority.issue({ commonName: 'one', names: ['localhost'] })
const two = authority.issue({ commonName: 'two', names: ['localhost'], validTo: new Date('2090-05-06T07:08:09Z') })
const client = authority.issue({ commonName: 'alice' })

function heard<T>(channel: EventChannel<T>): T[] {
  const messages: T[] = []
  const listener = (message: T): void => void messages.push(message)
  channel.subscribe(listener)
  onTestFinished(() => channel.unsubscribe(listener))
  return messages
}

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('replacing the certificates of the %s listener', (_name, listener) => {
  const clock = virtualClock()

  async function listen(tls?: ListenTlsOptions): Promise<Listener> {
    const proxy = createProxy({ clock }).handle(() => Reply.text('served'))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return await proxy.listen({ host: '127.0.0.1', listener: listener(), ...(tls === undefined ? {} : { tls }) })
  }

  const shown = async ({ address }: Listener, servername = 'localhost') => await shownFor(address.port, servername)

  it('leaves connections alone, and holds for handshakes from then on', async () => {
    const replaced = heard(tlsReplaced)
    const listening = await listen(one)
    const open = await handshake(listening.address.port, { ca: authority.cert })
    const pending = handshake(listening.address.port, { ca: authority.cert })
    listening.setTls({ ...two, certificates: [authority.issue({ names: ['new.example'], commonName: 'new' })] })
    expect(await shown(listening)).toBe('two')
    expect(await shown(listening, 'new.example')).toBe('new')
    for (const each of [open, await pending]) expect(await ask(each)).toContain('served')
    expect(replaced).toMatchObject([
      {
        address: listening.address,
        certificates: [
          { names: ['localhost'], isDefault: true, validTo: new Date('2090-05-06T07:08:09Z') },
          { names: ['new.example'], isDefault: false },
        ],
      },
    ])
    listening.setTls(one)
    expect(await shown(listening, 'new.example')).toBe('one')
  })

  it('serves every request while it goes on', async () => {
    const listening = await listen(one)
    const open = await handshake(listening.address.port, { ca: authority.cert })
    for (let i = 0; i < 20; i++) {
      const fresh = handshake(listening.address.port, { ca: authority.cert })
      listening.setTls(i % 2 === 0 ? two : one)
      for (const each of [open, await fresh]) expect(await ask(each)).toContain('served')
    }
  })

  it.each<[string, string, ListenTlsOptions]>([
    ['a key that does not fit', 'listen.tls', { ...two, key: one.key }],
    ['no certificate', 'listen.tls', {}],
    ['a wrong one among several', 'listen.tls.certificates[0]', { ...two, certificates: [{ cert: 'x', key: 'y' }] }],
    [
      'clients being asked',
      'listen.tls.clientCertificates',
      { ...two, clientCertificates: 'require', ca: authority.cert },
    ],
    ['another time limit', 'listen.tls.handshakeTimeoutMs', { ...two, handshakeTimeoutMs: 1 }],
    ['a negative interval', 'listen.tls.reloadIntervalMs', { ...two, reloadIntervalMs: -1 }],
  ])('keeps what was there where the new has %s', async (_what, path, tls) => {
    const failures = heard(tlsReplaceFailed)
    const listening = await listen(one)
    const error = caught(() => listening.setTls(tls))
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).path).toBe(path)
    expect(failures).toEqual([{ address: listening.address, error }])
    expect(await shown(listening)).toBe('one')
  })

  it('is refused where there is no TLS', async () => {
    const listening = await listen()
    expect(() => listening.setTls(one)).toThrow(ConfigError)
    await expect(listening.reloadTls()).rejects.toThrow(ConfigError)
  })

  it('replaces authorities and revocation lists too', async () => {
    const listening = await listen({ ...one, clientCertificates: 'require', ca: authority.cert })
    const knock = async () => await handshake(listening.address.port, { ca: authority.cert, ...client }).then(ask)
    expect(await knock()).toContain('served')
    listening.setTls({ ...one, clientCertificates: 'require', ca: authority.cert, crl: authority.revoke([client]) })
    await expect(knock()).rejects.toThrow()
    listening.setTls({ ...one, clientCertificates: 'require', ca: authority.cert, crl: authority.revoke([]) })
    expect(await knock()).toContain('served')
  })

  describe('in files', () => {
    function files(first: IssuedCertificate) {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const certFile = join(folder, 'cert.pem')
      const keyFile = join(folder, 'key.pem')
      const write = ({ cert, key }: { cert: string; key: string }) => {
        writeFileSync(certFile, cert)
        writeFileSync(keyFile, key)
      }
      write(first)
      return { certFile, keyFile, write, folder }
    }

    it('happens when it is asked for', async () => {
      const { certFile, keyFile, write } = files(one)
      const listening = await listen({ certFile, keyFile })
      const session = await sessionOf(listening.address.port, { ca: authority.cert })
      write(two)
      expect(await shown(listening)).toBe('one')
      await listening.reloadTls()
      expect(await shown(listening)).toBe('two')
      expect((await handshake(listening.address.port, { session, ca: authority.cert })).isSessionReused()).toBe(true)
    })

    it('keeps what was there where a file is wrong or gone', async () => {
      const { certFile, keyFile, write } = files(one)
      const listening = await listen({ certFile, keyFile })
      write({ ...two, key: one.key })
      await expect(listening.reloadTls()).rejects.toThrow(ConfigError)
      unlinkSync(certFile)
      await expect(listening.reloadTls()).rejects.toThrow(/ENOENT/)
      expect(await shown(listening)).toBe('one')
      write(two)
      await listening.reloadTls()
      expect(await shown(listening)).toBe('two')
    })

    it('happens by itself at an interval, once for each change', async () => {
      const [replaced, failures] = [heard(tlsReplaced), heard(tlsReplaceFailed)]
      const { certFile, keyFile, write, folder } = files(one)
      const listening = await listen({ certFile, keyFile, reloadIntervalMs: 1_000 })
      const waiting = clock.pending
      /** One look at the files, which ends by waiting for the next. */
      const look = async () => {
        await clock.advanceAsync(1_000)
        await waitFor(() => clock.pending === waiting)
      }
      await look()
      expect(replaced).toHaveLength(0)
      // The key comes later: until then the two do not fit.
      writeFileSync(certFile, two.cert)
      await look()
      await look()
      expect([replaced.length, failures.length]).toEqual([0, 1])
      writeFileSync(join(folder, 'new.pem'), two.key)
      renameSync(join(folder, 'new.pem'), keyFile)
      await look()
      await look()
      expect([replaced.length, failures.length]).toEqual([1, 1])
      expect(await shown(listening)).toBe('two')
      unlinkSync(keyFile)
      await look()
      await look()
      expect([replaced.length, failures.length]).toEqual([1, 2])
      write(one)
      await look()
      expect(await shown(listening)).toBe('one')
      listening.setTls(LOCALHOST)
      expect(clock.pending).toBe(waiting - 1)
    })

    it('is not waited for any more once the listener closes', async () => {
      const { certFile, keyFile } = files(one)
      const listening = await listen({ certFile, keyFile, reloadIntervalMs: 1_000 })
      const waiting = clock.pending
      await listening.close()
      expect(clock.pending).toBe(waiting - 1)
    })
  })
})

function caught(act: () => void): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
