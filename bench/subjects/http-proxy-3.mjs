/** http-proxy-3 on `http.Server`, with an agent: without one it opens a connection for each request. */
import { Agent, createServer } from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const [port, upstream] = process.argv.slice(2)

const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 })
const proxy = createProxyServer({ target: upstream, agent })
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502).end()
  else response.destroy()
})
const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => proxy.web(request, response))
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
