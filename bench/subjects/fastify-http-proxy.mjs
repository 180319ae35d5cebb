/** @fastify/http-proxy in Fastify, logging off. Its default client, an undici pool, keeps connections. */
import httpProxy from '@fastify/http-proxy'
import fastify from 'fastify'

const [port, upstream] = process.argv.slice(2)

const server = fastify({ logger: false, keepAliveTimeout: 75_000 })
await server.register(httpProxy, { upstream })
await server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
console.log('ready')
