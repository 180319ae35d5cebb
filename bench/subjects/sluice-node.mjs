/** Sluice as a handler inside `http.Server`. */
import { createServer } from 'node:http'
import { createProxy, createUpstream } from '@sluice/core'

const [port, upstreamUrl] = process.argv.slice(2)

const upstream = createUpstream('bench', { targets: [upstreamUrl] })
const proxy = createProxy().route({ path: '/*' }, (r) => r.forward(upstream))
const server = createServer({ keepAliveTimeout: 75_000 }, proxy.nodeHandler())
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
