/** httpxy on `http.Server`. Its default agent keeps connections. */
import { createServer } from 'node:http'
import { createProxyServer } from 'httpxy'

const [port, upstream] = process.argv.slice(2)

const proxy = createProxyServer({ target: upstream })
const server = createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
  try {
    await proxy.web(request, response)
  } catch {
    if (response.headersSent) response.destroy()
    else response.writeHead(502).end()
  }
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
