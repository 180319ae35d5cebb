/** The ways into a proxy, each with what a client there can see of how a reply ended. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Proxy } from '@sluice/core'
import { rawClient, type RawClient } from '@sluice/testing'
import { LISTENERS } from './combinations.ts'

export interface FaultRequest {
  readonly method?: string
  readonly path?: string
  readonly body?: string
  readonly httpVersion?: '1.0' | '1.1'
}

/** What a client saw. */
export interface Outcome {
  /** Missing where the connection ended before a reply's head. */
  readonly status: number | undefined
  readonly body: string
  /** Whether the reply came to an end that a client takes for one. */
  readonly isComplete: boolean
  /** The code of a problem document. */
  readonly code: string | undefined
}

export interface OpenWay {
  send(request: FaultRequest): Promise<Outcome>
  close(): Promise<void>
}

export interface WayIn {
  readonly name: string
  open(proxy: Proxy): Promise<OpenWay>
}

const TIMEOUT_MS = 4_000

const ownListeners: readonly WayIn[] = LISTENERS.map(({ name, create }) => ({
  name: `${name} listener`,
  async open(proxy) {
    const { address } = await proxy.listen({ host: '127.0.0.1', listener: create() })
    return { send: async (request) => await sendTo(address.port, request), close: async () => {} }
  },
}))

const bareServer: WayIn = {
  name: 'bare http.Server',
  async open(proxy) {
    const server = createServer(proxy.nodeHandler()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      send: async (request) => await sendTo(port, request),
      async close() {
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      },
    }
  },
}

const overHttp2: WayIn = {
  name: 'wire listener over HTTP/2',
  async open(proxy) {
    const { address } = await proxy.listen({ host: '127.0.0.1', http2: { cleartext: true } })
    return { send: async (request) => await sendOverHttp2(address.url, request), close: async () => {} }
  },
}

const fetched: WayIn = {
  name: 'fetch',
  async open(proxy) {
    return {
      async send({ method = 'GET', path = '/', body }) {
        const init = { method, ...(body === undefined ? {} : { body, duplex: 'half' as const }) }
        const response = await proxy.fetch(new Request(`http://gateway.test${path}`, init))
        return await outcomeOf(response.status, async () => await response.text())
      },
      close: async () => {},
    }
  },
}

const injected: WayIn = {
  name: 'inject',
  async open(proxy) {
    return {
      async send(request) {
        const reply = await proxy.inject(request)
        return await outcomeOf(reply.status, async () => await reply.text())
      },
      close: async () => {},
    }
  },
}

export const WAYS_IN: readonly WayIn[] = [...ownListeners, bareServer, overHttp2, fetched, injected]

/** Those where a client has a connection. */
export const SOCKET_WAYS: readonly WayIn[] = [...ownListeners, bareServer]

async function sendTo(port: number, request: FaultRequest): Promise<Outcome> {
  const client = await rawClient({ port, allowHalfOpen: true })
  try {
    client.write(requestBytes(request))
    return await readOutcome(client)
  } finally {
    client.destroy()
  }
}

/** On a connection of its own. A stream that ends in order, and is not reset, is a whole reply. */
async function sendOverHttp2(origin: string, { method = 'GET', path = '/', body }: FaultRequest): Promise<Outcome> {
  const session = connect(origin)
  session.on('error', () => {})
  try {
    const stream = session.request({ ':method': method, ':path': path }, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    let status: number | undefined
    let text = ''
    let hasEnded = false
    stream.setTimeout(TIMEOUT_MS, () => stream.destroy())
    stream.on('error', () => {})
    stream.on('response', (fields) => (status = fields[':status']))
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    stream.on('end', () => (hasEnded = true))
    await new Promise((resolve) => stream.once('close', resolve))
    return outcome(status, text, status !== undefined && hasEnded && stream.rstCode === 0)
  } finally {
    session.destroy()
  }
}

/** A request as bytes. */
export function requestBytes({ method = 'GET', path = '/', body = '', httpVersion = '1.1' }: FaultRequest): string {
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/${httpVersion}\r\nHost: gateway.test\r\n${length}\r\n${body}`
}

/** Reads one reply to its end, or to the connection's. */
export async function readOutcome(client: RawClient): Promise<Outcome> {
  let wasReset = false
  client.socket.on('error', () => (wasReset = true))
  try {
    const { status, body, complete } = await client.readResponse({ timeoutMs: TIMEOUT_MS })
    // A reply that lasts until the connection ends is whole only where that end was orderly.
    const isComplete = complete && !(await hasBeenReset(client))
    return outcome(status, body.toString(), isComplete && !wasReset)
  } catch (error) {
    if (client.socket.readable && !wasReset) throw error
    return outcome(undefined, client.received.toString('latin1'), false)
  }
}

/**
 * Where data and a reset come at one moment, Node 22 (libuv before 1.52) shows the data and then an end, as if it were a FIN. The kernel
 * knows better: it refuses the first write behind a reset, and takes one behind a FIN.
 */
async function hasBeenReset({ socket }: RawClient): Promise<boolean> {
  if (!socket.readableEnded || !socket.allowHalfOpen) return false
  return await new Promise((resolve) => void socket.write('\r\n', (error) => resolve(error instanceof Error)))
}

async function outcomeOf(status: number, text: () => Promise<string>): Promise<Outcome> {
  try {
    return outcome(status, await text(), true)
  } catch {
    return outcome(status, '', false)
  }
}

function outcome(status: number | undefined, body: string, isComplete: boolean): Outcome {
  const code = /"code":"(ERR_SLUICE_\w+)"/.exec(body)?.[1]
  return { status, body, isComplete, code }
}
