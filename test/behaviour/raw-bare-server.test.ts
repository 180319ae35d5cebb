import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runRawTable } from './run-raw-table.ts'

runRawTable({
  name: 'bare http.Server',
  isBare: true,
  async open(proxy) {
    const server = createServer(proxy.nodeHandler())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      port: (server.address() as AddressInfo).port,
      async close() {
        const closed = once(server, 'close')
        server.close()
        server.closeAllConnections()
        await closed
      },
    }
  },
})
