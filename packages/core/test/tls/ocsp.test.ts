/** Stapled OCSP responses. What is in them is between the authority and the client, so here they are any bytes. */
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
import { ask, handshake } from './tls-client.ts'

const authority = certificateAuthority()
const other = authority.issue({ names: ['other.example'] })
/** What the types of Node leave out. */
const REQUESTED = { requestOCSP: true }

describe.each([
  ['wire', wireListener],
  ['node', nodeListener],
] as const)('OCSP responses on the %s listener', (_name, listener) => {
  async function listen(tls: ListenTlsOptions): Promise<Listener> {
    const proxy = createProxy().handle(() => Reply.text('served'))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    return await proxy.listen({ host: '127.0.0.1', listener: listener(), tls })
  }

  async function stapled({ address }: Listener, servername = 'localhost'): Promise<string> {
    let response = 'nothing'
    const socket = handshake(address.port, { ...REQUESTED, servername, ca: [LOCALHOST.cert, authority.cert] }, (each) =>
      each.once('OCSPResponse', (bytes: Buffer | null) => (response = bytes?.toString() || 'nothing')),
    )
    expect(await ask(await socket)).toContain('served')
    return response
  }

  it('are stapled for the certificate that is shown', async () => {
    const asked: string[] = []
    const listening = await listen({
      ...LOCALHOST,
      ocspResponse: Buffer.from('of localhost'),
      certificates: [
        {
          ...other,
          ocspResponse: async ({ subject }) => await Promise.resolve(Buffer.from((asked.push(subject), 'of other'))),
        },
      ],
    })
    expect(await stapled(listening)).toBe('of localhost')
    expect(await stapled(listening, 'other.example')).toBe('of other')
    expect(asked).toEqual(['CN=other.example'])
  })

  it.each<[string, ListenTlsOptions['ocspResponse']]>([
    ['throws', () => raise('lost')],
    ['rejects', async () => await Promise.reject(new Error('lost'))],
    ['has nothing', () => undefined],
    ['has nothing in it', () => new Uint8Array()],
  ])('are left out where their source %s', async (_how, ocspResponse) => {
    expect(await stapled(await listen({ ...LOCALHOST, ocspResponse: ocspResponse! }))).toBe('nothing')
  })

  it('can come and go with a change of certificates', async () => {
    const listening = await listen(LOCALHOST)
    expect(await stapled(listening)).toBe('nothing')
    listening.setTls({ ...LOCALHOST, ocspResponse: Buffer.from('new') })
    expect(await stapled(listening)).toBe('new')
    listening.setTls(LOCALHOST)
    expect(await stapled(listening)).toBe('nothing')
  })
})

function raise(message: string): never {
  throw new Error(message)
}
