/** Sluice on its own listener, with nothing between a request and its upstream. */
import { createProxy, createUpstream } from '@sluice/core'

const [port, upstreamUrl] = process.argv.slice(2)

const upstream = createUpstream('bench', { targets: [upstreamUrl] })
const proxy = createProxy().route({ path: '/*' }, (r) => r.forward(upstream))
await proxy.listen({ port: Number(port), host: '127.0.0.1' })
console.log('ready')
