/** A bare `http.Server` with the proxy's handler. */
import { createServer } from 'node:http'
import type { Entry } from '../entry.ts'
import { serve } from './served.ts'

export const bareServer: Entry = {
  name: 'bare http.Server',
  isMounted: false,
  open: async (proxy) => await serve(createServer(proxy.nodeHandler())),
}
