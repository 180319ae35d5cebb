/** Two upstreams that write down what reaches them: bytes on raw sockets, and what `http.Server` makes of them. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { readStrictly } from './strict-reader.ts'

/** A request that reached the upstream whole. */
export interface Arrived {
  readonly method: string
  readonly target: string
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

export interface RecordingUpstream {
  readonly url: string
  /** Since the last reset, in order of completion. */
  readonly arrived: readonly Arrived[]
  /** Targets of requests that were begun, whether or not they became whole. */
  readonly begun: readonly string[]
  /** What was not as it must be. */
  readonly violations: readonly string[]
  reset(): void
  close(): Promise<void>
}

class Recording implements RecordingUpstream {
  arrived: Arrived[] = []
  begun: string[] = []
  violations: string[] = []
  url = ''
  close: () => Promise<void> = async () => {}

  reset(): void {
    this.arrived = []
    this.begun = []
    this.violations = []
  }
}

/** Answers each request with its target; reads with {@link readStrictly}. */
export async function rawRecorder(): Promise<RecordingUpstream> {
  const record = new Recording()
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    let bytes = ''
    let answered = 0
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1')
      const reading = readStrictly(bytes)
      if (reading.violation !== undefined) record.violations.push(reading.violation)
      if (reading.begun !== undefined) record.begun.push(reading.begun.split(' ')[1] ?? '')
      for (const request of reading.requests.slice(answered)) {
        answered++
        record.arrived.push(request)
        record.begun.push(request.target)
        const body = request.method === 'HEAD' ? '' : request.target
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${request.target.length}\r\n\r\n${body}`)
      }
    })
  })
  record.url = await listen(server)
  record.close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return record
}

/** Answers each request with its target, or not at all; reads with Node's own parser. */
export async function httpRecorder(answers = true): Promise<RecordingUpstream> {
  const record = new Recording()
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', rawHeaders } = request
    record.begun.push(url)
    let body = ''
    request.on('error', () => {})
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
    request.on('end', () => {
      const fields: [string, string][] = []
      for (let i = 0; i < rawHeaders.length; i += 2) fields.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!])
      record.arrived.push({ method, target: url, fields, body })
      if (answers) response.end(url)
    })
  }
  const server = createHttpServer({ keepAliveTimeout: 60_000 })
  server.on('request', take).on('checkContinue', take).on('checkExpectation', take)
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    // An attempt that is given up in its middle ends its connection: nothing that could be misread.
    if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') record.violations.push(String(error))
    socket.destroy()
  })
  record.url = await listen(server)
  record.close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return record
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
