/**
 * http-proxy-3 on `http.Server`, with an agent: without one it opens a connection for each request. With TLS it is on the server
 * that its own `listen` makes.
 */
import { Agent, createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createProxyServer } from 'http-proxy-3'
import { tlsOptions } from '../lib/tls-options.mjs'

const [port, upstream, certificate] = process.argv.slice(2)
const tls = tlsOptions(certificate)

const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 })
const proxy = createProxyServer({ target: upstream, agent })
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502).end()
  else response.destroy()
})
const listener = (request, response) => proxy.web(request, response)
const http1Options = { keepAliveTimeout: 75_000 }
const server =
  tls === undefined
    ? createServer(http1Options, listener)
    : createSecureServer({ ...tls, allowHTTP1: true, http1Options }, listener)
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head))
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
