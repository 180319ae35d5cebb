/** TLS towards targets: who is believed, who is asked for what, and sessions that are resumed. */
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerOptions, type Server } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { certificateAuthority, type IssuedCertificate } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  ConfigError,
  createProxy,
  createUpstream,
  type ForwardOptions,
  type TargetConfig,
  type Transport,
  type TransportTlsOptions,
  undiciTransport,
  wireTransport,
} from '../../src/index.ts'
import { LOCALHOST } from '../certificates.ts'

const TRANSPORTS = [
  ['wire', (options: TransportOptions) => wireTransport(options)],
  ['undici', (options: TransportOptions) => undiciTransport(options)],
] as const

interface TransportOptions {
  readonly tls?: TransportTlsOptions
  readonly connectTimeoutMs?: number
  readonly maxConnections?: number
}

const authority = certificateAuthority()
const ca = authority.cert
const localhost = authority.issue({ names: ['localhost', '127.0.0.1'] })
const app = authority.issue({ names: ['app.internal'] })
const late = authority.issue({ names: ['localhost'], validTo: new Date('2021-01-01T00:00:00Z') })
const stranger = certificateAuthority('Elsewhere').issue({ names: ['localhost'] })
const gateway = authority.issue({ commonName: 'gateway' })

const pinOf = ({ cert }: IssuedCertificate): string => {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256/${createHash('sha256').update(key).digest('base64')}`
}

/** A target that answers with how it was asked; connections are counted. */
async function listen(options: ServerOptions, path?: string) {
  const sockets: TLSSocket[] = []
  const server: Server = createServer(options, (request, response) => {
    const socket = request.socket as TLSSocket
    const { servername } = socket as unknown as { servername: string | false }
    const subject = socket.getPeerCertificate().subject?.CN
    response.end(JSON.stringify({ servername, subject, resumed: socket.isSessionReused(), host: request.headers.host }))
  })
  server.on('secureConnection', (socket) => {
    sockets.push(socket)
    // A client that does not believe in a certificate goes without a word.
    socket.on('error', () => {})
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  )
  onTestFinished(async () => {
    server.closeAllConnections()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const port = path === undefined ? (server.address() as AddressInfo).port : 0
  return { server, sockets, port, url: `https://localhost:${port}` }
}

