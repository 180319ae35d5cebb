/** Sluice with its cache in memory: after the first request all are hits. */
import { httpCache, memoryStore } from '@sluice/cache'
import { createProxy, createUpstream, wireTransport } from '@sluice/core'

const [port, upstreamUrl] = process.argv.slice(2)

const transport = wireTransport({ maxConnections: 16_384 })
const upstream = createUpstream('bench', { targets: [upstreamUrl], transport })
const cache = httpCache({ store: memoryStore({ maxBytes: 64 * 1024 * 1024 }), defaultTtlMs: 3_600_000 })
const proxy = createProxy().route({ path: '/*' }, (r) => r.use(cache).forward(upstream))
await proxy.listen({ port: Number(port), host: '127.0.0.1' })
console.log('ready')
