/** Who a client says it is, over both engines. */
import { nodeListener, undiciTransport, wireListener, wireTransport } from '@sluice/core'
import { describeWhoIsAsking } from './who-is-asking.ts'

describeWhoIsAsking({ name: 'the own engine', isOwn: true, listener: wireListener, transport: wireTransport })
describeWhoIsAsking({
  name: 'http.Server and undici',
  isOwn: false,
  listener: nodeListener,
  transport: undiciTransport,
})
