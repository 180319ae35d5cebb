/** What one writes for HTTP/2 clients: `http2.createSecureServer` in front of undici's `dispatch`. */
import { createSecureServer } from 'node:http2'
import { Pool } from 'undici'
import { tlsOptions } from '../lib/tls-options.mjs'

const [port, upstream, certificate] = process.argv.slice(2)
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

const pool = new Pool(upstream, { connections: 256, pipelining: 1 })

const server = createSecureServer({ ...tlsOptions(certificate) })
server.on('stream', (stream, headers, flags) => {
  const { ':method': method, ':path': path, ':authority': host } = headers
  const body = flags & 1 ? null : stream
  pool.dispatch({ method, path, headers: { ...endToEnd(headers), host }, body }, new Relay(stream))
})
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))

/** Writes a reply through as it arrives. */
class Relay {
  #stream

  constructor(stream) {
    this.#stream = stream
    stream.on('error', () => {})
  }

  onRequestStart(controller) {
    this.#stream.on('drain', () => controller.resume())
    this.#stream.on('close', () => {
      if (!this.#stream.writableFinished) controller.abort(new Error('the client has left'))
    })
  }

  onResponseStart(_controller, status, headers) {
    if (status >= 200) this.#stream.respond({ ...endToEnd(headers), ':status': status })
  }

  onResponseData(controller, chunk) {
    if (!this.#stream.write(chunk)) controller.pause()
  }

  onResponseEnd() {
    this.#stream.end()
  }

  onResponseError() {
    if (this.#stream.destroyed) return
    if (this.#stream.headersSent) this.#stream.close(2)
    else this.#stream.respond({ ':status': 502 }, { endStream: true })
  }
}

function endToEnd(headers) {
  const kept = {}
  for (const name of Object.keys(headers)) {
    if (!name.startsWith(':') && !HOP_BY_HOP.includes(name)) kept[name] = headers[name]
  }
  return kept
}
