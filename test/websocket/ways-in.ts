/** The ways in which a WebSocket gets to a proxy. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeListener, type Proxy, wireListener } from '@sluice/core'

export interface WayIn {
  readonly name: string
  /** Opens it, and says the port. */
  open(proxy: Proxy): Promise<{ readonly port: number; close(): unknown }>
}

export const WAYS_IN: readonly WayIn[] = [
  {
    name: 'wire listener',
    open: async (proxy) => {
      const { address } = await proxy.listen({ host: '127.0.0.1', listener: wireListener() })
      return { port: address.port, close() {} }
    },
  },
  {
    name: 'node listener',
    open: async (proxy) => {
      const { address } = await proxy.listen({ host: '127.0.0.1', listener: nodeListener() })
      return { port: address.port, close() {} }
    },
  },
  {
    name: 'http.Server of one’s own',
    open: async (proxy) => {
      const server = createServer(proxy.nodeHandler())
      server.on('upgrade', proxy.upgradeHandler())
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return {
        port: (server.address() as AddressInfo).port,
        close: async () => await new Promise((resolve) => server.close(resolve)),
      }
    },
  },
]
