/** The proxy's own listener over HTTP/2: chosen by ALPN, or by prior knowledge without TLS. */
import { type ListenerFactory, nodeListener, wireListener } from '@sluice/core'
import { certificateAuthority } from '@sluice/testing'
import type { Entry } from '../entry.ts'
import { sendOverHttp2 } from '../http2-exchange.ts'

const authority = certificateAuthority()
const certificate = authority.issue({ names: ['localhost'] })

export const ownListenerHttp2: Entry = overTls('own listener over HTTP/2', wireListener)
export const ownNodeListenerHttp2: Entry = overTls('own listener on node:http, over HTTP/2', nodeListener)

export const ownListenerHttp2Cleartext: Entry = {
  name: 'own listener over HTTP/2 without TLS',
  isMounted: false,
  arrival: { scheme: 'http', httpVersion: '2.0' },
  async open(proxy) {
    const { address } = await proxy.listen({ host: '127.0.0.1', http2: { cleartext: true } })
    return {
      send: async (request, watch) => await sendOverHttp2(address.url, undefined, request, watch),
      close: async () => {},
    }
  },
}

function overTls(name: string, createListener: () => ListenerFactory): Entry {
  return {
    name,
    isMounted: false,
    arrival: { scheme: 'https', httpVersion: '2.0' },
    async open(proxy) {
      const tls = { cert: certificate.cert, key: certificate.key }
      const { address } = await proxy.listen({ host: '127.0.0.1', listener: createListener(), tls })
      const origin = `https://localhost:${address.port}`
      return {
        send: async (request, watch) => await sendOverHttp2(origin, authority.cert, request, watch),
        close: async () => {},
      }
    },
  }
}
