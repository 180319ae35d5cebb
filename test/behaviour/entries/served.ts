/** What the entries behind an `http.Server` of their own share. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { OpenEntry } from '../entry.ts'
import { sendOverSocket } from '../socket-exchange.ts'

/** Listens on a free port of loopback. */
export async function serve(server: Server): Promise<OpenEntry> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  const { port } = server.address() as AddressInfo
  return {
    send: async (request, watch) => await sendOverSocket(port, request, watch),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
