/** What TLS decrypts is read into the one buffer as well, though Node has no option for it on a server's side. */
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { LOCALHOST_CERTIFICATE, seededRandom, waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import { type OnBytes, readShared } from '../../src/net/shared-reads.ts'

/** Starts a server that hands each connection to `readShared`. */
async function serveTls(onBytes: (socket: TLSSocket) => OnBytes): Promise<number> {
  const server = createServer({ ...LOCALHOST_CERTIFICATE, pauseOnConnect: true }, (accepted) => {
    accepted.on('error', () => {})
    expect(readShared(accepted, onBytes(accepted))).toBe(accepted)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

function client(port: number): TLSSocket {
  const socket = connect({ port, host: '127.0.0.1', ca: LOCALHOST_CERTIFICATE.cert, servername: 'localhost' })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

it('all connections read into one buffer, whatever comes with the handshake included', async () => {
  const buffers = new Set<ArrayBufferLike>()
  const texts = new Map<TLSSocket, string>()
  const port = await serveTls((socket) => (bytes, length) => {
    buffers.add(bytes.buffer)
    texts.set(socket, (texts.get(socket) ?? '') + bytes.toString('latin1', 0, length))
  })
  // Larger than a record, and written before there is a connection.
  const sent = ['a', 'b'].map((letter) => letter.repeat(40_000))
  for (const text of sent) client(port).write(text)
  const got = () => [...texts.values()].toSorted()
  await waitFor(() => got().join('').length === 80_000)
  expect(got().map((text, i) => text === sent[i])).toEqual([true, true])
  expect(buffers.size).toBe(1)
  expect([...buffers][0]!.byteLength).toBe(65_536)
})

it('connections whose bytes come in turns never see each other’s', async () => {
  const chunks = new Map<TLSSocket, Buffer[]>()
  const port = await serveTls((socket) => {
    const own: Buffer[] = []
    chunks.set(socket, own)
    return (bytes, length) => void own.push(Buffer.from(bytes.subarray(0, length)))
  })
  const random = seededRandom(3)
  const clients = Array.from({ length: 4 }, () => client(port))
  let sent = 0
  for (let round = 0; round < 200; round++) {
    const owner = Math.floor(random() * clients.length)
    const size = 1 + Math.floor(random() * 20_000)
    sent += size
    clients[owner]!.write(String.fromCharCode(97 + owner).repeat(size))
    if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
  }
  const all = () => [...chunks.values()].map((own) => Buffer.concat(own))
  await waitFor(() => all().reduce((sum, { byteLength }) => sum + byteLength, 0) === sent, { timeoutMs: 5_000 })
  const letters = all().map((bytes) => new Set(bytes))
  expect(letters.map(({ size }) => size)).toEqual([1, 1, 1, 1])
  expect(new Set(letters.flatMap((set) => [...set])).size).toBe(4)
})

it('a pause holds up the client, and nothing is lost', async () => {
  const SIZE = 20_000_000
  let received = 0
  let sum = 0
  let reader: TLSSocket | undefined
  const port = await serveTls((socket) => {
    reader = socket
    return (bytes, length) => {
      received += length
      for (let i = 0; i < length; i += 997) sum += bytes[i]!
      socket.pause()
    }
  })
  const socket = client(port)
  let isSent = false
  socket.write(Buffer.alloc(SIZE, 1), () => (isSent = true))
  await waitFor(() => received > 0)
  // Time enough for many reads, were there any.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  // What was read from the kernel in one piece is still decrypted.
  expect(received).toBeLessThan(131_072)
  expect(isSent).toBe(false)
  const ticking = setInterval(() => reader!.resume(), 0)
  onTestFinished(() => clearInterval(ticking))
  await waitFor(() => received === SIZE, { timeoutMs: 10_000 })
  expect(sum).toBeGreaterThanOrEqual(Math.floor(SIZE / 997))
})

it('the end of the client’s side is seen', async () => {
  const heard: string[] = []
  const port = await serveTls((socket) => {
    socket.on('end', () => heard.push('end'))
    socket.on('close', () => heard.push('close'))
    return (bytes, length) => void heard.push(bytes.toString('latin1', 0, length))
  })
  client(port).end('last words')
  await waitFor(() => heard.includes('close'))
  expect(heard).toEqual(['last words', 'end', 'close'])
})
