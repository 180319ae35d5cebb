/**
 * WebSocket behind the gateway: pages of other origins are refused, each client has a few tunnels at most, and messages are
 * looked at on their way. Open the page in a browser, or talk to it from a terminal.
 *
 *     node examples/websocket.ts
 *     curl http://localhost:8080/                        # 200
 *     npx wscat -c ws://localhost:8080/chat -o http://localhost:8080
 *     curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' -H 'Origin: https://evil.example' http://localhost:8080/chat   # 403
 *     curl -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 8' http://localhost:8080/chat   # 426
 *     curl http://localhost:8080/tunnels                 # 200
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createProxy, createUpstream, type Proxy, Reply } from '@sluice/core'
import { webSocket } from '@sluice/websocket'
import { WebSocketServer } from 'ws'

// A target that repeats to everybody what somebody says.
const room = new WebSocketServer({ port: 0, host: '127.0.0.1' })
room.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => {
    for (const each of room.clients) each.send(data, { binary: isBinary })
  })
})
await once(room, 'listening')
const rooms = createUpstream('rooms', { targets: [`http://127.0.0.1:${(room.address() as AddressInfo).port}`] })

const chat = webSocket({
  origins: ['same'],
  maxPerClient: 5,
  idleTimeoutMs: 120_000,
  pingIntervalMs: 30_000,
  frames: {
    maxMessageBytes: 65_536,
    onMessage: ({ from, isBinary, data }) => {
      if (isBinary) return false
      return from === 'client' ? data.toString().replaceAll('darn', '****') : undefined
    },
  },
})

const PAGE = `<!doctype html><title>chat</title><input autofocus><pre></pre><script>
const socket = new WebSocket(location.href.replace(/^http/, 'ws') + 'chat')
socket.onmessage = ({ data }) => document.querySelector('pre').append(data + '\\n')
document.querySelector('input').onchange = ({ target }) => { socket.send(target.value); target.value = '' }
</script>`

const proxy: Proxy = createProxy()
  .route({ path: '/chat' }, (route) => route.use(chat).forward(rooms))
  .route({ path: '/tunnels' }, (route) =>
    route.handle(() => {
      const open = proxy.tunnels.map(({ bytesFromClient, bytesFromTarget }) => ({ bytesFromClient, bytesFromTarget }))
      return Reply.json({ open, ...chat.snapshot() })
    }),
  )
  .route({ path: '/' }, (route) =>
    route.handle(() => Reply.text(PAGE, { headers: { 'Content-Type': 'text/html; charset=utf-8' } })),
  )

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
// Each tunnel gets its Close 1001 within half of this time.
process.once('SIGTERM', () => void proxy.close({ drainMs: 5_000 }).then(() => room.close()))
console.log(`listening on ${listener.address.url}`)
