/** What one writes with Node alone: `http.Server` in front, `http.request` with a keep-alive agent behind. */
import { Agent, createServer, request as connect } from 'node:http'
import { pipeline } from 'node:stream'

const [port, upstream] = process.argv.slice(2)
const { hostname, port: upstreamPort } = new URL(upstream)
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 })

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  const outgoing = connect({
    agent,
    hostname,
    port: upstreamPort,
    method: request.method,
    path: request.url,
    headers: endToEnd(request.headers),
  })
  outgoing.on('response', (reply) => {
    response.writeHead(reply.statusCode, endToEnd(reply.headers))
    pipeline(reply, response, () => {})
  })
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  })
  response.on('close', () => {
    if (!response.writableFinished) outgoing.destroy()
  })
  if (hasBody(request.headers)) pipeline(request, outgoing, () => {})
  else outgoing.end()
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))

function endToEnd(headers) {
  const kept = { ...headers }
  for (const name of HOP_BY_HOP) delete kept[name]
  return kept
}

function hasBody(headers) {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}
