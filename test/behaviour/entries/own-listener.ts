/** The proxy's own listener, of each kind. */
import { type ListenerFactory, nodeListener, wireListener } from '@sluice/core'
import type { Entry } from '../entry.ts'
import { sendOverSocket } from '../socket-exchange.ts'

export const ownListener: Entry = entryOn('own listener', wireListener)
export const ownNodeListener: Entry = entryOn('own listener on node:http', nodeListener)

function entryOn(name: string, createListener: () => ListenerFactory): Entry {
  return {
    name,
    isMounted: false,
    async open(proxy) {
      const { address } = await proxy.listen({ host: '127.0.0.1', listener: createListener() })
      return {
        send: async (request, watch) => await sendOverSocket(address.port, request, watch),
        close: async () => {},
      }
    },
  }
}
