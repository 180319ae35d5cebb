/**
 * `constant.mjs PORT BYTES TOKEN`: the same JSON for every request, on raw sockets, so that the upstream takes as little
 * of the machine as it can. It reads each request body to its end before it answers. Lax on purpose: it trusts the
 * proxies that are measured to send well-formed heads.
 */
import { createServer } from 'node:net'
import { jsonReply } from '../lib/reply-body.mjs'

const [port, bytes, token] = process.argv.slice(2)
const REPLY = jsonReply(Number(bytes), token)

createServer({ noDelay: true }, (socket) => {
  const connection = new Connection(socket)
  socket.on('data', (chunk) => connection.read(chunk))
  socket.on('error', () => socket.destroy())
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))

/** Counts its way through heads and bodies. `text` holds what has not been understood yet, never body bytes. */
class Connection {
  #socket
  #text = ''
  /** What comes next: `head`, `body` (of known length), `size` (of a chunk), `chunk`, `trailers`. */
  #state = 'head'
  #left = 0

  constructor(socket) {
    this.#socket = socket
  }

  read(chunk) {
    let at = 0
    for (;;) {
      if (this.#state === 'body' || this.#state === 'chunk') {
        const taken = Math.min(this.#left, chunk.length - at)
        this.#left -= taken
        at += taken
        if (this.#left > 0) return
        if (this.#state === 'body') this.#answer()
        else this.#state = 'size'
      }
      this.#text += chunk.latin1Slice(at)
      const end = this.#text.indexOf(this.#state === 'head' ? '\r\n\r\n' : '\r\n')
      if (end < 0) return
      const line = this.#text.slice(0, end)
      // What follows goes back to bytes: it may be a body.
      chunk = Buffer.from(this.#text.slice(end + (this.#state === 'head' ? 4 : 2)), 'latin1')
      at = 0
      this.#text = ''
      this.#next(line)
    }
  }

  #next(line) {
    if (this.#state === 'head') {
      if (/\r\ntransfer-encoding: *chunked/i.test(line)) this.#state = 'size'
      else this.#expect('body', Number(/\r\ncontent-length: *(\d+)/i.exec(line)?.[1] ?? 0))
      if (/\r\nexpect: *100-continue/i.test(line)) this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    } else if (this.#state === 'size') {
      const size = Number.parseInt(line, 16)
      if (size === 0) this.#state = 'trailers'
      else this.#expect('chunk', size + 2) // with the line end after it
    } else if (line === '') {
      this.#answer()
    }
  }

  #expect(state, bytes) {
    this.#state = state
    this.#left = bytes
  }

  #answer() {
    this.#state = 'head'
    this.#socket.write(REPLY)
  }
}
