/** Not a proxy: `http.Server` that answers by itself what the upstream would, the floor for anything built on it. */
import { createServer } from 'node:http'

const [port, upstream] = process.argv.slice(2)

const reply = await fetch(upstream)
const body = Buffer.from(await reply.arrayBuffer())
const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length }

const server = createServer({ keepAliveTimeout: 75_000, optimizeEmptyRequests: true }, (request, response) => {
  const answer = () => response.writeHead(200, headers).end(body)
  if (request.headers['content-length'] === undefined) answer()
  else request.resume().on('end', answer)
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
