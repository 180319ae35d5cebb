/** Sluice on its own listener, with nothing between a request and its upstream. */
import { createProxy, createUpstream, wireTransport } from '@sluice/core'
import { tlsOptions } from '../lib/tls-options.mjs'

const [port, upstreamUrl, certificate] = process.argv.slice(2)
const tls = tlsOptions(certificate)

// As many as tunnels need, of which each has a connection of its own.
const transport = wireTransport({ maxConnections: 16_384 })
const upstream = createUpstream('bench', { targets: [upstreamUrl], transport })
const proxy = createProxy().route({ path: '/*' }, (r) => r.forward(upstream))
await proxy.listen({ port: Number(port), host: '127.0.0.1', ...(tls && { tls }) })
console.log('ready')
