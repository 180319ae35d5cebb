/**
 * `echo.mjs PORT BYTES TOKEN MESSAGE_BYTES`: the far end of tunnels, on raw sockets. It answers a WebSocket handshake, and then
 * each message with one of the same content, by counting bytes; any other request with BYTES of JSON.
 */
import { createServer } from 'node:net'
import { jsonReply } from '../lib/reply-body.mjs'
import { acceptance, messageFrames } from '../lib/web-socket.mjs'

const [port, bytes, token, messageBytes] = process.argv.slice(2)
const REPLY = jsonReply(Number(bytes), token)
const { toServer, toClient } = messageFrames(Number(messageBytes))

createServer({ noDelay: true }, (socket) => {
  let text = ''
  /** Of the message under way; -1 while there is no tunnel. */
  let missing = -1
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    if (missing >= 0) return echo(chunk)
    text += chunk.latin1Slice()
    if (!text.endsWith('\r\n\r\n')) return
    const key = /^sec-websocket-key: *(\S+)\r$/im.exec(text)?.[1]
    text = ''
    if (key === undefined) return socket.write(REPLY)
    missing = toServer.length
    socket.write(acceptance(key))
  })
  function echo(chunk) {
    missing -= chunk.length
    while (missing <= 0) {
      missing += toServer.length
      socket.write(toClient)
    }
  }
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
