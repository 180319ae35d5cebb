import { type ListenerFactory, nodeListener, undiciTransport, wireListener, wireTransport } from '@sluice/core'
import { type RawEntry, runRawTable } from './run-raw-table.ts'

runRawTable(entryOn('own listener', wireListener), wireTransport)
runRawTable(entryOn('own listener, undici', wireListener), undiciTransport)
runRawTable(entryOn('own listener on node:http', nodeListener), wireTransport)
runRawTable(entryOn('own listener on node:http, undici', nodeListener), undiciTransport)

function entryOn(name: string, createListener: () => ListenerFactory): RawEntry {
  return {
    name,
    isBare: false,
    async open(proxy) {
      const { address } = await proxy.listen({ host: '127.0.0.1', listener: createListener() })
      return { port: address.port, close: async () => {} }
    },
  }
}
