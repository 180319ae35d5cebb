/** The proxy's own listener. */
import type { Entry } from '../entry.ts'
import { sendOverSocket } from '../socket-exchange.ts'

export const ownListener: Entry = {
  name: 'own listener',
  isMounted: false,
  async open(proxy) {
    const { address } = await proxy.listen({ host: '127.0.0.1' })
    return {
      send: async (request, watch) => await sendOverSocket(address.port, request, watch),
      close: async () => {},
    }
  },
}
