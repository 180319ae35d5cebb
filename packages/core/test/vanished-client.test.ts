import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { waitFor } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createProxy, Reply } from '../src/index.ts'
import { frame, getRequest, PREFACE, TYPE } from './http2/raw-frames.ts'

const HTTP1 = Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
const HTTP2 = Buffer.concat([Buffer.from(PREFACE), frame(TYPE.SETTINGS, 0, 0), getRequest(1)])
const CLIENTS = 20

/** A proxy that notes who has asked. */
function listening() {
  const seen: string[] = []
  const proxy = createProxy().handle(({ client }) => {
    seen.push(client.address)
    return Reply.text('ok')
  })
  onTestFinished(async () => await proxy.close({ drainMs: 0 }))
  return { seen, proxy }
}

async function open(options: NetConnectOpts): Promise<Socket> {
  const socket = connect(options)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Asks, and resets the connection in the same breath, many times over; then asks and waits. */
async function askAndVanish(options: NetConnectOpts, bytes: Buffer): Promise<void> {
  for (let i = 0; i < CLIENTS; i++) {
    const socket = await open(options)
    socket.write(bytes)
    if (i % 2 === 0) await turn()
    socket.resetAndDestroy()
  }
  const socket = await open(options)
  socket.write(bytes)
  await once(socket, 'data')
}

it.each([
  ['HTTP/1.1', HTTP1],
  ['HTTP/2', HTTP2],
] as const)('who asks over %s and vanishes is not let in as nobody', async (_protocol, bytes) => {
  const { seen, proxy } = listening()
  const listener = await proxy.listen({ port: 0, host: '127.0.0.1', http2: { cleartext: true } })
  await askAndVanish({ port: listener.address.port, host: '127.0.0.1' }, bytes)
  expect(new Set(seen)).toEqual(new Set(['127.0.0.1']))
  await waitFor(() => listener.connections === 1 && proxy.inFlight === 0)
})

it.each([
  ['HTTP/1.1', HTTP1, createServer],
  ['HTTP/2', HTTP2, createHttp2Server],
] as const)('nor is one of %s whose connection came through a server of Node’s', async (_protocol, bytes, create) => {
  const { seen, proxy } = listening()
  const server = (create as typeof createServer)(proxy.nodeHandler())
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  await askAndVanish({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, bytes)
  await waitFor(() => seen.length > 0)
  expect(new Set(seen)).toEqual(new Set(['127.0.0.1']))
  await waitFor(() => proxy.inFlight === 0)
})

it.each([
  ['HTTP/1.1', HTTP1],
  ['HTTP/2', HTTP2],
] as const)('who asks over %s through a Unix socket has no address, and is let in', async (_protocol, bytes) => {
  const { seen, proxy } = listening()
  const path = join(tmpdir(), `sluice-vanished-${process.pid}-${_protocol.at(-1)!}.sock`)
  await proxy.listen({ path, http2: { cleartext: true } })
  const socket = await open({ path })
  socket.write(bytes)
  await waitFor(() => seen.length === 1)
  expect(seen).toEqual([''])
})
