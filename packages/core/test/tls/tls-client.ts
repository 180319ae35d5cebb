/** A client of TLS for tests: handshakes, sessions, and requests by hand. */
import type { Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { LOCALHOST } from '../certificates.ts'

/** A connection whose handshake is complete, from this side. */
export async function handshake(
  port: number,
  options: ConnectionOptions = {},
  prepare?: (socket: TLSSocket) => void,
): Promise<TLSSocket> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: LOCALHOST.cert,
    ...options,
  })
  onTestFinished(() => void socket.destroy())
  prepare?.(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.once('secureConnect', resolve)
  })
  return socket
}

/** One request on a connection; gives the reply's text once it is whole. */
export async function ask(socket: TLSSocket, path = '/'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  return await textUntil(socket, (text) => {
    const end = text.indexOf('\r\n\r\n') + 4
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
    if (end === 3) return false
    return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= end + Number(length)
  })
}

export async function textUntil(socket: Socket, isThere: (text: string) => boolean): Promise<string> {
  let text = ''
  return await new Promise<string>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (!isThere(text)) return
      socket.off('data', onData).off('error', reject).off('close', onClose)
      resolve(text)
    }
    const onClose = () => reject(new Error(`closed after ${JSON.stringify(text)}`))
    socket.on('data', onData).on('error', reject).on('close', onClose)
  })
}

/** A handshake of its own that gives a session to resume; the connection is closed. Empty where the server offers none. */
export async function sessionOf(port: number, options: ConnectionOptions = {}): Promise<Buffer> {
  let session: Buffer = Buffer.alloc(0)
  const socket = await handshake(port, options, (each) => each.on('session', (ticket: Buffer) => (session = ticket)))
  // In TLS 1.3 tickets come behind the handshake, and are read with what follows them.
  await ask(socket)
  socket.destroy()
  return session
}

/** The name of the certificate that a client is shown. */
export async function shownFor(port: number, servername: string, options: ConnectionOptions = {}): Promise<string> {
  const socket = await handshake(port, { servername, rejectUnauthorized: false, ...options })
  const name = socket.getPeerCertificate().subject.CN
  socket.destroy()
  return String(name)
}
