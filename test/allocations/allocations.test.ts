/**
 * What the gateway allocates for a request, held under a ceiling: garbage is the part of the hot path's cost that creeps in
 * unseen. V8's compilers are off in the gateway, so that it allocates what the code asks for; what they would save depends
 * on how warm they are, and so on the machine. What is left varies by half a percent. `pnpm bench --scenario allocations`
 * measures what is allocated in operation.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const WARM_UP = 200
const REQUESTS = 1_000

const BODY = 'x'.repeat(863)
const FIELDS = 'Host: gateway.test\r\nUser-Agent: test\r\nAccept: */*\r\n'
const REPLY = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`

it.each([
  // 15 % above what was measured. Where that is too little, look first for what allocates, with `node --heap-prof`; where it
  // has become much, lower it.
  ['GET', `GET /a?b=c HTTP/1.1\r\n${FIELDS}\r\n`, 13_800],
  ['POST', `POST /a?b=c HTTP/1.1\r\n${FIELDS}Content-Length: ${BODY.length}\r\n\r\n${BODY}`, 16_200],
])('a %s allocates no more than it may', { timeout: 30_000 }, async (_method, request, ceiling) => {
  const count = await gateway(request)
  await count(WARM_UP)
  const bytes = await count(REQUESTS)
  expect(bytes).toBeLessThan(ceiling)
  // Far below, it would not have counted what it was to count.
  expect(bytes).toBeGreaterThan(ceiling / 2)
})

/** Starts a gateway and a target. What it returns sends so many requests, and gives the bytes allocated for each. */
async function gateway(request: string): Promise<(requests: number) => Promise<number>> {
  const target = createServer((socket) => {
    let missing = 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      // Heads come in one piece here, as they are sent in one.
      const text = chunk.toString('latin1')
      if (missing === 0 && text.startsWith('POST')) missing = text.indexOf('\r\n\r\n') + 4 + BODY.length
      missing = Math.max(0, missing - chunk.length)
      if (missing === 0) socket.write(REPLY)
    })
  }).listen(0, '127.0.0.1')
  await once(target, 'listening')
  const script = fileURLToPath(new URL('counted-gateway.ts', import.meta.url))
  const child = fork(script, [`http://127.0.0.1:${(target.address() as AddressInfo).port}`], {
    execArgv: ['--no-opt', '--no-maglev', '--conditions=@sluice/source'],
  })
  onTestFinished(async () => {
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
    target.close()
  })
  const [port] = (await once(child, 'message')) as [number]
  const client = connect({ port, host: '127.0.0.1', noDelay: true })
  onTestFinished(() => void client.destroy())
  return async (requests) => {
    child.send('start')
    await once(child, 'message')
    await exchange(client, request, requests)
    child.send('stop')
    const [bytes] = (await once(child, 'message')) as [number]
    return bytes / requests
  }
}

/** One request after the other on one connection: what comes together in one read depends on nobody's pace. */
async function exchange(socket: Socket, request: string, count: number): Promise<void> {
  let [sent, received] = [0, '']
  await new Promise<void>((resolve) => {
    const next = (): void => {
      if (sent++ < count) return void socket.write(request)
      socket.off('data', onData)
      resolve()
    }
    const onData = (chunk: Buffer): void => {
      received += chunk.toString('latin1')
      if (!received.endsWith(BODY)) return
      received = ''
      next()
    }
    socket.on('data', onData)
    next()
  })
}
