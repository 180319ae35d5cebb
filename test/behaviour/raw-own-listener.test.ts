import { runRawTable } from './run-raw-table.ts'

runRawTable({
  name: 'own listener',
  isBare: false,
  async open(proxy) {
    const { address } = await proxy.listen({ host: '127.0.0.1' })
    return { port: address.port, close: async () => {} }
  },
})
