/** Sluice as a handler inside `http.Server`, or `https.Server`. */
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createProxy, createUpstream, wireTransport } from '@sluice/core'
import { tlsOptions } from '../lib/tls-options.mjs'

const [port, upstreamUrl, certificate] = process.argv.slice(2)
const tls = tlsOptions(certificate)

// As many as tunnels need, of which each has a connection of its own.
const transport = wireTransport({ maxConnections: 16_384 })
const upstream = createUpstream('bench', { targets: [upstreamUrl], transport })
const proxy = createProxy().route({ path: '/*' }, (r) => r.forward(upstream))
const create = tls === undefined ? createServer : createSecureServer
const server = create({ keepAliveTimeout: 75_000, optimizeEmptyRequests: true, ...tls }, proxy.nodeHandler())
server.on('upgrade', proxy.upgradeHandler())
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
