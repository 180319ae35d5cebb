/** Two ends of one connection over loopback, and what they come to. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TextWriter } from '../../src/net/text-writer.ts'
import { unsentBytes } from '../../src/net/unsent-bytes.ts'

/** Two ends; both stay open when the other ends, and neither reads by itself. */
export async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as unknown as [[Socket]]
  onTestFinished(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return { near, far }
}

/** All that comes, as latin1. */
export async function textOf(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1')
  for await (const piece of socket) text += piece as string
  return text
}

/** Writes until a text waits in the handle, and nothing in the socket; returns all that was written. */
export function fillHandle(writer: TextWriter, socket: Socket): string {
  let sent = ''
  for (let i = 0; unsentBytes(socket) === 0; i++) {
    const text = `${i};`.padEnd(16_000, 'x')
    sent += text
    writer.write(text)
  }
  return sent
}

/** The names of what a socket emits from now on, errors by their code. */
export function watch(socket: Socket): string[] {
  const seen: string[] = []
  for (const name of ['drain', 'finish', 'close']) socket.on(name, () => seen.push(name))
  socket.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code ?? error.message))
  return seen
}