describe.each(TRANSPORTS)('TLS of the %s transport', (_name, transportOf) => {
  function gatewayTo(target: TargetConfig | string, options: TransportOptions, forward?: ForwardOptions) {
    const transport: Transport = transportOf(options)
    const proxy = createProxy().forward(createUpstream('app', { targets: [target], transport }), {
      maxConnectAttempts: 1,
      ...forward,
    })
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const ask = async (host?: string) => {
      const reply = await proxy.inject({ headers: host === undefined ? {} : { Host: host } })
      const answer = (await reply.json()) as { readonly resumed?: boolean }
      return { ...answer, status: reply.status }
    }
    return { ask, proxy, transport }
  }

  it('verifies a certificate by the authority that is given, and for the host in the URL', async () => {
    const { url } = await listen(localhost)
    expect(await gatewayTo(url, { tls: { ca } }).ask()).toMatchObject({ status: 200, servername: 'localhost' })
    const byAddress = url.replace('localhost', '127.0.0.1')
    expect(await gatewayTo(byAddress, { tls: { ca: [ca] } }).ask()).toMatchObject({ status: 200, servername: false })
  })

  it.each<[string, ServerOptions, TransportTlsOptions | undefined]>([
    ['of an unknown authority', localhost, undefined],
    ['of another authority', stranger, { ca }],
    ['that signs itself', LOCALHOST, { ca }],
    ['that is out of date', late, { ca }],
    ['of another name', app, { ca }],
    ['without the name that is asked for', localhost, { ca, servername: 'app.internal' }],
  ])('refuses a certificate %s', async (_what, server, tls) => {
    const { url } = await listen(server)
    const { ask } = gatewayTo(url, tls === undefined ? {} : { tls })
    expect(await ask()).toMatchObject({ status: 502, code: 'ERR_SLUICE_TLS_CERTIFICATE' })
  })

  it('asks for and verifies another name, where it is told to', async () => {
    const { url } = await listen(app)
    const { ask } = gatewayTo(url, { tls: { ca, servername: 'app.internal' } })
    expect(await ask()).toMatchObject({ status: 200, servername: 'app.internal' })
  })

  it('never takes the name from the Host of a request, nor another connection for it', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      const { port, sockets } = await listen(localhost)
      const { ask } = gatewayTo(`https://${host}:${port}`, { tls: { ca }, maxConnections: 1 })
      for (const name of ['app.internal', 'evil.example', 'localhost'])
        expect(await ask(name)).toMatchObject({ status: 200, host: name, servername: host === 'localhost' && host })
      expect(sockets).toHaveLength(1)
    }
  })

  it('asks for and verifies the host in the URL over a Unix socket as well', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const socketPath = join(folder, 'target.sock')
    await listen(app, socketPath)
    const over = async (url: string) => await gatewayTo({ url, socketPath }, { tls: { ca } }).ask()
    expect(await over('https://app.internal')).toMatchObject({ status: 200, servername: 'app.internal' })
    for (const url of ['https://localhost', 'https://127.0.0.1'])
      expect(await over(url)).toMatchObject({ status: 502, code: 'ERR_SLUICE_TLS_CERTIFICATE' })
  })

  it('shows its own certificate where a target asks for one', async () => {
    const { url } = await listen({ ...localhost, ca, requestCert: true, rejectUnauthorized: true })
    const { cert, key } = gateway
    expect(await gatewayTo(url, { tls: { ca, cert, key } }).ask()).toMatchObject({ status: 200, subject: 'gateway' })
    // In TLS 1.3 the target says so behind the handshake, if it gets to say it before it closes.
    expect((await gatewayTo(url, { tls: { ca } }).ask()).status).toBe(502)
  })

  it('believes in pinned keys only, and only where the certificate verifies as well', async () => {
    const { url } = await listen(localhost)
    const pins = [pinOf(app), pinOf(localhost)]
    expect((await gatewayTo(url, { tls: { ca, pins } }).ask()).status).toBe(200)
    for (const tls of [{ ca, pins: [pinOf(app)] }, { pins }, { ca, pins, servername: 'app.internal' }])
      expect(await gatewayTo(url, { tls }).ask()).toMatchObject({ status: 502, code: 'ERR_SLUICE_TLS_CERTIFICATE' })
    // The key of the authority is in every chain of its making.
    const { url: other } = await listen({ ...localhost, cert: localhost.cert + ca })
    const byAuthority = gatewayTo(other, { tls: { ca, pins: [pinOf({ ...localhost, cert: ca })] } })
    expect((await byAuthority.ask()).status).toBe(502)
  })

  it('believes anybody, where it is told to', async () => {
    const { url } = await listen(stranger)
    expect((await gatewayTo(url, { tls: { acceptAnyCertificate: true } }).ask()).status).toBe(200)
  })

  it('goes on with its session on the next connection to a target, and not with that of another one', async () => {
    const { url, sockets } = await listen(localhost)
    const other = await listen(localhost)
    const { ask } = gatewayTo(url, { tls: { ca } })
    const next = async () => {
      for (const socket of sockets) socket.destroy()
      return (await ask()).resumed
    }
    expect((await ask()).resumed).toBe(false)
    for (let i = 0; i < 3; i++) expect(await next()).toBe(true)
    expect((await gatewayTo(other.url, { tls: { ca } }).ask()).resumed).toBe(false)
  })

  it('begins anew where the target has forgotten the session', async () => {
    const { url, sockets, server } = await listen(localhost)
    const { ask } = gatewayTo(url, { tls: { ca } })
    await ask()
    ;(server as unknown as { setTicketKeys(keys: Buffer): void }).setTicketKeys(Buffer.alloc(48, 7))
    for (const socket of sockets) socket.destroy()
    expect(await ask()).toMatchObject({ status: 200, resumed: false })
    for (const socket of sockets) socket.destroy()
    expect(await ask()).toMatchObject({ status: 200, resumed: true })
  })

  it('gives up a handshake that stalls', async () => {
    const held: Socket[] = []
    const silent = createTcpServer((socket) => void held.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => {
      for (const socket of held) socket.destroy()
      silent.close()
    })
    const { port } = silent.address() as AddressInfo
    const { ask } = gatewayTo(`https://localhost:${port}`, { tls: { ca }, connectTimeoutMs: 50 })
    expect(await ask()).toMatchObject({ status: 504, code: 'ERR_SLUICE_CONNECT_TIMEOUT' })
  })

  it('tells what is no TLS from what is a wrong certificate', async () => {
    const plain = createTcpServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    onTestFinished(() => void plain.close())
    const { port } = plain.address() as AddressInfo
    const { ask } = gatewayTo(`https://localhost:${port}`, { tls: { ca } })
    expect(await ask()).toMatchObject({ status: 502, code: 'ERR_SLUICE_TLS_FAILED' })
  })

  it.each<[string, TransportTlsOptions]>([
    ['tls', { ca, cert: gateway.cert, key: localhost.key }],
    ['tls', { cert: 'nonsense' }],
    ['tls.servername', { servername: '' }],
    ['tls.pins', { pins: [] }],
    ['tls.pins', { pins: [pinOf(app)], acceptAnyCertificate: true }],
    ['tls.pins[1]', { pins: [pinOf(app), 'sha256/abc'] }],
  ])('is refused when it is built: %s', (path, tls) => {
    expect(() => transportOf({ tls })).toThrow(ConfigError)
    expect(() => transportOf({ tls })).toThrow(`Transport.${path}:`)
  })
})

it('the wire transport counts the sessions that it resumes', async () => {
  const { url, sockets } = await listen(localhost)
  const transport = wireTransport({ tls: { ca } })
  const upstream = createUpstream('app', { targets: [url], transport })
  const proxy = createProxy().forward(upstream)
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  for (let i = 0; i < 3; i++) {
    await (await proxy.inject()).text()
    for (const socket of sockets) socket.destroy()
  }
  const { poolStats } = transport as unknown as { poolStats(target: unknown): { opened: number; resumed: number } }
  const stats = poolStats.call(transport, upstream.targets[0])
  expect([stats.opened, stats.resumed]).toEqual([3, 2])
})
