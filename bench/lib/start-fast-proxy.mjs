/** fast-proxy on `http.Server`, with the settings of its undici client; of its clients that one costs least. */
import { createServer } from 'node:http'
import fastProxy from 'fast-proxy'

export function startFastProxy(undici) {
  const [port, upstream] = process.argv.slice(2)
  const { proxy } = fastProxy({ base: upstream, undici })
  const server = createServer({ keepAliveTimeout: 75_000, optimizeEmptyRequests: true }, (request, response) =>
    proxy(request, response, request.url, {}),
  )
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
}
