/** A gateway with a plugin that spins where a request asks it to: a process of its own, which says its port to its parent. */
import { createProxy, Reply } from '@sluice/core'
import { plugin } from '@sluice/plugin-host'
import { assemble, spinning } from './plugin-guests.mjs'

const BODY = 'x'.repeat(863)

const middleware = plugin({
  name: 'spinning',
  abi: 'sluice:v1',
  source: { bytes: assemble(spinning) },
  capabilities: { requestHeaders: { read: ['x-plugin'], write: ['*'] } },
  failure: 'open',
})
await middleware.ready
const proxy = createProxy()
  .use(middleware)
  .handle(() => Reply.text(BODY))
const { address } = await proxy.listen()
process.send(address.port)
process.on('disconnect', () => process.exit())
