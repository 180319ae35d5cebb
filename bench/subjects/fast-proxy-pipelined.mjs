/** fast-proxy with the numbers that its documentation shows: up to ten requests, of several clients, one behind the other on a connection. */
import { startFastProxy } from '../lib/start-fast-proxy.mjs'

startFastProxy({ connections: 100, pipelining: 10 })
