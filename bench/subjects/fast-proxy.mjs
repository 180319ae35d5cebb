/**
 * fast-proxy on `http.Server`, with the undici client and the numbers that its documentation gives for throughput; of its
 * clients this is the one that costs least.
 */
import { createServer } from 'node:http'
import fastProxy from 'fast-proxy'

const [port, upstream] = process.argv.slice(2)

const { proxy } = fastProxy({ base: upstream, undici: { connections: 100, pipelining: 10 } })
const server = createServer({ keepAliveTimeout: 75_000, optimizeEmptyRequests: true }, (request, response) =>
  proxy(request, response, request.url, {}),
)
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
