/** fast-proxy with one request at a time on each of its connections, as all proxies here. */
import { startFastProxy } from '../lib/start-fast-proxy.mjs'

startFastProxy({ connections: 256, pipelining: 1 })
