/** Nothing that a client or an upstream does ends the process, nor leaves anything behind in it. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Random } from '@sluice/core'
import {
  hostileUpstream,
  listenUpstream,
  rawClient,
  seededRandom,
  waitFor,
  type HostileBehaviour,
} from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { PREFACE } from '../floods/frames.ts'
import { closing } from './clean-up.ts'
import { COMBINATIONS } from './combinations.ts'
import { hostileFrames } from './hostile-frames.ts'

const INTERACTIONS = 1_000
const CONCURRENCY = 48
const SEED = 20_240_607
/** For one reply of a process that others keep busy. */
const PATIENCE_MS = 5_000

// RFC 6455, section 1.3.
const VERSION = 'Sec-WebSocket-Version: 13'
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const SWITCHED = `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${ACCEPT}\r\n\r\n`

const UPSTREAMS: readonly HostileBehaviour[] = [
  { kind: 'refuse' },
  { kind: 'accept-and-hang' },
  { kind: 'reset-on-accept' },
  { kind: 'reset-after-head-received' },
  { kind: 'reset-mid-head' },
  { kind: 'reset-mid-body' },
  { kind: 'fin-mid-body' },
  { kind: 'fin-mid-chunk' },
  { kind: 'stall-mid-body' },
  { kind: 'long-content-length' },
  { kind: 'second-head' },
  { kind: 'bad-status-line' },
  { kind: 'huge-head', bytes: 100_000 },
  { kind: 'content-length-and-chunked' },
  { kind: 'bad-chunk-size' },
  { kind: 'drip', part: 'body', everyMs: 2 },
  { kind: 'close-idle-after-reply', when: 'second-request', leave: 'reset' },
  { kind: 'early-response' },
  { kind: 'raw', bytes: `${SWITCHED}hi`, leave: 'reset' },
  { kind: 'raw', bytes: `${SWITCHED}hi`, leave: 'fin' },
  { kind: 'raw', bytes: 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi', leave: 'fin' },
  { kind: 'raw', bytes: 'HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Go\r\n\r\nHTTP/1.1 204 No\r\n\r\n' },
]

const opened = closing()

describe.each(COMBINATIONS.map(([listener, transport], index) => ({ listener, transport, index })))(
  'process safety, $listener.name listener, $transport.name transport',
  ({ index }) => {
    it(`survives ${INTERACTIONS} hostile interactions`, { timeout: 30_000 }, async () => {
      const good = opened(await listenUpstream(() => ({ body: 'still here' })))
      const hostile = await Promise.all(UPSTREAMS.map(async (behaviour) => opened(await hostileUpstream(behaviour))))
      const { child, port, stderr } = await start(index, [good.url, ...hostile.map(({ url }) => url)])
      const random = seededRandom(SEED + index)
      let begun = 0
      const worker = async (): Promise<void> => {
        while (begun++ < INTERACTIONS && child.exitCode === null) await interact(port, random)
      }
      await Promise.all(Array.from({ length: CONCURRENCY }, worker))
      expect([child.exitCode, child.signalCode, stderr()]).toEqual([null, null, ''])

      const client = await rawClient({ port })
      client.write('GET /0/ HTTP/1.1\r\nHost: a\r\n\r\n')
      expect((await client.readResponse({ timeoutMs: PATIENCE_MS })).body.toString()).toBe('still here')
      let state = {}
      await waitForState(async () => {
        client.write('GET /state HTTP/1.1\r\nHost: a\r\n\r\n')
        state = JSON.parse((await client.readResponse({ timeoutMs: PATIENCE_MS })).body.toString()) as object
        return Object.values(state).every((count) => count === 0)
      }).catch(() => {})
      expect(state).toEqual({ inFlight: 0, active: 0, connections: 0 })
      client.destroy()
    })
  },
)

async function start(combination: number, origins: readonly string[]) {
  const script = fileURLToPath(new URL('gateway-process.ts', import.meta.url))
  const child: ChildProcess = fork(script, [String(combination), ...origins], {
    execArgv: ['--conditions=@sluice/source'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  let errors = ''
  child.stderr!.on('data', (text: Buffer) => (errors += text.toString()))
  opened({
    async close() {
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  })
  const [port] = (await once(child, 'message')) as [number]
  return { child, port, stderr: () => errors }
}

async function waitForState(look: () => Promise<boolean>): Promise<void> {
  let isThere = false
  let looking = false
  const again = async (): Promise<void> => {
    looking = true
    isThere = await look()
    looking = false
  }
  await waitFor(
    () => {
      if (!isThere && !looking) void again()
      return isThere
    },
    { timeoutMs: 6_000, intervalMs: 20 },
  )
}

/** One connection: some bytes in some pieces, some patience, and some way to leave. */
async function interact(port: number, random: Random): Promise<void> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  const gone = new Promise<unknown>((resolve) => socket.once('close', resolve))
  const bytes = hostileRequest(pick, random)
  const cut = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length
  const split = Math.floor(random() * cut)
  if (random() < 0.2) socket.pause()
  else socket.resume()
  socket.write(bytes.subarray(0, split))
  if (random() < 0.5) await patience(gone, random() * 4)
  socket.write(bytes.subarray(split, cut))
  await patience(gone, random() < 0.1 ? 40 : random() * 8)
  const leave = random()
  if (leave < 0.4) socket.resetAndDestroy()
  else if (leave < 0.7) socket.destroy()
  else {
    socket.end()
    await patience(gone, 5)
    socket.destroy()
  }
  await gone
}

async function patience(gone: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([gone, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

function hostileRequest(pick: <T>(list: readonly T[]) => T, random: Random): Buffer {
  const route = pick([...UPSTREAMS.keys(), -1]) + 1
  const path = pick([
    `/${route}/x`,
    `/${route}/x`,
    `/${route}/x`,
    '/early/x',
    '/none',
    `/${route}/%00`,
    `/${route}/..%2f`,
  ])
  const head = (method: string, ...fields: readonly string[]): string =>
    `${method} ${path} HTTP/${pick(['1.1', '1.1', '1.1', '1.0'])}\r\n${['Host: a', ...fields].join('\r\n')}\r\n\r\n`
  const get = head('GET')
  const size = pick([1, 100, 70_000])
  const requests: readonly (() => string)[] = [
    () => get,
    () => get + get + get,
    () => head('HEAD'),
    () => head('POST', `Content-Length: ${size}`) + 'x'.repeat(size),
    () => head('POST', 'Content-Length: 500000') + 'x'.repeat(size),
    () => `${head('POST', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
    () => `${head('POST', 'Transfer-Encoding: chunked')}5\r\nhello\r\nzz\r\n`,
    () => `${head('PUT', 'Expect: 100-continue', 'Content-Length: 5')}hello`,
    () => `${head('GET', 'Connection: Upgrade', 'Upgrade: websocket')}bytes ahead`,
    () => `${head('GET', 'Connection: Upgrade', 'Upgrade: websocket', VERSION, KEY)}bytes ahead`,
    () => head('GET', 'Connection: Upgrade', 'Upgrade: h2c'),
    () => head('CONNECT'),
    () => head('POST', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
    () => head('GET', `X: ${'x'.repeat(40_000)}`),
    () => PREFACE.toString('latin1'),
    () => hostileFrames(path, pick, random).toString('latin1'),
    () => hostileFrames(path, pick, random).toString('latin1'),
    () => hostileFrames(path, pick, random).toString('latin1'),
    () => Array.from({ length: 200 }, () => String.fromCharCode(random() * 256)).join(''),
    () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ]
  return Buffer.from(pick(requests)(), 'latin1')
}
