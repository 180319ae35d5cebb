/**
 * `tunnel-client.mjs PORT TUNNELS SECONDS BYTES`: opens WebSocket tunnels and has one message under way in each, sent again as
 * soon as its echo is here. Prints a line of JSON. Bytes are counted, not parsed, so that it costs less than what it measures.
 */
import { openTunnel } from './open-tunnel.mjs'
import { messageFrames } from './web-socket.mjs'

const [port, tunnels, seconds, bytes] = process.argv.slice(2).map(Number)
const { toServer, toClient } = messageFrames(bytes)

/** Times from a message to its echo, in microseconds; the last place is for all that are longer. */
const times = new Uint32Array(200_000)
const errors = new Set()
let echoes = 0
let isOver = false

const open = []
for (let i = 0; i < tunnels; i++) open.push(await openTunnel(port, receive))
for (const tunnel of open) {
  Object.assign(tunnel, { received: 0, sentAt: 0, isChecked: false })
  tunnel.socket.once('close', () => isOver || errors.add('a tunnel was closed'))
  send(tunnel)
}
const startedAt = performance.now()
setTimeout(() => {
  isOver = true
  const elapsed = (performance.now() - startedAt) / 1000
  for (const { socket } of open) socket.destroy()
  const result = { echoes, seconds: elapsed, p50Ms: percentile(0.5), p99Ms: percentile(0.99), errors: [...errors] }
  console.log(JSON.stringify(result))
}, seconds * 1000)

function send(tunnel) {
  tunnel.sentAt = performance.now()
  tunnel.socket.write(toServer)
}

function receive(tunnel, chunk, length) {
  // The first echo of each tunnel is looked at; of the others it is enough that none is missing.
  if (!tunnel.isChecked && tunnel.received === 0 && length === toClient.length) {
    tunnel.isChecked = true
    if (!chunk.subarray(0, length).equals(toClient)) errors.add('another message than the one that was sent')
  }
  tunnel.received += length
  if (tunnel.received < toClient.length || isOver) return
  if (tunnel.received > toClient.length) errors.add('more bytes than were asked for')
  tunnel.received = 0
  echoes++
  const micros = Math.round((performance.now() - tunnel.sentAt) * 1000)
  times[Math.min(micros, times.length - 1)]++
  send(tunnel)
}

function percentile(share) {
  let left = Math.ceil(echoes * share)
  const micros = times.findIndex((count) => (left -= count) <= 0)
  return micros / 1000
}
