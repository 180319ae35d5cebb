/** Many kept-alive client connections that do nothing: what a proxy's memory costs for each. */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { residentBytes, servingProcesses } from '../lib/proc-stat.mjs'

const OPENING_AT_ONCE = 64
/** Until allocators and collectors have done what they do after a burst. */
const SETTLE_MS = 3000

export const idleConnections = {
  name: 'idle-connections',
  title: 'Idle kept-alive connections',
  // Memory that an earlier turn left behind would hide what this turn's connections take.
  fresh: true,
  columns: [
    { key: 'kibPerConnection', title: 'KiB/connection', digits: 1 },
    { key: 'idleMib', title: 'MiB with them', digits: 0 },
    { key: 'baseMib', title: 'MiB before', digits: 0 },
  ],
  must: [{ subject: 'sluice', key: 'kibPerConnection', atMost: 10 }],
  defaults: { connections: 10_000, seconds: 0, rounds: 3, warmupSeconds: 3, size: 863 },
  // The warm-up is an ordinary load; the idle connections are opened here.
  plan: ({ size, connections, ...plan }) => ({
    ...plan,
    connections: 64,
    idle: connections,
    replyBytes: size,
    bodyBytes: 0,
  }),
  describe: ({ connections }) =>
    `Growth of resident memory by ${connections} client connections after one request each, in a process that was under load before.`,
  async measure(subject, plan) {
    const pids = servingProcesses(subject.pid)
    await delay(SETTLE_MS)
    const before = residentBytes(pids)
    const sockets = await openAll(subject.port, plan.idle)
    await delay(SETTLE_MS)
    const after = residentBytes(pids)
    const lost = sockets.filter((socket) => socket.closed || socket.readableEnded).length
    for (const socket of sockets) socket.destroy()
    return {
      values: {
        kibPerConnection: (after - before) / plan.idle / 1024,
        idleMib: after / 2 ** 20,
        baseMib: before / 2 ** 20,
      },
      errors: lost === 0 ? [] : [`${lost} connections were closed`],
    }
  },
}

async function openAll(port, count) {
  const sockets = []
  const opener = async () => {
    while (sockets.length < count) {
      const socket = connect({ port, host: '127.0.0.1' })
      sockets.push(socket)
      await oneRequest(socket)
    }
  }
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener))
  return sockets
}

/** Resolves when the whole reply is here; its end is known by its length. */
function oneRequest(socket) {
  const { promise, resolve, reject } = Promise.withResolvers()
  let reply = ''
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('a connection was closed before its reply')))
  socket.on('data', (chunk) => {
    reply += chunk.latin1Slice()
    const head = reply.indexOf('\r\n\r\n')
    if (head < 0) return
    if (!reply.startsWith('HTTP/1.1 200')) reject(new Error(`a connection was answered ${reply.slice(0, 12)}`))
    const length = /\r\ncontent-length: *(\d+)/i.exec(reply)?.[1]
    if (length === undefined ? reply.endsWith('\r\n0\r\n\r\n') : reply.length >= head + 4 + Number(length)) resolve()
  })
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  return promise
}
