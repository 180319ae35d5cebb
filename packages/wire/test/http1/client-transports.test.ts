import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { LOCALHOST_CERTIFICATE, waitFor } from '@sluice/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Body } from '../../src/index.ts'
import { Call, pool } from './pooled.ts'

/** Answers each request with a body of `size`, and closes those that ask for it. */
function answering(size: number) {
  return (socket: Socket): void => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (!text.endsWith('\r\n\r\n') && !text.endsWith('!')) return
      text = ''
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
    })
  }
}

async function listening(server: Server, address: { port: number; host: string } | { path: string }): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(address, resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

const LOOPBACK = { port: 0, host: '127.0.0.1' }
const SIZE = 2_000_000

describe.each([
  ['TCP', async () => pool(await listening(createServer(answering(SIZE)), LOOPBACK))],
  [
    'a Unix socket',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-'))
      onTestFinished(async () => await rm(folder, { recursive: true, force: true }))
      const path = join(folder, 'socket')
      await listening(createServer(answering(SIZE)), { path })
      return pool(0, { socketPath: path })
    },
  ],
  [
    'TLS',
    async () => {
      const port = await listening(createTlsServer(LOCALHOST_CERTIFICATE, answering(SIZE)), LOOPBACK)
      return pool(port, { tls: { ca: LOCALHOST_CERTIFICATE.cert, servername: 'localhost' } })
    },
  ],
] as const)('over %s', (_name, open) => {
  it('bodies go both ways, and the connection is used again', async () => {
    const { pool: one } = await open()
    for (const isReused of [false, true]) {
      const call = new Call(one, { method: 'POST', body: Body.of(`${'y'.repeat(SIZE)}!`) })
      await waitFor(() => call.isOver, { timeoutMs: 5_000 })
      expect([call.text?.length, call.error, call.isReused]).toEqual([SIZE, undefined, isReused])
    }
  })

  it('an idle connection is closed in time', async () => {
    const { pool: one, clock } = await open()
    const call = new Call(one)
    await waitFor(() => call.isOver)
    await clock.advanceAsync(4_000)
    await waitFor(() => one.stats.closed.idle === 1 && one.stats.idle === 0)
  })
})

it('a socket that was connected to itself has reached nobody', async () => {
  const server = createServer()
  const port = await new Promise<number>((resolve) =>
    server.listen(LOOPBACK, () => resolve((server.address() as AddressInfo).port)),
  )
  await new Promise((resolve) => server.close(resolve))
  // What the system does by chance, once in some ten thousand times.
  const connect = Socket.prototype.connect
  const spy = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
    const [[options]] = args as [[object]]
    Object.assign(options, { localPort: port })
    return connect.apply(this, args as never)
  })
  onTestFinished(() => spy.mockRestore())
  const { pool: one } = pool(port)
  const call = new Call(one)
  await waitFor(() => call.isOver)
  expect([call.refusal, call.text]).toEqual(['connect-failed', undefined])
})

describe('TLS', () => {
  it('is refused where the certificate is nobody that is trusted', async () => {
    const port = await listening(createTlsServer(LOCALHOST_CERTIFICATE, answering(2)), LOOPBACK)
    const { pool: one } = pool(port, { tls: { servername: 'localhost' } })
    const call = new Call(one)
    await waitFor(() => call.refusal === 'connect-failed')
  })

  it('is refused where the certificate is for another name', async () => {
    const port = await listening(createTlsServer(LOCALHOST_CERTIFICATE, answering(2)), LOOPBACK)
    const { pool: one } = pool(port, { tls: { ca: LOCALHOST_CERTIFICATE.cert, servername: 'other.example' } })
    const call = new Call(one)
    await waitFor(() => call.refusal === 'connect-failed')
  })

  it('resumes the session of an earlier connection', async () => {
    const resumed: boolean[] = []
    const server = createTlsServer({ ...LOCALHOST_CERTIFICATE, maxVersion: 'TLSv1.2' }, (socket: TLSSocket) => {
      resumed.push(socket.isSessionReused())
      answering(2)(socket)
    })
    const port = await listening(server, LOOPBACK)
    const { pool: one } = pool(port, {
      reuse: 'never',
      tls: { ca: LOCALHOST_CERTIFICATE.cert, servername: 'localhost' },
    })
    for (let i = 0; i < 2; i++) {
      const call = new Call(one)
      await waitFor(() => call.isOver)
    }
    expect(resumed).toEqual([false, true])
  })

  it('counts a handshake that hangs as connecting', async () => {
    const port = await listening(
      createServer(() => {}),
      LOOPBACK,
    )
    const { pool: one, clock } = pool(port, { tls: { ca: LOCALHOST_CERTIFICATE.cert, servername: 'localhost' } })
    const call = new Call(one)
    await clock.advanceAsync(1_000)
    expect(call.refusal).toBe('connect-timeout')
  })
})
