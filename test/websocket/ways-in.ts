/** The ways in which a WebSocket gets to a proxy: each with what a client needs to take it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { nodeListener, type ListenOptions, type Proxy, wireListener } from '@sluice/core'
import { certificateAuthority } from '@sluice/testing'
import { Agent, type Dispatcher, H2CClient } from 'undici'
import type { ClientOptions } from 'ws'
import { Http2Socket } from './http2-socket.ts'

export interface WayIn {
  readonly name: string
  /** What its clients speak. */
  readonly protocol: 'HTTP/1.1' | 'HTTP/2'
  readonly isSecure: boolean
  open(proxy: Proxy): Promise<OpenWay>
}

/** One that is open, for `ws` and for undici. */
export interface OpenWay {
  /** For `ws`, together with {@link options}. Over HTTP/2 it has no say in whether the connection is secure. */
  readonly url: string
  readonly options: ClientOptions
  /** For undici. */
  readonly secureUrl: string
  readonly dispatcher: Dispatcher
  close(): Promise<void>
}

const authority = certificateAuthority()
const certificate = authority.issue({ names: ['localhost', '127.0.0.1'] })
const TLS: ListenOptions = { tls: { cert: certificate.cert, key: certificate.key } }

export const WAYS_IN: readonly WayIn[] = [
  overHttp1('wire listener', false, async (proxy) => await listening(proxy, { listener: wireListener() })),
  overHttp1('node listener', false, async (proxy) => await listening(proxy, { listener: nodeListener() })),
  overHttp1('http.Server of one’s own', false, ownServer),
  overHttp1(
    'wire listener with TLS',
    true,
    async (proxy) => await listening(proxy, { ...TLS, listener: wireListener() }),
  ),
  overHttp1(
    'node listener with TLS',
    true,
    async (proxy) => await listening(proxy, { ...TLS, listener: nodeListener() }),
  ),
  overHttp2(
    'HTTP/2 by prior knowledge',
    false,
    async (proxy) => await listening(proxy, { http2: { cleartext: true } }),
  ),
  overHttp2('HTTP/2 with TLS', true, async (proxy) => await listening(proxy, TLS)),
]

interface Place {
  readonly port: number
  close(): Promise<unknown>
}

async function listening(proxy: Proxy, options: ListenOptions): Promise<Place> {
  const { address } = await proxy.listen({ host: '127.0.0.1', ...options })
  return { port: address.port, close: async () => {} }
}

async function ownServer(proxy: Proxy): Promise<Place> {
  const server = createServer(proxy.nodeHandler())
  server.on('upgrade', proxy.upgradeHandler())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, close: async () => await new Promise((resolve) => server.close(resolve)) }
}

function overHttp1(name: string, isSecure: boolean, start: (proxy: Proxy) => Promise<Place>): WayIn {
  return {
    name,
    protocol: 'HTTP/1.1',
    isSecure,
    async open(proxy) {
      const place = await start(proxy)
      const url = `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${place.port}/`
      const dispatcher = new Agent({ allowH2: false, connect: { ca: authority.cert } })
      return {
        url,
        options: { ca: authority.cert },
        secureUrl: url,
        dispatcher,
        async close() {
          await dispatcher.destroy()
          await place.close()
        },
      }
    },
  }
}

/** All clients of `ws` share a connection. */
function overHttp2(name: string, isSecure: boolean, start: (proxy: Proxy) => Promise<Place>): WayIn {
  return {
    name,
    protocol: 'HTTP/2',
    isSecure,
    async open(proxy) {
      const place = await start(proxy)
      const origin = `${isSecure ? 'https' : 'http'}://127.0.0.1:${place.port}`
      const session = connect(origin, { ca: authority.cert })
      // Its streams tell of it.
      session.on('error', () => {})
      await allowsWebSockets(session)
      const dispatcher = isSecure
        ? new Agent({ allowH2: true, connect: { ca: authority.cert } })
        : new H2CClient(origin)
      return {
        url: `ws://127.0.0.1:${place.port}/`,
        // It wants a socket by its type, and nothing of one that a duplex stream does not have.
        options: { createConnection: () => new Http2Socket(session) as never },
        secureUrl: `${origin.replace('http', 'ws')}/`,
        dispatcher,
        async close() {
          session.destroy()
          await dispatcher.destroy()
          await place.close()
        },
      }
    },
  }
}

/** A client has to wait for that (RFC 8441, section 3). */
async function allowsWebSockets(session: ClientHttp2Session): Promise<void> {
  // Rejects where the connection fails.
  const [settings] = (await once(session, 'remoteSettings')) as [{ enableConnectProtocol?: boolean }]
  if (settings.enableConnectProtocol !== true)
    throw new Error('the listener does not say that it takes an extended CONNECT')
}
