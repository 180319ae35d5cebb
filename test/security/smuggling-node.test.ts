/** The corpus over Node's server and undici's client. */
import { nodeListener, undiciTransport } from '@sluice/core'
import { describeSmuggling } from './smuggling.ts'

describeSmuggling({ name: 'http.Server and undici', isOwn: false, listener: nodeListener, transport: undiciTransport })
