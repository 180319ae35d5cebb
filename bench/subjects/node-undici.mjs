/** `http.Server` in front, undici's lowest level behind: about as far as one gets with Node's server and undici's client. */
import { createServer } from 'node:http'
import { Pool } from 'undici'

const [port, upstream] = process.argv.slice(2)
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

const pool = new Pool(upstream, { connections: 256, pipelining: 1 })

const server = createServer({ keepAliveTimeout: 75_000, optimizeEmptyRequests: true }, (request, response) => {
  const headers = endToEnd(request.headers)
  const body = hasBody(request.headers) ? request : null
  pool.dispatch({ method: request.method, path: request.url, headers, body }, new Relay(response))
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))

/** Writes a reply through as it arrives. */
class Relay {
  #response

  constructor(response) {
    this.#response = response
  }

  onRequestStart(controller) {
    this.#response.on('drain', () => controller.resume())
    this.#response.on('close', () => {
      if (!this.#response.writableFinished) controller.abort(new Error('the client has left'))
    })
  }

  onResponseStart(_controller, status, headers) {
    if (status >= 200) this.#response.writeHead(status, endToEnd(headers))
  }

  onResponseData(controller, chunk) {
    if (!this.#response.write(chunk)) controller.pause()
  }

  onResponseEnd() {
    this.#response.end()
  }

  onResponseError() {
    if (this.#response.headersSent) this.#response.destroy()
    else this.#response.writeHead(502).end()
  }
}

function endToEnd(headers) {
  const kept = { ...headers }
  for (const name of HOP_BY_HOP) delete kept[name]
  return kept
}

function hasBody(headers) {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}
