/**
 * Sluice as people deploy it: a request ID, an access log, header rules both ways, a rate check per client and least
 * connections. All of it stands here, so that the figure is that of the chain and not of one implementation of a policy.
 */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { createProxy, createUpstream, defineMiddleware, Reply } from '@sluice/core'

const [port, upstreamUrl] = process.argv.slice(2)

const requestId = defineMiddleware('request-id', async (exchange, next) => {
  const id = exchange.request.headers.get('x-request-id') ?? randomUUID()
  exchange.request.headers.set('X-Request-Id', id)
  const reply = await next(exchange)
  reply.headers.set('X-Request-Id', id)
  return reply
})

/** One JSON line for each exchange. Lines leave together, as any logger worth its name writes them. */
const log = createWriteStream('/dev/null')
let lines = ''
const accessLog = defineMiddleware('access-log', (exchange, next) => {
  exchange.onEnd(({ reply, durationMs, bodyBytes }) => {
    const { method, target } = exchange.request
    const id = exchange.request.headers.get('x-request-id')
    lines += `${JSON.stringify({ id, method, target, status: reply?.status, bodyBytes, durationMs })}\n`
    if (lines.length > 16_384) flush()
  })
  return next(exchange)
})
function flush() {
  if (lines !== '') log.write(lines)
  lines = ''
}
setInterval(flush, 1000)

const headerRules = defineMiddleware('header-rules', async (exchange, next) => {
  const { headers } = exchange.request
  headers.set('X-Gateway', 'bench')
  headers.delete('X-Internal')
  headers.delete('Cookie')
  const reply = await next(exchange)
  reply.headers.set('Strict-Transport-Security', 'max-age=31536000')
  reply.headers.delete('Server')
  reply.headers.delete('X-Powered-By')
  return reply
})

/** A token bucket for each client address, wide enough to refuse nobody here. */
const RATE_PER_MS = 1000
const BURST = 1_000_000
const buckets = new Map()
const rateCheck = defineMiddleware('rate-check', (exchange, next) => {
  const key = exchange.client.address
  const now = exchange.clock.now()
  let bucket = buckets.get(key)
  if (bucket === undefined) buckets.set(key, (bucket = { tokens: BURST, at: now }))
  bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) * RATE_PER_MS)
  bucket.at = now
  if (bucket.tokens < 1) return Reply.text('Too many requests\n', { status: 429 })
  bucket.tokens -= 1
  return next(exchange)
})

/** The target with the fewest attempts under way; with three targets a scan is as good as a heap. */
const leastConnections = () => {
  let targets = []
  return {
    name: 'least-connections',
    update(admissible) {
      targets = admissible
    },
    pick(_exchange, tried) {
      let best
      for (const target of targets) {
        if (best !== undefined && target.active >= best.active) continue
        if (tried.every((attempt) => attempt.target !== target)) best = target
      }
      return best
    },
  }
}

// Three names for the one upstream that is there: a pool with a single member would leave nothing to choose.
const targets = ['/a', '/b', '/c'].map((path) => upstreamUrl.replace(/\/$/, '') + path)
const upstream = createUpstream('bench', { targets, balancer: leastConnections })
const proxy = createProxy()
  .use(requestId)
  .use(accessLog)
  .use(headerRules)
  .use(rateCheck)
  .route({ path: '/*' }, (r) => r.forward(upstream))
await proxy.listen({ port: Number(port), host: '127.0.0.1' })
console.log('ready')
