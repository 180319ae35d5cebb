/**
 * A process with warm pools and nothing else to do: for the port it is given, for one that refuses, and for a handshake that
 * gets no answer.
 */
import { ConnectionPool, DEFAULT_LIMITS, type PoolOptions, systemClock } from '../../src/index.ts'

const options: PoolOptions = {
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  limits: DEFAULT_LIMITS,
  maxConnections: 10,
  maxPending: 10,
  pendingTimeoutMs: 1_000,
  connectTimeoutMs: 1_000,
  idleTimeoutMs: 4_000,
  maxLifetimeMs: 60_000,
  maxRequests: 0,
  minIdle: 2,
  reuse: 'safe',
}
const one = new ConnectionPool(options, systemClock, () => 0.5)
one.warmUp()
new ConnectionPool({ ...options, port: 1 }, systemClock, () => 0.5).warmUp()
new ConnectionPool({ ...options, tls: {}, connectTimeoutMs: 0 }, systemClock, () => 0.5).warmUp()
const look = setInterval(() => {
  if (one.stats.idle < 2) return
  process.stdout.write(`idle: ${one.stats.idle}\n`)
  clearInterval(look)
  one.acquire({
    isRepeatable: true,
    needsFresh: false,
    acquired: ({ socket }) => {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      // Nobody has asked by way of the connection, so that it closes when the reply comes.
      socket.once('close', () => process.stdout.write('answered\n'))
    },
    refused: () => {},
  })
}, 5)
