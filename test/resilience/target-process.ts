/**
 * A target in a process of its own, for tests that kill it. Its arguments are the port (0 for a free one), its name, and the
 * file into which it writes the id of each request before it does anything else: what stands there has been received,
 * whatever becomes of the process. Its parent tells it how to answer.
 */
import { openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How requests are answered, probes included. */
export type TargetMode = 'ok' | 'error' | 'reset' | 'slow'

const SLOW_MS = 2_000
const PORT_RETRY_MS = 20

const [, , port, name, journalPath] = process.argv
const journal = openSync(journalPath!, 'a')
let mode: TargetMode = 'ok'
let active = 0

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://target')
  if (pathname !== '/health') writeSync(journal, `${request.headers['x-id'] as string}\n`)
  active++
  response.once('close', () => active--)
  request.resume().once('end', () => answer(request, response, searchParams))
})

function answer(request: IncomingMessage, response: ServerResponse, wanted: URLSearchParams): void {
  switch (mode) {
    case 'reset':
      return void request.socket.resetAndDestroy()
    case 'error':
      return void response.writeHead(500, { 'X-Target': name }).end('no')
    case 'slow':
      return void setTimeout(() => reply(response, 0), SLOW_MS)
    default:
      setTimeout(() => reply(response, Number(wanted.get('bodyMs') ?? 0)), Number(wanted.get('headMs') ?? 0))
  }
}

/** In two pieces where it takes its time, so that a reply can be cut in two. */
function reply(response: ServerResponse, ms: number): void {
  response.writeHead(200, { 'X-Target': name, 'Content-Length': 4 })
  if (ms === 0) return void response.end('good')
  response.write('go')
  setTimeout(() => response.end('od'), ms)
}

process.on('message', (message: TargetMode) => (mode = message))
process.once('disconnect', () => process.exit())
process.once('SIGTERM', () => {
  // The test looks for it: a target that was drained has nothing to cut off.
  if (active > 0) writeSync(journal, `cut ${active}\n`)
  process.exit()
})

// The port is free, but for the moment that the system may take to see it.
server.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EADDRINUSE') throw error
  setTimeout(listen, PORT_RETRY_MS)
})
server.on('listening', () => process.send!((server.address() as AddressInfo).port))

function listen(): void {
  server.listen(Number(port), '127.0.0.1')
}

listen()
